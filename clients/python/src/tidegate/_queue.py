"""What waits for the one who iterates."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """Whoever fills it keeps it bounded."""

    def __init__(self) -> None:
        self.items: deque[T] = deque()
        self._end: tuple[Exception | None] | None = None
        self._changed = asyncio.Event()

    def push(self, item: T) -> None:
        self.items.append(item)
        self._changed.set()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes; an error is raised once what waits is taken."""
        if self._end is None:
            self._end = (error,)
        self._changed.set()

    async def next(self) -> T:
        """The next item; StopAsyncIteration at the end."""
        while not self.items:
            if self._end is not None:
                raise self._end[0] or StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self.items.popleft()
