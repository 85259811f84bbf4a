"""FastAPI on uvicorn: what a publisher sends goes to all subscribers, in a loop."""

import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
subscribers: set[WebSocket] = set()


@app.websocket("/sub")
async def subscribe(client: WebSocket) -> None:
    await client.accept()
    subscribers.add(client)
    try:
        while True:
            await client.receive_text()
    except WebSocketDisconnect:
        subscribers.discard(client)


@app.websocket("/pub")
async def publish(client: WebSocket) -> None:
    await client.accept()
    try:
        while True:
            event = await client.receive_text()
            for subscriber in list(subscribers):
                await subscriber.send_text(event)
    except WebSocketDisconnect:
        pass


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_per_message_deflate=False)
