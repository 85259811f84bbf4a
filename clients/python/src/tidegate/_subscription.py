"""Rooms that are joined."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

from ._queue import Queue
from ._types import Cursor, Event, is_past, place_of

Handler = Callable[[Event], object]


class Subscription:
    """A room that is joined, again after each lost connection, from its cursor on, until it is left.

    Nothing is lost and nothing comes twice, as far as the room's history reaches; where it does not, an event `gap` says
    so (`Gap`). To be iterated by one consumer at a time; who breaks out of the loop stays in the room. The iterator ends
    with `leave` and with the client, and raises where the gateway does not let the client in again.
    """

    def __init__(
        self,
        room: str,
        wanted: dict[str, Any],
        *,
        queue: int,
        handler: Handler | None,
        leave: Callable[[Subscription], Awaitable[None]],
        run: Callable[[Callable[[Event], object], Event], None],
    ) -> None:
        self.room = room
        """Its name."""
        self.cursor: Cursor | None = None
        """The place of the newest event that came; keep it to go on from there in another process."""
        self.recovered: bool | None = None
        """Whether nothing was missing at the last join; None where it did not ask for anything before it."""
        self._live = False
        """Whether it is joined on this connection. What comes before the join's reply comes behind it once more."""
        self._resolve: Callable[[], None] = lambda: None
        self._reject: Callable[[Exception], None] | None = None
        self._first = wanted
        self._most = queue
        self._handler = handler
        self._leave = leave
        self._run = run
        self._queue: Queue[Event] = Queue()
        # The places of the newest event that came, against doubles, and of the last that was taken.
        self._newest: Cursor | None = None
        self._taken: Cursor | None = None

    async def leave(self) -> None:
        """Leaves the room; the iterator ends."""
        await self._leave(self)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        event = await self._queue.next()
        self._taken = place_of(event) or self._taken
        return event

    @property
    def _wanted(self) -> dict[str, Any]:
        """What is asked for with the join."""
        if self.cursor is None:
            return self._first
        return {**{k: v for k, v in self._first.items() if k != "last"}, "since": self.cursor}

    def _joined(self, data: dict[str, Any]) -> None:
        """The join's reply came."""
        since = self._first.get("since")
        before = self.cursor or (place_of(since) if isinstance(since, dict) else None)
        self._live = True
        self.recovered = data.get("recovered")
        self.cursor = place_of(data)
        self._taken = self._taken or before or self.cursor
        if self.recovered is False:
            self._newest = None
            self._give(self._gap(None, before, "history"))

    def _event(self, event: Event) -> None:
        is_gap = event["event_type"] == "gap"
        place: Cursor | None = event["data"]["to"] if is_gap else place_of(event)
        if place and not is_gap:
            if is_past(self._newest, place):
                return
            self._newest = place
        # Where a gap tells of members, its epoch is none of the room's.
        counts = not is_gap or (self.cursor and event["data"]["from"]["epoch"] == self.cursor["epoch"])
        if place and counts and not is_past(self.cursor, place):
            self.cursor = place
        self._give(event)

    def _end(self, error: Exception | None = None) -> None:
        self._live = False
        self._queue.end(error)

    def _give(self, event: Event) -> None:
        if self._handler:
            self._run(self._handler, event)
            return
        self._queue.push(event)
        items = self._queue.items
        if len(items) <= self._most:
            return
        counts = [item["data"]["count"] if item["event_type"] == "gap" else 1 for item in items]
        items.clear()
        items.append(self._gap(None if None in counts else sum(counts), self._taken, "queue"))

    def _gap(self, count: int | None, since: Cursor | None, reason: str) -> Event:
        """What tells that events are missing, as the gateway's own event does."""
        data = {"room": self.room, "count": count, "from": since, "to": self.cursor, "reason": reason}
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "event_type": "gap",
            "timestamp": now,
            "data": data,
            "source": "tidegate-client",
            "room": self.room,
        }
