"""python-socketio on uvicorn: subscribers are in a room, and what a publisher sends is emitted to it."""

import sys

import socketio
import uvicorn

# Clients that only listen do not answer its heartbeats.
server = socketio.AsyncServer(async_mode="asgi", ping_interval=300, cors_allowed_origins="*")


@server.event
async def connect(sid: str, environ: dict) -> None:
    if "role=subscriber" in environ["QUERY_STRING"]:
        await server.enter_room(sid, "room")
        await server.emit("joined", to=sid)


@server.event
async def publish(sid: str, event: str) -> None:
    await server.emit("event", event, room="room")


app = socketio.ASGIApp(server)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_per_message_deflate=False)
