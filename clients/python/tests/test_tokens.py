"""How tokens are shown, renewed and refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway import ACCESS, KEEPING, Gateway, alert, changed, take, token
from tidegate import TidegateError

FIRST = 'auth.default.take_from=["first_frame"]'


async def test_a_token_is_shown_by_header_subprotocol_query_or_the_first_frame() -> None:
    with Gateway(*ACCESS) as gateway, Gateway(KEEPING, *ACCESS, FIRST) as first:
        for place in ("header", "subprotocol", "query"):
            async with gateway.connect(token=token("ada"), token_in=place) as client:
                await client.ready()
                assert client.user_id == "ada"

        async def provider() -> str:
            return token("ada")

        async with first.connect(token=provider, token_in="frame") as client:
            assert (await client.join("user:ada")).room == "user:ada"
            assert client.user_id == "ada"
        for server, place in ((first, "frame"), (gateway, "header")):
            async with server.connect(token="nonsense", token_in=place) as stranger:
                with pytest.raises(TidegateError) as error:
                    await stranger.ready()
                assert (error.value.code, error.value.close_code) == ("policy", 1008)


async def test_the_provider_gives_a_new_token_when_the_gateway_warns_and_the_session_goes_on() -> None:
    with Gateway(KEEPING, *ACCESS) as gateway:
        given = 0

        def provider() -> str:
            nonlocal given
            given += 1
            return token("ada", 3 if given == 1 else 3600)

        client = gateway.connect(token=provider)
        states: list[str] = []
        warned: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.on("state", lambda change: states.append(change.state))
        client.on("event", lambda event: warned.set_result(event) if event["event_type"] == "disconnected" else None)
        async with client:
            await client.join("user:ada")
            connection = client.connection_id
            # Longer than the first one holds.
            await asyncio.sleep((await warned)["data"]["expires_in_ms"] / 1000 + 0.2)
            await client.info()
            assert (given, client.connection_id, states) == (2, connection, ["connecting", "open"])


async def test_a_client_that_is_refused_connects_again_with_a_fresh_token_only() -> None:
    with Gateway(KEEPING, *ACCESS) as gateway:
        same = token("ada", 2)
        async with gateway.connect(token=same) as once, gateway.connect(token=lambda: same) as stubborn:
            refused = changed(stubborn, "closed")
            sub = await once.join("user:ada")
            with pytest.raises(TidegateError, match="token expired") as error:
                await take(sub, 10)
            assert (error.value.code, once.state) == ("policy", "closed")
            assert str((await refused).error) == "token expired"

        given = 0

        def fresh() -> str:
            nonlocal given
            given += 1
            return token("ada", jti=str(given))

        async with gateway.connect(token=fresh) as client:
            again = await client.join("user:ada")
            admin = token("root", permissions=["admin", "publish"])
            opened = changed(client, "open")
            await gateway.ask("DELETE", f"/api/v1/sessions/{client.connection_id}", token=admin)
            await opened
            await gateway.publish([alert("user:ada", 1)], admin)
            assert (await anext(again))["data"] == 1
