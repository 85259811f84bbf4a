"""Rooms, requests and their errors, against a real gateway."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

import pytest

from gateway import ACCESS, KEEPING, Gateway, Way, alert, changed, numbers, take, token
from tidegate import TidegateError, connect


async def refused(work: Awaitable[Any], message: str, code: str = "refused") -> None:
    with pytest.raises(TidegateError, match=re.escape(message)) as error:
        await work
    assert error.value.code == code


async def test_events_of_a_room_come_to_the_iterator_or_to_a_handler_in_order() -> None:
    with Gateway() as gateway:
        async with gateway.connect(client_id="ada", rooms=["first"]) as client:
            sub = await client.join("room")
            assert client.connection_id == "ada"
            handled: list[Any] = []
            every: list[str] = []
            client.on("event", lambda event: every.append(event["event_type"]))
            await client.join("other", handler=lambda event: handled.append(event["data"]))
            await client.publish("other", "alert_triggered", 1)
            placed = await client.publish("room", "alert_triggered", {"disk": "97 %"}, key="disk")
            event = await anext(sub)
            assert (event["data"], event["key"], placed["room"]) == ({"disk": "97 %"}, "disk", "room")
            assert handled == [1]
            assert every == ["alert_triggered"] * 2
            await sub.leave()
            assert [event async for event in sub] == []
            assert sorted((await client.info())["rooms"]) == ["first", "other"]
            again = await client.join("room")
            for n in range(2):
                await client.publish("room", "alert_triggered", n)
            async for event in again:
                assert event["data"] == 0
                break
            assert (await anext(again))["data"] == 1, "who breaks out of a loop stays in the room"


async def test_a_room_that_was_refused_may_be_joined_at_once() -> None:
    with Gateway() as gateway:
        async with gateway.connect() as client:
            errors: list[Exception] = []
            client.on("error", errors.append)
            with pytest.raises(TidegateError) as error:
                await client.join("room", last=-1)
            await client.join("room")
            assert (error.value.code, (await client.info())["rooms"]) == ("refused", ["room"])
            assert errors == []


async def test_a_join_without_an_answer_in_time_is_left() -> None:
    with Gateway() as gateway:
        async with Way(gateway) as way, gateway.connect(way.url, timeout=2) as client:
            await client.ready()
            way.pause()
            with pytest.raises(TidegateError) as error:
                await client.join("room")
            way.resume()
            assert (error.value.code, (await client.info())["rooms"]) == ("timeout", [])


async def test_every_request_has_its_answer_and_an_error_is_the_gateways() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect() as client, gateway.connect() as other:
            await client.join("seen:it", info={"name": "Ada"})
            for n in (1, 2):
                await client.publish("seen:it", "alert_triggered", n, key="a")
            assert (await client.presence("seen:it"))["members"][0]["info"] == {"name": "Ada"}
            page = await client.history("seen:it", limit=1, reverse=True)
            assert ([event["data"] for event in page["events"]], page["offset"]) == ([2], 2)
            assert [event["data"] for event in (await client.room_state("seen:it"))["events"]] == [2]
            assert (await anext(await other.join("seen:it")))["data"] == 2, "who joins a room with a cache is shown it"
            await gateway.count("kept:a", 0, 3)
            assert numbers(await take(await other.join("kept:a", last=2), 2)) == [1, 2]
            await refused(client.join("closed:room"), "Not allowed to join this room")
            await refused(client.join("seen:it"), "Room 'seen:it' is joined already")
            await refused(client.publish("room", "alert_trigered", 1), "Invalid event type: 'alert_trigered'")
            await refused(client.call("nobody"), "Unknown action: nobody")


async def test_subscriptions_let_through_what_they_say_also_behind_a_new_connection() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect(types=["alert_*"], where="data.n > 1") as client:
            sub = await client.join("kept:a")
            await gateway.count("kept:a", 0, 3)
            assert numbers(await take(sub, 1)) == [2]
            answer = await client.subscribe(["health_changed"], where="data.n > 3")
            assert answer == {"event_types": ["health_changed"], "where": "data.n > 3"}
            await client.unsubscribe(["health_changed"])
            opened = changed(client, "open")
            gateway.kill()
            gateway.start()
            await opened
            assert (await client.info())["subscriptions"] == ["alert_*"]
            assert (await anext(sub))["event_type"] == "gap", "what was in memory is gone"
            await gateway.count("kept:a", 3, 6)
            assert numbers(await take(sub, 1)) == [4]
            await client.subscribe(where="")
            await gateway.count("kept:a", 0, 1)
            assert numbers(await take(sub, 2)) == [5, 0]


async def test_an_inbox_goes_on_behind_what_was_acknowledged() -> None:
    with Gateway(KEEPING, *ACCESS, 'endpoint.0.auto_join=["user:{user_id}"]') as gateway:
        shown = token("ada", permissions=["publish"])
        await gateway.publish([alert("user:ada", {"n": n}) for n in (1, 2, 3)], shown)
        async with gateway.connect(token=shown) as first:
            events = await take(await first.join("user:ada", since="start"), 2)
            assert (await first.ack("user:ada", events[1]))["offset"] == 2
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        second = gateway.connect(token=lambda: token("ada"))
        second.on("event", lambda event: told.set_result(event) if event["room"] else None)
        async with second:
            assert (await told)["data"]["n"] == 3, "the gateway has put the session into its room"


async def test_what_cannot_be_done_in_time_raises_and_what_waits_for_a_connection_is_done_then() -> None:
    with Gateway("plugins.echo.enabled=true") as gateway:
        gateway.kill()
        async with gateway.connect(timeout=0.3) as hasty, gateway.connect() as patient:
            answer = asyncio.create_task(patient.call("echo", "waited"))
            await refused(hasty.join("room"), "No answer to 'join' within 0.3 s", "timeout")
            await refused(hasty.call("echo"), "No answer to 'echo' within 0.3 s", "timeout")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(hasty.call("echo"), 0.01)
            gateway.start()
            assert await answer == "waited"
        await refused(patient.info(), "The client is closed", "closed")
        await refused(patient.join("room"), "The client is closed", "closed")
        await refused(patient.ready(), "The client is closed", "closed")


async def test_a_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=re.escape("url: expected ws://… or wss://…, not '127.0.0.1:8080'")):
        connect("127.0.0.1:8080")


async def test_a_client_may_be_awaited_and_closed_by_hand() -> None:
    with Gateway() as gateway:
        client = await connect(gateway.url)
        await client.ready()
        sub = await client.join("room")
        await client.close()
        assert client.state == "closed"
        assert [event async for event in sub] == []
