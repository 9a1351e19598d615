"""A primary that hangs, or hands over, with the library's own defaults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from time import monotonic

import pytest

from llm_devops_mongodb import MongoClient
from llm_devops_mongodb.testing import EmbeddedMongo, Member


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedMongo]:
    # A secondary holds on to a source that hangs for 12.5 s by default, and no majority has a write until it lets go.
    quick = {"oplogNetworkTimeoutBufferSeconds": 1, "oplogRetriedFindMaxSeconds": 1}
    async with EmbeddedMongo(members=3, set_parameters=quick) as server:
        yield server


async def test_writes_go_on_soon_after_the_primary_hangs(server: EmbeddedMongo) -> None:
    acknowledged: list[str] = []
    times: list[float] = []

    async def write(writer: int) -> None:
        while len(acknowledged) < enough:
            identity = f"{writer}-{len(acknowledged)}"
            await log.insert_one({"_id": identity})
            acknowledged.append(identity)
            times.append(monotonic())

    async with MongoClient.connect(server.uri) as client:
        log = client.collection("app", "log")
        enough = 100
        await asyncio.gather(*map(write, range(4)))
        primary = await server.primary()
        primary.pause()
        enough = len(acknowledged) + 100
        await asyncio.gather(*map(write, range(4)))
        assert await server.primary() is not primary
        assert max(after - before for before, after in pairwise(times)) < 5
        primary.resume()
        assert {row["_id"] for row in await log.find({})} == set(acknowledged)


async def test_what_a_primary_has_in_hand_when_it_hands_over_is_not_cut_off(server: EmbeddedMongo) -> None:
    async with MongoClient.connect(server.uri, app_name="slow") as client:
        await client.collection("app", "log").insert_one({"_id": 1})
        first = await server.primary()
        slow = {"failCommands": ["find"], "appName": "slow", "blockConnection": True, "blockTimeMS": 2_500}
        await server.run_command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": slow})
        reading = asyncio.create_task(client.collection("app", "log").find_one({}))
        await asyncio.sleep(0.1)
        await hand_over(server, first)
        assert await reading == {"_id": 1}
        async with MongoClient.connect(server.uri_of(first)) as direct:
            counted = await direct.database("admin").run_command({"configureFailPoint": "failCommand", "mode": "off"})
        assert counted["count"] == 1


async def hand_over(server: EmbeddedMongo, first: Member) -> None:
    async with asyncio.timeout(20):
        while await server.primary() is first:
            async with MongoClient.connect(server.uri_of(first)) as direct:
                await direct.database("admin").run_command({"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 2})
