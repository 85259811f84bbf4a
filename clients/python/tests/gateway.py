"""A real gateway in a process of its own. The surroundings say where its program is: TIDEGATE."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from tidegate import Backoff, Client, Event, StateChange, Subscription, connect

SECRET = "c0ffee00c0ffee00c0ffee00c0ffee00"
# Rooms that keep what happens in them: in memory, on disk, and little of it.
KEEPING = (
    'room=[{prefix="kept:",history={size=5000,ttl="1h"}},{prefix="disk:",history={size=5000,ttl="1h",durable=true}},'
    '{prefix="short:",history={size=2,ttl="1h"}},{prefix="user:",join="owner",inbox=true,history={size=100,ttl="1h"}},'
    '{prefix="seen:",cache="last_per_key",presence="anyone",history={size=10,ttl="1h"}},{prefix="closed:",join="nobody"}]'
)
ACCESS = (f'auth.default.secret="{SECRET}"', "auth.default.anonymous=false", 'auth.default.leeway="0s"')


class Gateway:
    """It ends with the context."""

    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="tidegate-client-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        """Starts it, again at the same port and with what it has stored."""
        folder = Path(self._folder.name)
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [os.environ["TIDEGATE"], "serve", "--listen", f"127.0.0.1:{self.port}", "--ready-file", str(ready)]
        command += ["--data", str(folder / "data")]
        command += [word for setting in self._settings for word in ("--set", setting)]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert self._process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.01)
        address = json.loads(ready.read_text())["listeners"][0]["address"]
        self.port = int(address.rsplit(":", 1)[1])

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends it as a crash would, or by a signal that it minds."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()

    def signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def connect(self, url: str | None = None, **options: Any) -> Client:
        return connect(url or self.url, **{"backoff": Backoff(0.02, 0.2, 0.05), **options})

    async def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Asks by HTTP."""

        def do() -> Any:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read() or "null")

        return await asyncio.to_thread(do)

    async def publish(self, events: list[dict[str, Any]], token: str | None = None) -> None:
        await self.ask("POST", "/api/v1/publish", events, token)

    async def count(self, room: str, start: int, end: int) -> None:
        """Publishes numbers to a room, from one up to before the other."""
        await self.publish([alert(room, {"n": n}) for n in range(start, end)])


class Way:
    """A way to a gateway that can be cut."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._open.set()

    async def __aenter__(self) -> Way:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._gateway.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pipe(reader, far_writer), self._pipe(far_reader, writer), return_exceptions=True)
        self._writers -= {writer, far_writer}

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(16384):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    def pause(self) -> None:
        """Nothing comes through, and the sender's buffers fill; who comes is not heard until it goes on."""
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ws"


def alert(room: str, data: Any) -> dict[str, Any]:
    return {"room": room, "event_type": "alert_triggered", "data": data}


def token(user: str, seconds: float = 3600, **more: Any) -> str:
    """A token of a user, which holds for so many seconds."""

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    claims = {"sub": user, "iat": time.time(), "exp": time.time() + seconds, **more}
    said = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (said + b"." + part(hmac.digest(SECRET.encode(), said, hashlib.sha256))).decode()


async def take(sub: Subscription, count: int) -> list[Event]:
    """The next so many events."""
    return [await anext(sub) for _ in range(count)]


def numbers(events: list[Event]) -> list[int]:
    return [event["data"]["n"] for event in events]


def changed(client: Client, state: str) -> asyncio.Future[StateChange]:
    """The next change to a state."""
    told: asyncio.Future[StateChange] = asyncio.get_running_loop().create_future()
    client.on("state", lambda change: told.set_result(change) if change.state == state and not told.done() else None)
    return told
