"""When a client connects again, and how it notices that it must."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest

from gateway import KEEPING, Gateway, Way, changed, numbers, take
from tidegate import Backoff, Client, StateChange, TidegateError


def delays(client: Client, count: int) -> asyncio.Future[list[float]]:
    """The delays that a client tells, until there are so many, in milliseconds."""
    every: list[float] = []
    told: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()

    def note(change: StateChange) -> None:
        if change.delay is not None:
            every.append(round(change.delay * 1000, 6))
        if len(every) == count and not told.done():
            told.set_result(every.copy())

    client.on("state", note)
    return told


async def test_attempts_are_jittered_over_the_whole_of_a_time_that_doubles_up_to_its_cap() -> None:
    with Gateway() as gateway:
        gateway.kill()
        backoff = Backoff(0.004, 0.05)
        async with gateway.connect(backoff=backoff, random=lambda: 1) as most:
            assert await delays(most, 7) == [4, 8, 16, 32, 50, 50, 50]
        async with gateway.connect(backoff=backoff, random=lambda: 0) as least:
            assert await delays(least, 3) == [0, 0, 0]
        async with gateway.connect(backoff=backoff) as real:
            told = await delays(real, 9)
            assert all(0 <= delay <= min(50, 4 * 2**n) for n, delay in enumerate(told))
            assert len(set(told)) > 5, "no two are alike"


@pytest.mark.parametrize(("stable", "expected"), [(0, [4, 4, 4]), (60, [4, 8, 16])])
async def test_a_connection_that_held_begins_the_times_anew(stable: float, expected: list[float]) -> None:
    with Gateway() as gateway:
        async with Way(gateway) as way:
            backoff = Backoff(0.004, 0.05, stable)
            async with gateway.connect(way.url, backoff=backoff, random=lambda: 1) as client:
                told = delays(client, 3)
                for _ in range(3):
                    await client.ready()
                    waiting = changed(client, "waiting")
                    way.cut()
                    await waiting
                assert await told == expected


async def test_a_gateway_that_drains_says_when_to_come_back() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect(random=lambda: 0) as one, gateway.connect(random=lambda: 0) as two:
            subs = [await client.join("disk:a") for client in (one, two)]
            waiting = [changed(client, "waiting") for client in (one, two)]
            gateway.signal(signal.SIGTERM)
            for change in await asyncio.gather(*waiting):
                assert change.code == 1012
                assert change.delay is not None
                assert change.delay * 1000 == pytest.approx(json.loads(change.reason or "")["retry_after_ms"])
            gateway.kill(signal.SIGTERM)
            gateway.start()
            await gateway.count("disk:a", 0, 1)
            for sub in subs:
                assert numbers(await take(sub, 1)) == [0]


async def test_a_gateway_that_is_busy_is_asked_again_after_its_time_for_what_may_be_done_twice() -> None:
    limits = ("limits.exempt=[]", 'limits.requests.per_session="10/s"', "limits.requests.burst=3")
    with Gateway(*limits) as gateway:
        async with gateway.connect() as client:
            assert len(await asyncio.gather(*(client.info() for _ in range(8)))) == 8
            assert len(await asyncio.gather(*(client.join(room) for room in "abcd"))) == 4
            publishes: Any = [client.publish("a", "alert_triggered", 1) for _ in range(6)]
            ended = await asyncio.gather(*publishes, return_exceptions=True)
            refused = [error for error in ended if isinstance(error, TidegateError)]
            assert refused
            for error in refused:
                assert (error.code, str(error)) == ("busy", "Rate limit exceeded")
                assert error.retry_after is not None
                assert error.retry_after > 0


async def test_a_gateway_that_stands_still_is_noticed() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect(heartbeat=0.25, timeout=0.5) as client:
            sub = await client.join("kept:a")
            lost = changed(client, "waiting")
            gateway.signal(signal.SIGSTOP)
            assert (await lost).reason == "the gateway is silent"
            opened = changed(client, "open")
            gateway.signal(signal.SIGCONT)
            await opened
            await gateway.count("kept:a", 0, 1)
            assert numbers(await take(sub, 1)) == [0]
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(changed(client, "waiting"), 0.9)  # a quiet gateway that answers is none


async def test_a_room_that_does_not_let_the_client_in_again_ends_its_subscription_and_nothing_else() -> None:
    with Gateway('room=[{prefix="one:",max_members=1}]') as gateway:
        async with Way(gateway) as way, gateway.connect(way.url) as client, gateway.connect() as thief:
            sub, other = await client.join("one:a"), await client.join("b")
            failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
            client.on("error", failed.set_result)
            way.pause()
            way.cut()
            while True:
                try:
                    await thief.join("one:a")
                    break
                except TidegateError as error:
                    assert error.code == "refused"
            way.resume()
            assert getattr(await failed, "code", None) == "refused"
            with pytest.raises(TidegateError):
                await anext(sub)
            await gateway.count("b", 0, 1)
            assert await anext(other), "the other room goes on"


async def test_a_room_that_refused_may_be_asked_for_again_at_once() -> None:
    with Gateway('room=[{prefix="one:",max_members=1}]') as gateway:
        async with gateway.connect() as member, gateway.connect() as client:
            sub = await member.join("one:a")
            for _ in range(2):
                with pytest.raises(TidegateError, match="full"):
                    await client.join("one:a")
            await sub.leave()
            await client.join("one:a")


async def test_what_a_handler_or_a_provider_raises_is_told_and_harms_nobody() -> None:
    with Gateway() as gateway:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        given = 0

        def provider() -> str:
            nonlocal given
            given += 1
            if given == 1:
                raise OSError("no issuer")
            return ""

        client = gateway.connect(token=provider)
        waiting = changed(client, "waiting")
        async with client:
            assert (await waiting).reason == "no token: no issuer"

            def fail(event: object) -> None:
                raise ValueError("a handler")

            await client.join("a", handler=fail)
            await client.publish("a", "alert_triggered", 1)
            await client.info()
            assert told == ["a handler"]
