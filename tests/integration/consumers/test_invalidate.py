"""What follows when what is watched is dropped or renamed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_devops_mongodb import Database, MongoClient
from tests.integration.consumers.consuming import Things, consumer_of
from tests.integration.consumers.diary import Diary, running, stored_token


async def renamed(things: Things, client: MongoClient) -> None:
    """Rename a collection."""
    name = str(things.namespace)
    await client.database("admin").run_command({"renameCollection": name, "to": f"{name}_before"})


async def gone(things: Things, client: MongoClient, how: str) -> None:
    """Drop or rename a collection."""
    if how == "rename":
        await renamed(things, client)
    else:
        await client.database(things.namespace.database).drop_collection(things.name)


@pytest.mark.parametrize("how", ["drop", "rename"])
async def test_a_consumer_goes_on_with_the_collection_that_takes_the_name(
    things: Things, diary: Diary, mongo_client: MongoClient, how: str
) -> None:
    async with running(consumer_of(things, diary)):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await gone(things, mongo_client, how)
        await things.insert_one({"_id": 2})
        await diary.until_handled(4)

    assert diary.operations == ["insert", how, "invalidate", "insert"]
    assert diary.ids == [1, 2]
    assert "invalidated" in diary.kinds


@pytest.mark.parametrize("how", ["drop", "rename"])
async def test_a_consumer_stops_where_it_is_to(
    things: Things, diary: Diary, mongo_client: MongoClient, mongo_database: Database, how: str
) -> None:
    consumer = consumer_of(things, diary, on_invalidate="stop")
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await gone(things, mongo_client, how)
    async with asyncio.timeout(10):
        await task

    assert diary.operations == [how, "invalidate"]
    assert consumer.status().state == "stopped"
    assert await stored_token(mongo_database, "clerk") == diary.events[-1].id


async def test_the_next_consumer_goes_on_after_the_invalidate(
    things: Things, diary: Diary, mongo_client: MongoClient
) -> None:
    task = asyncio.create_task(consumer_of(things, diary, on_invalidate="stop").run())
    await diary.until_told("started")
    await gone(things, mongo_client, "drop")
    await task
    await things.insert_one({"_id": 2})

    async with running(consumer_of(things, diary)):
        await diary.until_handled(3)

    assert diary.operations == ["drop", "invalidate", "insert"]


@pytest.mark.parametrize("settings", [{}, {"concurrency": 2}, {"delivery": "exactly_once"}], ids=str)
async def test_a_pipeline_that_hides_the_invalidate_does_not_keep_a_consumer_from_going_on(
    things: Things, diary: Diary, mongo_client: MongoClient, settings: dict[str, Any]
) -> None:
    inserts = [{"$match": {"operationType": "insert"}}]
    consumer = consumer_of(things, diary, pipeline=inserts, **settings)
    async with running(consumer):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await gone(things, mongo_client, "drop")
        await things.insert_one({"_id": 2})
        await diary.until(lambda: diary.ids[-1:] == [2])

    assert diary.ids == [1, 2]
    assert diary.kinds.count("started") == 2


async def test_every_partition_goes_on(things: Things, diary: Diary, mongo_client: MongoClient) -> None:
    numbers = list(range(20))
    async with running(consumer_of(things, diary, partitions=3)):
        await diary.until_told("started", times=3)
        await gone(things, mongo_client, "drop")
        await things.insert_many([{"_id": number} for number in numbers])
        await diary.until(lambda: sorted(diary.ids) == numbers)

    assert sorted(set(diary.operations)) == ["drop", "insert", "invalidate"]
    assert diary.operations.count("invalidate") == 1
    assert diary.kinds.count("started") == 6
