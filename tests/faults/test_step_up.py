"""Another member takes over while writes are under way, and the client asks again."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from llm_devops_mongodb import QueryError, RetryConfig
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.faults.operations import Things
from tests.faults.three_members import on_member, secondaries

WRITERS = 4
TURNS = 3


@pytest.fixture(scope="module")
def server(three_members: EmbeddedMongo) -> EmbeddedMongo:
    """A server that can lose its primary."""
    return three_members


@pytest.fixture
def settings(settings: ConfigSettings) -> ConfigSettings:
    """A client that asks again what is safe to ask again."""
    return {**settings, "retry": RetryConfig(enabled=True)}


async def take_over(server: EmbeddedMongo) -> None:
    """Have a secondary take over."""
    first = await server.primary()
    async with asyncio.timeout(20):
        while await server.primary() is first:
            for member in await secondaries(server):
                # Members vote for none that has fewer writes than they have.
                with suppress(QueryError):
                    await on_member(server, member, {"replSetStepUp": 1})
                    break


async def test_four_writers_do_not_notice_that_others_take_over(
    server: EmbeddedMongo, things: Things, stored: Things
) -> None:
    written = dict.fromkeys(range(WRITERS), 0)
    over = asyncio.Event()

    async def write(writer: int) -> None:
        counter = f"counter {writer}"
        await things.insert_one({"_id": counter, "n": 0})
        while not over.is_set():
            number = written[writer]
            await things.insert_one({"_id": f"{writer}: {number}", "writer": writer})
            await things.update_one({"_id": counter}, {"$inc": {"n": 1}})
            written[writer] += 1

    async def progress() -> None:
        """Wait until every writer has written since."""
        before = dict(written)
        async with asyncio.timeout(20):
            while any(written[writer] < before[writer] + 5 for writer in written):
                await asyncio.sleep(0.01)

    async def take_turns() -> None:
        for _ in range(TURNS):
            await progress()
            await take_over(server)
        await progress()
        over.set()

    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write(writer))
        group.create_task(take_turns())

    for writer, number in written.items():
        assert await stored.count_documents({"writer": writer}) == number
        counter = await stored.find_one({"_id": f"counter {writer}"})
        assert counter is not None
        assert counter["n"] == number
