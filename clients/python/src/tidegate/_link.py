"""One connection."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

# Bytes of a frame of the gateway's at most: an answer may hold many events.
LARGEST = 16 * 2**20


class Down(NamedTuple):
    """Why a connection has ended, or did not come about."""

    code: int
    reason: str
    retry_after: float | None = None
    """Seconds."""


@dataclass
class Target:
    """Where to, and what is shown there."""

    url: str
    headers: dict[str, str]
    subprotocols: Sequence[str] | None
    ssl: ssl.SSLContext | None
    timeout: float


class Link:
    """A connection by WebSocket: what is sent goes out in order, and `on_frame` is told of what comes."""

    def __init__(self, on_frame: Callable[[dict[str, Any]], None]) -> None:
        self.seen = 0.0
        """When something came last, by the loop's clock."""
        self._on_frame = on_frame
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._ended: Down | None = None
        self._socket: ClientConnection | None = None

    def send(self, frame: dict[str, Any]) -> None:
        self._outbox.put_nowait(frame)

    def drop(self, code: int, reason: str) -> None:
        """Ends it, without waiting for a peer who may be dead."""
        self._ended = self._ended or Down(code, reason)
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self, target: Target) -> Down:
        """Connects, and answers how it ended."""
        try:
            socket = await dial(
                target.url,
                additional_headers=target.headers,
                subprotocols=[Subprotocol(name) for name in target.subprotocols] if target.subprotocols else None,
                open_timeout=target.timeout,
                close_timeout=1,
                ping_interval=None,
                max_size=LARGEST,
                ssl=target.ssl or (True if target.url.startswith("wss:") else None),
            )
        except InvalidStatus as refusal:
            return _refused(refusal)
        except Exception as error:  # whatever it is, there is no connection
            return Down(1006, str(error) or type(error).__name__)
        self._socket = socket
        writer = asyncio.create_task(self._write(socket))
        try:
            return await self._read(socket)
        finally:
            writer.cancel()
            await socket.close()

    async def _read(self, socket: ClientConnection) -> Down:
        clock = asyncio.get_running_loop().time
        try:
            while self._ended is None:
                message = await socket.recv()
                self.seen = clock()
                self._on_frame(json.loads(message))
        except ConnectionClosed as closed:
            if self._ended is None:
                said = closed.rcvd
                return Down(said.code, said.reason) if said else Down(1006, "the connection is gone")
        return self._ended or Down(1006, "")

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                await socket.send(json.dumps(await self._outbox.get(), separators=(",", ":")))
        except ConnectionClosed:
            pass  # the reader tells why

    async def listen(self, beat: float) -> None:
        """Asks whether the gateway is there when nothing came for `beat` seconds, and drops it when it does not answer."""
        clock = asyncio.get_running_loop().time
        socket = self._socket
        if socket is None:
            return
        self.seen = clock()
        try:
            while self._ended is None:
                await asyncio.sleep(max(self.seen + beat - clock(), 0))
                if clock() - self.seen < beat:
                    continue
                await asyncio.wait_for(await socket.ping(), beat)
                self.seen = clock()
        except asyncio.TimeoutError:
            self.drop(1006, "the gateway is silent")
        except ConnectionClosed:
            pass  # the reader tells why


def _refused(refusal: InvalidStatus) -> Down:
    status = refusal.response.status_code
    after = refusal.response.headers.get("Retry-After", "")
    code = 1008 if status in (401, 403) else 1006
    return Down(code, f"HTTP {status}", float(after) if after.isdigit() else None)
