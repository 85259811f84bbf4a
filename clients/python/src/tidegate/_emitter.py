"""Who is told of what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

Handlers = dict[str, list[Callable[[Any], object]]]


class Emitter:
    """Handlers by name."""

    def __init__(self, *names: str) -> None:
        self._handlers: Handlers = {name: [] for name in names}

    def on(self, name: str, handler: Callable[[Any], object]) -> Callable[[], None]:
        handlers = self._handlers[name]
        handlers.append(handler)
        return lambda: handlers.remove(handler) if handler in handlers else None

    def emit(self, name: str, told: Any) -> None:
        for handler in list(self._handlers[name]):
            run(handler, told)


def run(handler: Callable[[Any], object], told: Any) -> None:
    """Calls a handler; what it raises goes to nobody's request."""
    try:
        handler(told)
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a handler of a Tidegate client has failed", "exception": error}
        )
