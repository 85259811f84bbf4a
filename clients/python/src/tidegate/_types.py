"""What is on the wire, and the options that are more than a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict


class Cursor(TypedDict):
    """The place of an event in its room."""

    epoch: str
    """One life of the room; opaque."""
    offset: int
    """Grows with each event of the room; 0 before the first."""


class _Event(TypedDict):
    event_type: str
    timestamp: str
    data: Any
    source: str
    room: str | None


class Event(_Event, total=False):
    """An event, as the gateway sends it; `epoch` and `offset` where the room keeps history, `key` where it has one."""

    epoch: str
    offset: int
    key: str


Gap = TypedDict(
    "Gap",
    {"room": "str | None", "count": "int | None", "from": "Cursor | None", "to": "Cursor | None", "reason": str},
    total=False,
)
"""The data of an event `gap`: events are missing here, and what was made of them must be loaded anew.

`from` says after which (another epoch in `to`: the room has begun a new life), `count` how many, where that is known.
`reason` is left out where the gateway says so, to a session that was too slow; `history`: this client does, as the
room's history no longer reaches back to what it saw last; `queue`: this client, as its application did not take them in
time.
"""


class Placed(Cursor):
    """Where an event came to stand."""

    room: str


class Subscribed(TypedDict, total=False):
    """What was subscribed to; `where` in its normal form."""

    event_types: list[str]
    where: str


class Member(TypedDict, total=False):
    """Somebody in a room."""

    connection_id: str
    user_id: str | None
    info: dict[str, Any] | None


class Presence(TypedDict):
    """Who is in a room: a page of them, and how many there are."""

    count: int
    members: list[Member]


class _Page(Cursor):
    events: list[Event]


class Page(_Page, total=False):
    """Events that a room keeps, and the place of its last."""

    recovered: bool
    more: bool


class Info(TypedDict):
    """What the gateway knows of the session."""

    connection_id: str
    metadata: dict[str, Any]
    user_id: str | None
    roles: list[str]
    rooms: list[str]
    subscriptions: list[str]
    backlog: dict[str, int]


class Authenticated(TypedDict):
    """Who the session is by, and until when."""

    user_id: str | None
    roles: list[str]
    expires_at: str | None


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the n-th attempt to connect, in seconds: at random between 0 and `base` * 2**n, or `cap` if
    that is less. A connection that held for `stable` begins anew. The gateway's own `retry_after_ms` has precedence."""

    base: float = 0.3
    cap: float = 20.0
    stable: float = 5.0


def place_of(event: Any) -> Cursor | None:
    """The place of an event in its room; none where the room keeps no history."""
    return {"epoch": event["epoch"], "offset": event["offset"]} if event and "epoch" in event else None


def is_past(place: Cursor | None, other: Cursor) -> bool:
    return place is not None and place["epoch"] == other["epoch"] and place["offset"] >= other["offset"]
