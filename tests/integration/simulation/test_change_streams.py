"""Change streams, with idle ends."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import ChangeStreamOptions, Database, MongoClient, SimulationMismatchError
from tests.integration.simulation.conftest import Studio

BRIEF = ChangeStreamOptions(max_await_time=timedelta(milliseconds=50))


@pytest.fixture
async def name(mongo_database: Database) -> str:
    await mongo_database.collection("things").insert_one({"_id": 0})
    return mongo_database.name


async def test_events_idle_times_and_tokens_are_replayed(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> Any:
        things = client.collection(name, "things")
        async with things.watch(options=BRIEF) as stream:
            told: list[Any] = [await stream.try_next()]
            inserted = await things.insert_one({"a": 1})
            event = await stream.next()
            assert event is not None
            told += [event.operation, event.document_key == {"_id": inserted.inserted_id}, await stream.try_next()]
            await things.delete_many({})
            token = event.id
        async with things.watch(options=ChangeStreamOptions(resume_after=token)) as stream:
            told += [event.operation for event in [await stream.next(), await stream.next()] if event is not None]
        return told

    recorded, replayed = await studio.both(job)

    assert replayed == recorded == [None, "insert", True, None, "delete", "delete"]


async def test_a_stream_whose_collection_is_dropped_ends_in_replay_too(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> Any:
        things = client.collection(name, "things")
        async with things.watch(options=BRIEF) as stream:
            await client.database(name).drop_collection("things")
            return [event.operation async for event in stream], await stream.next()

    recorded, replayed = await studio.both(job)

    assert replayed == recorded == (["drop", "invalidate"], None)


async def test_where_a_recording_ends_the_stream_is_quiet_and_a_wait_for_more_ends(studio: Studio, name: str) -> None:
    async def record(client: MongoClient) -> None:
        async with client.collection(name, "things").watch(options=BRIEF) as stream:
            await stream.try_next()

    async def wait(client: MongoClient) -> Any:
        async with client.collection(name, "things").watch(options=BRIEF) as stream:
            for _ in range(3):
                assert await stream.try_next() is None
            await stream.next()

    await studio.record(record)
    began = time.monotonic()
    with pytest.raises(SimulationMismatchError, match="gave no more"):
        await studio.replay(wait, idle_limit=timedelta(milliseconds=300))
    assert time.monotonic() - began < 5


async def test_a_quiet_stream_can_be_cancelled_and_closed(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> str:
        async with client.collection(name, "things").watch() as stream:
            waiting = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        return "closed"

    assert await studio.record(job) == "closed"
    began = time.monotonic()
    assert await studio.replay(job) == "closed"
    assert time.monotonic() - began < 5
