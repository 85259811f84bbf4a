"""Each test is a coroutine, which has so long."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

# Seconds.
PATIENCE = 30


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test: Any = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}
    asyncio.run(asyncio.wait_for(test(**given), PATIENCE))
    return True
