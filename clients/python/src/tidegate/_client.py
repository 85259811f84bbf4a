"""The client, as applications use it."""

from __future__ import annotations

import asyncio
import random as chance
import ssl as tls
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Literal

from ._emitter import run
from ._errors import TidegateError, closed, late
from ._session import Options, Session, Shown, StateChange, Token
from ._stream import CallStream
from ._subscription import Handler, Subscription
from ._types import Authenticated, Backoff, Cursor, Event, Info, Page, Placed, Presence, Subscribed, place_of


def connect(
    url: str,
    *,
    token: Token | None = None,
    token_in: Shown = "header",
    client_id: str | None = None,
    rooms: Iterable[str] = (),
    types: Iterable[str] = (),
    where: str | None = None,
    backoff: Backoff | None = None,
    heartbeat: float | None = None,
    timeout: float = 10.0,
    queue: int = 1000,
    ssl: tls.SSLContext | None = None,
    random: Callable[[], float] = chance.random,
) -> Client:
    """A client of the endpoint at `url` (`ws:` or `wss:`), which connects when it is entered or awaited, and again.

    - `token`: a token, or who gives one: asked before each connection, and when the gateway warns that the one it has
      expires. `token_in`: how it is shown; `frame`: by the request `auth`, at endpoints with
      `take_from = ["first_frame"]`.
    - `client_id`: the name of the session.
    - `rooms`: to be in from the start; what comes there is told by `on("event", …)`.
    - `types`, `where`: what to let through from the start, as by `subscribe`.
    - `backoff`: how long to wait before an attempt.
    - `heartbeat`: seconds of silence after which the client asks whether the gateway is there; after as much again it
      connects anew. None: as the gateway's welcome says. 0: never.
    - `timeout`: seconds that an answer, or the next part of one, or a connection, may take.
    - `queue`: events that may wait in a subscription, or parts in a stream. Past that a subscription drops those that wait
      and has a `gap` in their place, and a stream is cancelled.
    - `ssl`: what to trust, for `wss:`. `random`: between 0 and 1, for the back-off.
    """
    options = Options(url, token, token_in, client_id, backoff or Backoff(), heartbeat, timeout, queue, ssl, random)
    return Client(options, list(rooms), dict.fromkeys(types), where)


class Client(Session):
    """See `connect`. `state` is `connecting`, `open`, `waiting` for the next attempt, or `closed` for good."""

    def __init__(self, options: Options, rooms: list[str], types: dict[str, None], where: str | None) -> None:
        super().__init__(options, types, where)
        self._first_rooms = rooms
        self._is_begun = False

    # Its life.

    async def __aenter__(self) -> Client:
        if not self._is_begun:
            self._is_begun = True
            self._beside(self._run())
            for room in self._first_rooms:
                self._beside(self.join(room))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __await__(self) -> Generator[Any, None, Client]:
        return self.__aenter__().__await__()

    def on(self, name: Literal["state", "event", "error"], handler: Callable[[Any], object]) -> Callable[[], None]:
        """Has a handler told of each `StateChange`, of each event (also of rooms that the gateway has put the session
        into), or of what went wrong and is no answer to a request. Answers how to stop."""
        return self._emitter.on(name, handler)

    async def ready(self) -> None:
        """Waits until there is a session. Requests need not: they wait by themselves."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look(_: StateChange | None = None) -> None:
            if done.done():
                return
            if self.state == "open":
                done.set_result(None)
            elif self.state == "closed":
                done.set_exception(self.error or closed())

        off = self.on("state", look)
        look()
        try:
            await done
        finally:
            off()

    async def close(self) -> None:
        """Ends everything."""
        self._finish(None)
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Requests.

    async def join(
        self,
        room: str,
        *,
        since: Cursor | Literal["start"] | None = None,
        last: int | None = None,
        slow: Literal["disconnect", "drop_oldest", "latest", "catch_up"] | None = None,
        info: dict[str, Any] | None = None,
        handler: Handler | None = None,
        queue: int | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Joins a room: from now on, behind a cursor of before, from `start` on, or with the `last` so many events first.

        `slow`: what the gateway does where this client is too slow, if the room's rule lets it choose. `info`: what others
        in the room see of this session. `handler` gets the events instead of the iterator.

        Joins, and requests that may be done twice, outlive a lost connection, and wait where the gateway is busy; `publish`
        and calls that were on their way raise `disconnected`, or `busy`.
        """
        if self.state == "closed":
            raise self.error or closed()
        if room in self._rooms:
            raise TidegateError(f"Room '{room}' is joined already", "refused")
        asked = {"since": since, "last": last, "slow": slow, "info": info}
        wanted = {name: value for name, value in asked.items() if value is not None}
        most = self._options.queue if queue is None else queue
        sub = Subscription(room, wanted, queue=most, handler=handler, leave=self._leave, run=run)
        self._rooms[room] = sub
        joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sub._resolve = lambda: None if joined.done() else joined.set_result(None)
        sub._reject = lambda error: None if joined.done() else joined.set_exception(error)
        patience = self._options.timeout if timeout is None else timeout
        try:
            self._attach(sub)
            await asyncio.wait_for(joined, patience)
        except BaseException as error:
            # A join without an answer may count all the same. This goes out before whatever is asked for next.
            is_refused = isinstance(error, TidegateError) and error.code == "refused"
            if self._forget(sub) and not is_refused and self.state == "open":
                self._ask("leave", {"room": room}, lambda _: None, lambda _: None)
            if isinstance(error, asyncio.TimeoutError):
                raise late("join", patience) from None
            raise
        finally:
            sub._reject = None
        return sub

    async def subscribe(self, types: Iterable[str] = (), *, where: str | None = None) -> Subscribed:
        """Lets only these event types through, in all rooms, beside those of before; `where` is a criterion for all of
        them instead of the one before, and an empty one takes it back."""
        data: dict[str, Any] = {"event_types": list(types)}
        if where is not None:
            data["where"] = where
        answer: Subscribed = await self._request("subscribe", data=data)
        self._types |= dict.fromkeys(data["event_types"])
        self._where = self._where if where is None else where
        return answer

    async def unsubscribe(self, types: Iterable[str]) -> Subscribed:
        """Takes subscriptions back; without any, everything comes through."""
        listed = list(types)
        answer: Subscribed = await self._request("unsubscribe", data={"event_types": listed})
        for name in listed:
            self._types.pop(name, None)
        return answer

    async def publish(
        self, room: str, event_type: str, data: Any, *, key: str | None = None, timeout: float | None = None
    ) -> Placed:
        """Publishes an event to a room."""
        event = {"event_type": event_type, "data": data, **({} if key is None else {"key": key})}
        placed: Placed = await self._request("publish", room=room, data=event, timeout=timeout)
        return placed

    async def presence(self, room: str, *, skip: int = 0, limit: int = 1000) -> Presence:
        """Who is in a room."""
        answer: Presence = await self._request("presence", room=room, data={"skip": skip, "limit": limit})
        return answer

    async def history(
        self,
        room: str,
        *,
        since: Cursor | Literal["start"] = "start",
        limit: int = 100,
        reverse: bool = False,
    ) -> Page:
        """Events that a room keeps."""
        data = {"since": since, "limit": limit, "reverse": reverse}
        page: Page = await self._request("history", room=room, data=data)
        return page

    async def room_state(self, room: str) -> Page:
        """What the events of a room with a cache have come to: the last of each key."""
        page: Page = await self._request("state", room=room)
        return page

    async def ack(self, room: str, cursor: Cursor | Event) -> Placed:
        """Notes how far the user has got in its inbox; an event is a cursor, too."""
        placed: Placed = await self._request("ack", room=room, data=place_of(cursor))
        return placed

    async def info(self) -> Info:
        """What the gateway knows of the session."""
        answer: Info = await self._request("info")
        return answer

    async def auth(self, token: str) -> Authenticated:
        """Goes on with another token of the same user."""
        answer: Authenticated = await self._request("auth", data={"token": token})
        self._shown = token
        if not callable(self._options.token):
            self._options.token = token
        return answer

    async def call(self, name: str, data: Any = None, *, room: str | None = None, timeout: float | None = None) -> Any:
        """Has a plugin do something."""
        return await self._request(name, room=room, data=data, timeout=timeout)

    def call_stream(
        self, name: str, data: Any = None, *, room: str | None = None, timeout: float | None = None
    ) -> CallStream:
        """The same, with the answer in parts."""

        def ask(
            part: Callable[[Any], None],
            resolve: Callable[[Any], None],
            reject: Callable[[TidegateError], None],
        ) -> Callable[[], None]:
            number = self._ask(name, {"room": room, "data": data}, resolve, reject, timeout=timeout, part=part)
            return lambda: self._requests.cancel(number)

        return CallStream(ask, self._options.queue)
