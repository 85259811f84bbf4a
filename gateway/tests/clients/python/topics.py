"""The operations dashboard as a client in Python sees it: topics.py HOST:PORT TOKEN, where the token is user 7's."""

import asyncio
import json
import sys
import urllib.request
from datetime import datetime
from uuid import UUID

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

KEYS = ["event_type", "data", "timestamp", "message_id", "target_user_id", "target_role", "topic"]
host, token = sys.argv[1:]


def post(path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"http://{host}{path}", data, {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


async def receive(socket):
    message = json.loads(await asyncio.wait_for(socket.recv(), 10))
    assert list(message) == KEYS, message
    moment = datetime.strptime(message["timestamp"], "%Y-%m-%dT%H:%M:%S.%f")
    assert moment.tzinfo is None and abs((datetime.utcnow() - moment).total_seconds()) < 60, message
    assert UUID(message["message_id"]).version == 4, message
    return message


async def send(socket, event_type, data):
    await socket.send(json.dumps({"event_type": event_type, "data": data}))


async def session():
    url = f"ws://{host}/ws/connect"
    async with connect(f"{url}?token={token}", origin=f"http://{host}") as socket:
        ack = await receive(socket)
        assert ack["event_type"] == "connection_ack", ack
        assert set(ack["data"]) == {"connection_id", "connected_at", "server_time"}, ack
        await send(socket, "pong", {})
        await send(socket, "subscribe", {"events": ["task_created", "alert"]})
        confirmation = await receive(socket)
        assert confirmation["data"] == {
            "title": "Suscripción confirmada",
            "content": "Suscrito a 2 tipos de eventos",
            "level": "info",
        }, confirmation
        await asyncio.to_thread(post, "/ws/_test/broadcast", {"level": "warning", "topic": "alert"})
        notice = await receive(socket)
        assert (notice["event_type"], notice["topic"]) == ("warning", "alert"), notice
        event = {"event_type": "task_assigned", "data": {"task_id": 3}, "user": 7}
        await asyncio.to_thread(post, "/api/v1/publish", event)
        assigned = await receive(socket)
        assert (assigned["target_user_id"], assigned["data"]) == (7, {"task_id": 3}), assigned
        await socket.send("nope")
        assert (await receive(socket))["data"] == {"error": "Invalid JSON format"}
        await socket.send(b"\xff\x00")
        assert (await receive(socket))["data"]["error"].startswith("Error processing message: ")
    try:
        await connect(f"{url}?token=nope").__aenter__()
    except InvalidStatus as refused:
        assert refused.response.status_code == 403, refused
    else:
        raise AssertionError("a bad token is let in")


asyncio.run(session())
