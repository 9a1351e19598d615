from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from llm_devops_mongodb.client import MongoClient
from llm_devops_mongodb.testing import EmbeddedMongo
from llm_devops_mongodb.testing.leaks import ResourceCounts, count_resources, leaked_since

NO_TIME = timedelta(0)


@pytest.fixture(scope="module")
async def server():
    """A server that no other test uses at the same time."""
    async with EmbeddedMongo(auth=True) as started:
        yield started


@pytest.fixture
async def before(server):
    return await count_resources(server.uri)


def connect(server):
    return MongoClient.connect(server.uri, min_pool_size=0)


async def test_counting_leaves_and_counts_nothing_of_its_own(server, before):
    assert not await leaked_since(before, server.uri, within=NO_TIME)
    assert before.cursors == before.transactions == before.connections == 0


async def test_an_open_cursor_is_counted_until_it_is_killed(server, before):
    async with connect(server) as client:
        database = client.database("counted")
        await database.run_command({"insert": "things", "documents": [{}, {}, {}]})
        reply = await database.run_command({"find": "things", "batchSize": 1})
        assert (await count_resources(server.uri)).since(before).cursors == 1

        await database.run_command({"killCursors": "things", "cursors": [reply["cursor"]["id"]]})
        assert (await count_resources(server.uri)).since(before).cursors == 0


async def test_connections_and_sessions_of_a_client_are_counted_until_it_is_closed(server, before):
    async with connect(server) as client:
        await client.database("counted").run_command({"ping": 1})

        leaked = await leaked_since(before, server.uri, within=NO_TIME)
        assert leaked.connections >= 2
        assert leaked.sessions >= 1
        assert leaked

    assert not await leaked_since(before, server.uri)


async def test_an_unfinished_task_is_counted(server, before):
    task = asyncio.create_task(asyncio.Event().wait())

    assert await leaked_since(before, server.uri, within=NO_TIME) == ResourceCounts(tasks=1)

    task.cancel()
    assert not await leaked_since(before, server.uri)


async def test_a_leak_is_waited_for(server, before):
    end = asyncio.Event()
    task = asyncio.create_task(end.wait())
    asyncio.get_running_loop().call_later(0.2, end.set)

    assert not await leaked_since(before, server.uri)
    assert task.done()


def test_what_was_closed_since_is_no_leak():
    before, after = ResourceCounts(cursors=2, sessions=1), ResourceCounts(cursors=1, sessions=3, tasks=1)

    assert after.since(before) == ResourceCounts(sessions=2, tasks=1)
    assert not ResourceCounts()
