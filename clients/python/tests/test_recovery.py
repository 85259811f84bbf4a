"""What a lost connection, a killed gateway and a slow application cost: nothing, or a gap that says so."""

from __future__ import annotations

from typing import Any

from gateway import KEEPING, Gateway, Way, alert, changed, numbers, take


async def test_a_gateway_that_is_killed_loses_nothing_of_a_durable_room_and_nothing_comes_twice() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect() as client, gateway.connect() as other:
            sub = await client.join("disk:a")
            await gateway.count("disk:a", 0, 50)
            assert numbers(await take(sub, 20)) == list(range(20))
            gateway.kill()
            gateway.start()
            await gateway.count("disk:a", 50, 100)
            assert numbers(await take(sub, 80)) == list(range(20, 100))
            assert sub.recovered
            assert sub.cursor is not None
            assert sub.cursor["offset"] == 100
            later = await other.join("disk:a", since={**sub.cursor, "offset": 97})
            assert numbers(await take(later, 3)) == [97, 98, 99], "a cursor that was kept will do for another client"


async def test_a_room_that_was_in_memory_begins_a_new_life_and_its_members_are_told() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect() as client:
            sub = await client.join("kept:a", since="start")
            await gateway.count("kept:a", 0, 2)
            last = (await take(sub, 2))[1]
            gateway.kill()
            gateway.start()
            gap = await anext(sub)
            told = gap["data"]
            assert (gap["event_type"], told["reason"], told["count"], sub.recovered) == ("gap", "history", None, False)
            assert told["from"] == {"epoch": last["epoch"], "offset": last["offset"]}
            assert told["to"]["epoch"] != last["epoch"], "another life of the room"
            await gateway.count("kept:a", 7, 8)
            assert numbers(await take(sub, 1)) == [7]


async def test_connections_that_are_cut_under_load_leave_the_whole_sequence() -> None:
    with Gateway(KEEPING, "shards=2") as gateway:
        async with Way(gateway) as way, gateway.connect(way.url, queue=5000) as client:
            rooms = ["kept:a", "kept:b", "kept:c"]
            subs = [await client.join(room) for room in rooms]
            for n in range(0, 2000, 25):
                await gateway.publish([alert(room, {"n": n + i}) for i in range(25) for room in rooms])
                if n % 200 == 100:
                    way.cut()
            for sub in subs:
                assert numbers(await take(sub, 2000)) == list(range(2000))


async def test_what_a_short_history_no_longer_has_is_a_gap_and_what_comes_behind_it_follows() -> None:
    with Gateway(KEEPING) as gateway:
        async with Way(gateway) as way, gateway.connect(way.url) as client:
            sub = await client.join("short:a")
            await gateway.count("short:a", 0, 1)
            await take(sub, 1)
            opened = changed(client, "open")
            way.pause()
            way.cut()
            await gateway.count("short:a", 1, 6)
            way.resume()
            await opened
            gap = await anext(sub)
            assert (gap["event_type"], gap["data"]["from"]["offset"], gap["data"]["to"]["offset"]) == ("gap", 1, 6)
            await gateway.count("short:a", 6, 7)
            assert numbers(await take(sub, 1)) == [6]


async def test_an_application_that_does_not_take_its_events_in_time_has_a_gap_in_their_place() -> None:
    with Gateway(KEEPING) as gateway:
        async with gateway.connect() as client:
            sub = await client.join("kept:a", queue=10)
            await gateway.count("kept:a", 0, 25)
            while sub.cursor is None or sub.cursor["offset"] < 25:
                await client.info()
            # The eleventh that waits takes the others with it; ten more are the gap and nine events, and so on.
            waiting = await take(sub, 5)
            gap = waiting[0]["data"]
            assert (gap["reason"], gap["count"], gap["from"]["offset"], gap["to"]["offset"]) == ("queue", 21, 0, 21)
            assert numbers(waiting[1:]) == [21, 22, 23, 24], "and what came behind it"


async def test_who_is_too_slow_for_the_gateway_gets_its_gap_or_is_closed_and_comes_back_without_loss() -> None:
    rules = 'room=[{prefix="kept:",history={size=5000,ttl="1h"},slow_choice=["drop_oldest"]}]'
    with Gateway(rules, 'limits.backlog_per_session="64 KiB"') as gateway:
        async with (
            Way(gateway) as way,
            gateway.connect(way.url, queue=5000) as client,
            gateway.connect(way.url, queue=5000) as every,
        ):
            dropping = await client.join("kept:a", slow="drop_oldest")
            complete = await every.join("kept:a")
            closed = changed(every, "waiting")
            text = "x" * 20_000
            way.pause()
            for start in range(0, 1200, 40):
                await gateway.publish([alert("kept:a", {"n": n, "text": text}) for n in range(start, start + 40)])
            way.resume()
            assert numbers(await take(complete, 1200)) == list(range(1200))
            told = await closed
            assert (told.code, told.reason) == (1013, "slow consumer")
            following, gaps = 0, 0
            while following < 1200:
                event: Any = await anext(dropping)
                if event["event_type"] != "gap":
                    assert event["data"]["n"] == following
                    following += 1
                    continue
                gaps += 1
                assert event["data"]["from"]["offset"] == following
                following += event["data"]["count"]
                assert event["data"]["to"]["offset"] == following
            assert gaps, "the gateway drops, and says so"
