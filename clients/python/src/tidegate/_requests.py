"""Requests without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ._errors import TidegateError, late

# Requests that may be done twice: sent again after a lost connection, and where the gateway was busy.
AGAIN = {"ping", "info", "presence", "history", "state", "ack", "auth", "subscribe", "unsubscribe"}


def _nothing(_: Any) -> None:
    pass


@dataclass
class Open:
    """A request, and what is done with its answer. By callback: a future's would come too late where an event comes
    in one turn with the reply before it."""

    frame: dict[str, Any]
    resolve: Callable[[Any], object]
    reject: Callable[[TidegateError], object]
    part: Callable[[Any], object] = _nothing
    timeout: float = 10.0
    again: bool = False
    sent: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def id(self) -> int:
        number: int = self.frame["id"]
        return number


class Requests:
    """Those that are open, by id, in the order in which they were made."""

    def __init__(self, send: Callable[[dict[str, Any], bool], bool]) -> None:
        self._send = send
        """Sends a frame where there is a session, or in any case; else answers False."""
        self._open: dict[int, Open] = {}
        self._last = 0

    def ask(
        self,
        action: str,
        fields: dict[str, Any],
        resolve: Callable[[Any], object],
        reject: Callable[[TidegateError], object],
        *,
        timeout: float,
        part: Callable[[Any], object] = _nothing,
        now: bool = False,
    ) -> int:
        """Makes a request and answers its id. `now`: it belongs to this connection."""
        self._last += 1
        fields = {name: value for name, value in fields.items() if value is not None}
        frame = {"action": action, **fields, "id": self._last}
        again = action in AGAIN and not now
        one = Open(frame, resolve, reject, part, timeout, again)
        self._open[one.id] = one
        self._arm(one)
        self._try(one, now)
        return one.id

    def flush(self) -> None:
        """There is a session."""
        for one in list(self._open.values()):
            self._try(one)

    def reply(self, frame: dict[str, Any]) -> None:
        one = self._open.get(frame.get("id", 0))
        if one is None:
            return  # it was cancelled, or comes too late
        data = frame["data"]
        told = None if frame["success"] or not isinstance(data, dict) else data.get("retry_after_ms")
        after = None if told is None else told / 1000
        if after is not None and one.again:
            one.sent = False
            asyncio.get_running_loop().call_later(after, self._retry, one)
            return
        self._take(one.id)
        if frame["success"]:
            one.resolve(data)
        else:
            code = "refused" if after is None else "busy"
            one.reject(TidegateError(frame["message"], code, data=data, retry_after=after))  # type: ignore[arg-type]

    def part(self, frame: dict[str, Any]) -> None:
        one = self._open.get(frame["stream"])
        if one is not None:
            self._arm(one)
            one.part(frame["data"])

    def cancel(self, number: int) -> None:
        """The answer is wanted no more. Of what is no call the gateway says that there is none, to nobody."""
        one = self._take(number)
        if one is not None and one.sent:
            self._send({"action": "cancel", "id": number}, False)

    def lost(self, error: TidegateError) -> None:
        """The connection is gone."""
        for one in list(self._open.values()):
            if one.sent and not one.again:
                self._take(one.id)
                one.reject(error)
            one.sent = False

    def fail(self, error: TidegateError) -> None:
        """There will be no other."""
        for one in list(self._open.values()):
            self._take(one.id)
            one.reject(error)

    def _retry(self, one: Open) -> None:
        if one.id in self._open:
            self._try(one)

    def _try(self, one: Open, now: bool = False) -> None:
        one.sent = one.sent or self._send(one.frame, now)

    def _arm(self, one: Open) -> None:
        if one.timer:
            one.timer.cancel()
        one.timer = asyncio.get_running_loop().call_later(one.timeout, self._expire, one)

    def _expire(self, one: Open) -> None:
        self.cancel(one.id)
        one.reject(late(one.frame["action"], one.timeout))

    def _take(self, number: int) -> Open | None:
        one = self._open.pop(number, None)
        if one and one.timer:
            one.timer.cancel()
        return one
