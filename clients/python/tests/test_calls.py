"""Calls to plugins, whole and in parts."""

from __future__ import annotations

import asyncio

import pytest

from gateway import Gateway
from tidegate import TidegateError

ECHO = "plugins.echo.enabled=true"
ENDLESS = {"data": 1, "pieces": 0, "every_ms": 5}


async def test_a_call_has_its_answer_and_many_are_open_at_once() -> None:
    with Gateway(ECHO) as gateway:
        async with gateway.connect() as client:
            slow = asyncio.create_task(client.call("echo_stream", {"data": "slow", "pieces": 2, "every_ms": 30}))
            quick = await asyncio.gather(*(client.call("echo", {"n": n}) for n in range(3)))
            assert quick == [{"n": 0}, {"n": 1}, {"n": 2}]
            assert await slow == "slow"


async def test_a_stream_is_iterated_part_by_part_and_has_its_result_in_the_end() -> None:
    with Gateway(ECHO) as gateway:
        async with gateway.connect() as client:
            stream = client.call_stream("echo_stream", {"data": [1], "pieces": 5})
            assert [part async for part in stream] == [[1]] * 5
            assert stream.result == [1]
            with pytest.raises(TidegateError) as error:
                assert [part async for part in client.call_stream("echo_stream", {"pieces": -1})]
            assert error.value.code == "refused"


async def test_who_breaks_out_of_the_loop_has_the_call_cancelled() -> None:
    with Gateway(ECHO, "limits.calls_per_session=1") as gateway:
        async with gateway.connect() as client:
            for n in range(3):
                async for part in client.call_stream("echo_stream", {**ENDLESS, "data": n}):
                    assert part == n
                    break
                await client.info()  # asyncio ends the loop's iterator in a turn of its own
            async with client.call_stream("echo_stream", ENDLESS) as stream:
                async for _ in stream:
                    break
            assert await client.call("echo", "there is a place again") == "there is a place again"


async def test_a_call_that_takes_too_long_is_cancelled_and_each_part_begins_its_time_anew() -> None:
    with Gateway(ECHO, "limits.calls_per_session=1") as gateway:
        async with gateway.connect() as client:
            slow = {"data": 1, "pieces": 1, "every_ms": 60_000}
            with pytest.raises(TidegateError) as error:
                await client.call("echo_stream", slow, timeout=0.1)
            assert error.value.code == "timeout"
            task = asyncio.create_task(client.call("echo_stream", slow))
            await client.info()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            stream = client.call_stream("echo_stream", {"data": 1, "pieces": 6, "every_ms": 150}, timeout=0.6)
            assert len([part async for part in stream]) == 6, "longer than its time, though no part is"


async def test_parts_that_nobody_takes_are_bounded() -> None:
    with Gateway(ECHO) as gateway:
        async with gateway.connect(queue=10) as client:
            stream = client.call_stream("echo_stream", {"data": 1, "pieces": 0})
            await client.call("echo_stream", {"pieces": 50})
            parts = 0
            with pytest.raises(TidegateError) as error:
                async for _ in stream:
                    parts += 1
            assert (error.value.code, parts) == ("overflow", 11)


async def test_calls_on_their_way_when_the_connection_is_lost_raise_as_nobody_knows_whether_they_were_done() -> None:
    with Gateway(ECHO) as gateway:
        async with gateway.connect() as client:
            stream = client.call_stream("echo_stream", ENDLESS)
            parts = aiter(stream)
            await anext(parts)
            call = asyncio.create_task(client.call("echo_stream", {"pieces": 1, "every_ms": 60_000}))
            await client.info()
            gateway.kill()
            with pytest.raises(TidegateError) as error:
                await call
            assert error.value.code == "disconnected"
            with pytest.raises(TidegateError):
                async for _ in parts:
                    pass
            gateway.start()
            assert await client.call("echo", 1) == 1
