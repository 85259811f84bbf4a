"""A client of Tidegate, the real-time event gateway.

async with tidegate.connect("ws://127.0.0.1:8080/ws") as client:
    async for event in await client.join("agents"):
        print(event["event_type"], event["data"])
"""

from ._client import Client, connect
from ._errors import TidegateError
from ._session import StateChange
from ._stream import CallStream
from ._subscription import Subscription
from ._types import (
    Authenticated,
    Backoff,
    Cursor,
    Event,
    Gap,
    Info,
    Member,
    Page,
    Placed,
    Presence,
    Subscribed,
)

__all__ = [
    "Authenticated",
    "Backoff",
    "CallStream",
    "Client",
    "Cursor",
    "Event",
    "Gap",
    "Info",
    "Member",
    "Page",
    "Placed",
    "Presence",
    "StateChange",
    "Subscribed",
    "Subscription",
    "TidegateError",
    "connect",
]
