"""Why something was not done."""

from __future__ import annotations

from typing import Any, Literal

Code = Literal["refused", "busy", "timeout", "disconnected", "policy", "closed", "overflow"]


class TidegateError(Exception):
    """Why something was not done; `code` is for programs.

    - `refused`: the gateway's answer is no; the message is the gateway's, and `data` its data.
    - `busy`: the gateway has too much to do, or a limit is used up, for `retry_after` seconds.
    - `timeout`: no answer in time.
    - `disconnected`: the connection was lost while the request was on its way: it may have been done, or not.
    - `policy`: the gateway closed the connection for good, with `close_code` 1008.
    - `closed`: the client was closed.
    - `overflow`: more parts of a stream wait than may.
    """

    def __init__(
        self,
        message: str,
        code: Code,
        *,
        data: Any = None,
        retry_after: float | None = None,
        close_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code: Code = code
        self.data = data
        self.retry_after = retry_after
        self.close_code = close_code


def closed() -> TidegateError:
    return TidegateError("The client is closed", "closed")


def late(action: str, timeout: float) -> TidegateError:
    return TidegateError(f"No answer to '{action}' within {timeout:g} s", "timeout")
