"""Answers in parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, Protocol

from ._errors import TidegateError
from ._queue import Queue


class Ask(Protocol):
    """Makes the call and answers how it is cancelled."""

    def __call__(
        self,
        part: Callable[[Any], None],
        resolve: Callable[[Any], None],
        reject: Callable[[TidegateError], None],
    ) -> Callable[[], None]: ...


class CallStream:
    """The answer to a call, part by part: `async for part in stream`. To break out of the loop stops the call;
    `async with` does so, whatever happens in between."""

    def __init__(self, ask: Ask, most: int) -> None:
        self.result: Any = None
        """The data of the final answer, once the loop has ended."""
        self._queue: Queue[Any] = Queue()
        self._most = most
        self._cancel = ask(self._part, self._resolve, self._queue.end)

    def cancel(self) -> None:
        """Stops the call; the iterator ends."""
        self._stop(None)

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        try:
            while True:
                try:
                    part = await self._queue.next()
                except StopAsyncIteration:
                    return
                yield part
        finally:
            self.cancel()

    async def __aenter__(self) -> CallStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def _stop(self, error: TidegateError | None) -> None:
        self._cancel()
        self._queue.end(error)

    def _part(self, data: Any) -> None:
        self._queue.push(data)
        if len(self._queue.items) > self._most:
            self._stop(TidegateError(f"Over {self._most} parts wait", "overflow"))

    def _resolve(self, data: Any) -> None:
        self.result = data
        self._queue.end()
