"""What outlives a connection: rooms, subscriptions, requests, and the next attempt."""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl as tls
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ._emitter import Emitter
from ._errors import TidegateError, closed
from ._link import Down, Link, Target
from ._requests import Requests
from ._subscription import Subscription
from ._types import Backoff

State = Literal["connecting", "open", "waiting", "closed"]
Shown = Literal["header", "subprotocol", "query", "frame"]
Token = str | Callable[[], str | Awaitable[str]]

# Seconds between two questions whether the gateway is there, where its welcome says nothing.
HEARTBEAT = 25


@dataclass(frozen=True)
class StateChange:
    """What `on("state", …)` tells."""

    state: State
    delay: float | None = None
    """With `waiting`: seconds until the next attempt."""
    code: int | None = None
    """With `waiting`: the close code; 1006 where there was none."""
    reason: str | None = None
    """With `waiting`: the close's reason."""
    error: TidegateError | None = None
    """With `closed`: why, where it was not `close`."""


@dataclass
class Options:
    """As `connect` explains them."""

    url: str
    token: Token | None
    token_in: Shown
    client_id: str | None
    backoff: Backoff
    heartbeat: float | None
    timeout: float
    queue: int
    ssl: tls.SSLContext | None
    random: Callable[[], float]


class Session:
    """The half of a client that keeps it connected."""

    def __init__(self, options: Options, types: dict[str, None], where: str | None) -> None:
        self.state: State = "waiting"
        self.connection_id: str | None = None
        """The session's name, once it is open."""
        self.user_id: str | None = None
        self.error: TidegateError | None = None
        """Why it was closed, where it was not `close`."""
        if urlsplit(options.url).scheme not in ("ws", "wss"):
            raise ValueError(f"url: expected ws://… or wss://…, not {options.url!r}")
        self._options = options
        self._emitter = Emitter("state", "event", "error")
        self._requests = Requests(self._send)
        self._rooms: dict[str, Subscription] = {}
        self._types = types
        self._where = where
        self._link: Link | None = None
        self._shown: str | None = None
        """The token that the gateway knows."""
        self._denied: TidegateError | None = None
        """Why it does not want that any more."""
        self._attempts = 0
        self._began: float | None = None
        """When the session began, by the loop's clock; None while there is none."""
        self._tasks: set[asyncio.Task[Any]] = set()

    # Requests.

    def _ask(
        self,
        action: str,
        fields: dict[str, Any],
        resolve: Callable[[Any], object],
        reject: Callable[[TidegateError], object],
        *,
        timeout: float | None = None,
        part: Callable[[Any], object] = lambda _: None,
        now: bool = False,
    ) -> int:
        if self.state == "closed":
            reject(self.error or closed())
            return 0
        patience = self._options.timeout if timeout is None else timeout
        return self._requests.ask(action, fields, resolve, reject, timeout=patience, part=part, now=now)

    async def _request(self, action: str, timeout: float | None = None, **fields: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def resolve(data: Any) -> None:
            if not answer.done():
                answer.set_result(data)

        def reject(error: TidegateError) -> None:
            if not answer.done():
                answer.set_exception(error)

        number = self._ask(action, fields, resolve, reject, timeout=timeout)
        try:
            return await answer
        except asyncio.CancelledError:
            self._requests.cancel(number)
            raise

    def _send(self, frame: dict[str, Any], now: bool) -> bool:
        if self._link is None or not (now or self.state == "open"):
            return False
        self._link.send(frame)
        return True

    # Rooms.

    def _attach(self, sub: Subscription) -> None:
        if self.state != "open":
            return
        link, room = self._link, sub.room

        def is_wanted() -> bool:
            return self._link is link and self._rooms.get(room) is sub

        def resolve(data: Any) -> None:
            if is_wanted():
                sub._joined(data)
                sub._resolve()

        def reject(error: TidegateError) -> None:
            if not is_wanted():
                return
            if error.code == "busy":
                asyncio.get_running_loop().call_later(
                    error.retry_after or 0, lambda: self._attach(sub) if is_wanted() else None
                )
            elif sub._reject:
                sub._reject(error)
            elif error.code == "timeout" and link:
                link.drop(1006, str(error))
            else:
                self._forget(sub, error)
                self._emitter.emit("error", error)

        self._ask("join", {"room": room, "data": sub._wanted}, resolve, reject, now=True)

    async def _leave(self, sub: Subscription) -> None:
        if self._forget(sub):
            await self._tell_left(sub.room)

    def _forget(self, sub: Subscription, error: TidegateError | None = None) -> bool:
        """Ends a subscription, by that error; whether it was one. Its room may be joined again at once."""
        if self._rooms.get(sub.room) is not sub:
            return False
        del self._rooms[sub.room]
        sub._end(error)
        return True

    async def _tell_left(self, room: str) -> None:
        if self.state != "open":
            return
        try:
            await self._request("leave", room=room)
        except TidegateError as error:
            if error.code not in ("disconnected", "closed"):  # else it has left with its session
                raise

    def _resubscribe(self, types: list[str]) -> None:
        if not types and not self._where:
            return

        def reject(error: TidegateError) -> None:
            if error.code == "disconnected":
                return
            self._emitter.emit("error", error)
            unknown = error.data.get("unknown", []) if isinstance(error.data, dict) else []
            known = [name for name in types if name not in unknown]
            if len(known) < len(types):
                self._resubscribe(known)

        data = {"event_types": types, **({"where": self._where} if self._where else {})}
        self._ask("subscribe", {"data": data}, lambda _: None, reject, now=True)

    # The connection.

    async def _run(self) -> None:
        """Connects, and again, until the client is closed."""
        while self.state != "closed":
            self._set(StateChange("connecting"))
            link = self._link = Link(self._frame)
            try:
                shown = await self._fresh_token()
            except Exception as error:
                down = Down(1006, f"no token: {error}")
            else:
                if self._denied and shown == self._shown:
                    self._finish(self._denied)
                    return
                self._shown = shown
                down = await self._connected(link)
            await asyncio.sleep(self._down(down))

    async def _connected(self, link: Link) -> Down:
        """The connection's whole life; one that has no session in time is none."""

        def give_up() -> None:
            if self._began is None:
                link.drop(1006, "no session in time")

        late = asyncio.get_running_loop().call_later(self._options.timeout, give_up)
        try:
            return await link.run(self._target())
        finally:
            late.cancel()

    async def _fresh_token(self) -> str | None:
        token = self._options.token
        given = token() if callable(token) else token
        return await given if inspect.isawaitable(given) else given

    def _target(self) -> Target:
        options, token = self._options, self._shown
        query = {"client_id": options.client_id, "token": token if options.token_in == "query" else None}
        parts = urlsplit(options.url)
        pairs = parse_qsl(parts.query) + [(name, value) for name, value in query.items() if value]
        url = urlunsplit(parts._replace(query=urlencode(pairs)))
        by_header = token and options.token_in == "header"
        by_protocol = token and options.token_in == "subprotocol"
        return Target(
            url,
            {"Authorization": f"Bearer {token}"} if by_header else {},
            ["bearer", token] if token and by_protocol else None,
            options.ssl,
            options.timeout,
        )

    def _frame(self, frame: dict[str, Any]) -> None:
        if "stream" in frame:
            self._requests.part(frame)
        elif "event_type" not in frame:
            self._requests.reply(frame)
        else:
            self._event(frame)

    def _event(self, event: Any) -> None:
        kind, data = event["event_type"], event["data"]
        if kind == "connected" and self.state == "connecting":
            self._welcome(data)
        if kind == "disconnected" and "expires_in_ms" in data:
            self._beside(self._refresh())
        self._emitter.emit("event", event)
        sub = self._rooms.get(event["room"])
        if sub is not None and sub._live:
            sub._event(event)

    def _welcome(self, welcome: dict[str, Any]) -> None:
        self.connection_id = welcome["connection_id"]
        self.user_id = welcome["user_id"]
        if self._options.token_in != "frame" or not self._shown:
            self._up(welcome)
            return
        link = self._link

        def resolve(data: Any) -> None:
            self.user_id = data["user_id"]
            self._up(welcome)

        def reject(error: TidegateError) -> None:
            if link and error.code == "refused":
                link.drop(1008, str(error))

        self._ask("auth", {"data": {"token": self._shown}}, resolve, reject, now=True)

    def _up(self, welcome: dict[str, Any]) -> None:
        """There is a session: all that was is there again, then what waited is asked for."""
        self._began = asyncio.get_running_loop().time()
        self._denied = None
        self._set(StateChange("open"))
        told = self._options.heartbeat
        beat = welcome.get("heartbeat", HEARTBEAT) if told is None else told
        if self._link and beat:
            self._beside(self._link.listen(beat))
        self._resubscribe(list(self._types))
        for sub in list(self._rooms.values()):
            self._attach(sub)
        self._requests.flush()

    async def _refresh(self) -> None:
        """The token is about to expire."""
        try:
            if callable(self._options.token):
                token = await self._fresh_token()
                await self._request("auth", data={"token": token})
                self._shown = token
        except Exception as error:  # the provider's, too
            self._emitter.emit("error", error)

    def _down(self, down: Down) -> float:
        """The connection is gone. Answers how long to wait for the next."""
        options, backoff = self._options, self._options.backoff
        if self._began is not None and asyncio.get_running_loop().time() - self._began >= backoff.stable:
            self._attempts = 0
        self._began = self._link = None
        for sub in self._rooms.values():
            sub._live = False
        lost = f"The connection is lost: {down.reason or down.code}"
        self._requests.lost(TidegateError(lost, "disconnected", close_code=down.code))
        if down.code == 1008:
            self._denied = TidegateError(down.reason, "policy", close_code=down.code)
            if not callable(options.token):
                self._finish(self._denied)
                return 0
        after = _retry_after(down)
        if after is None:
            delay = options.random() * min(backoff.cap, backoff.base * 2.0 ** min(self._attempts, 64))
        else:
            delay = after + options.random() * backoff.base
        self._attempts += 1
        self._set(StateChange("waiting", delay=delay, code=down.code, reason=down.reason))
        return delay

    def _finish(self, error: TidegateError | None) -> None:
        if self.state == "closed":
            return
        self.error = error
        self._set(StateChange("closed", error=error))
        for sub in list(self._rooms.values()):
            if sub._reject:
                sub._reject(error or closed())
            sub._end(error)
        self._requests.fail(error or closed())

    def _set(self, change: StateChange) -> None:
        self.state = change.state
        self._emitter.emit("state", change)

    def _beside(self, work: Any) -> None:
        """Does something that nobody waits for; it ends with the client."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._emitter.emit("error", error)


def _retry_after(down: Down) -> float | None:
    """Seconds that the gateway asks for."""
    if down.retry_after is not None:
        return down.retry_after
    try:
        told = json.loads(down.reason)["retry_after_ms"]
    except (ValueError, TypeError, KeyError):
        return None
    return float(told) / 1000
