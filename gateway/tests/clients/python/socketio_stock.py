"""python-socketio, as it comes, synchronous and asynchronous. GATEWAY: where it is; TOKEN: a user's."""

import asyncio
import os

import socketio

URL = os.environ["GATEWAY"]
TOKEN = {"token": os.environ["TOKEN"]}


def check(got, wanted):
    assert got == wanted, f"{got!r} is not {wanted!r}"


def synchronous(**transports):
    with socketio.SimpleClient() as client:
        client.connect(URL, namespace="/ws", auth=TOKEN, **transports)
        name, established = client.receive(timeout=10)
        check((name, established["data"]["user_id"]), ("connection_established", "u1"))
        check(client.call("subscribe", {"room": "project:1"}), {"status": "success", "room": "project:1"})
        check(client.call("subscribe", {"room": "user:u2"}), {"status": "error", "message": "Access denied"})
        check(client.call("echo", [b"\x00\x01", "text"]), [b"\x00\x01", "text"])


async def asynchronous():
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(URL, namespace="/ws", auth=TOKEN)
        name, _ = await client.receive(timeout=10)
        check(name, "connection_established")
        check(await client.call("ping", {}), {"status": "pong"})


synchronous()
synchronous(transports=["websocket"])
synchronous(transports=["polling"])
asyncio.run(asynchronous())
