"""Every operation gives in replay what it gave on the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId

from llm_devops_mongodb import (
    BulkWriteError,
    Database,
    DuplicateKeyError,
    FindOptions,
    MongoClient,
    MongoError,
    QueryError,
    SimulationMismatchError,
    WriteConcern,
    chunked_insert,
)
from tests.faults.operations import COMMANDS, MANY_WRITES, READS, SEED, SINGLE_WRITES, Operation, Things, contents
from tests.integration.simulation.conftest import Studio

Work = Callable[[Things], Awaitable[Any]]


@pytest.fixture
def name(mongo_database: Database) -> str:
    return mongo_database.name


def on_things(name: str, work: Work) -> Callable[[MongoClient], Awaitable[Any]]:
    """A job that works on a collection."""
    return lambda client: work(client.collection(name, "things"))


@pytest.mark.parametrize("operation", [*READS, *SINGLE_WRITES, *MANY_WRITES, *COMMANDS], ids=str)
async def test_an_operation_gives_the_same(studio: Studio, name: str, operation: Operation) -> None:
    async def work(things: Things) -> Any:
        await things.insert_many(SEED)
        answer = await operation.call(things)
        return answer, await contents(things)

    recorded, replayed = await studio.both(on_things(name, work))

    assert replayed == recorded
    assert repr(replayed) == repr(recorded)


async def _violate(things: Things) -> Any:
    await things.insert_one({"_id": 1})
    return await things.insert_one({"_id": 1})


async def _violate_in_part(things: Things) -> Any:
    return await things.insert_many([{"_id": 1}, {"_id": 1}, {"_id": 2}], ordered=False)


async def _write_in_part(things: Things) -> Any:
    return await things.bulk_write().insert({"_id": 1}).insert({"_id": 1}).delete_one({"_id": 9}).execute()


async def _insert_in_part(things: Things) -> Any:
    return await chunked_insert(things, [{"_id": 1}, {"_id": 2}, {"_id": 1}], 2)


async def _ask_wrongly(things: Things) -> Any:
    return await things.aggregate([{"$project": {"a": {"$divide": [1, 0]}}}, {"$facet": {"a": []}}])


async def _ask_a_server_that_is_too_old(things: Things) -> Any:
    return await things.find({"$expr": {"$function": 1}})


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (_violate, DuplicateKeyError),
        (_violate_in_part, BulkWriteError),
        (_write_in_part, BulkWriteError),
        (_insert_in_part, BulkWriteError),
        (_ask_a_server_that_is_too_old, QueryError),
    ],
)
async def test_an_operation_that_fails_fails_the_same(
    studio: Studio, name: str, work: Work, kind: type[MongoError]
) -> None:
    async def caught(client: MongoClient) -> MongoError:
        with pytest.raises(kind) as raised:
            await work(client.collection(name, "things"))
        return raised.value

    recorded, replayed = await studio.both(caught)

    assert type(replayed) is type(recorded)
    assert _told(replayed) == _told(recorded)


def _told(error: MongoError) -> dict[str, Any]:
    told = dict(vars(error))
    for name in ("write_errors", "write_concern_errors"):
        if name in told:
            told[name] = repr(told[name])
    return told


async def test_generated_ids_and_dates_of_now_are_the_programs_own(studio: Studio, name: str) -> None:
    async def work(things: Things) -> list[bool]:
        now = datetime.now(UTC).replace(microsecond=0)
        many = await things.insert_many([{"at": now}, {"at": now}])
        written = await things.bulk_write().insert({"at": now}).execute()
        upserted = await things.update_one({"_id": ObjectId()}, {"$set": {"at": now}}, options=None)
        stream = [document async for document in things.find_stream({})]
        found = await things.find_by_id(many.inserted_ids[0]) or {}
        return [
            [document["_id"] for document in stream[:2]] == list(many.inserted_ids.values()),
            {document["at"] for document in stream} == {now},
            found["_id"] == many.inserted_ids[0],
            (written.inserted_count, upserted.matched_count) == (1, 0),
        ]

    recorded, replayed = await studio.both(on_things(name, work))

    assert recorded == replayed == [True] * 4


async def test_uuids_come_back_as_uuids(studio: Studio, name: str) -> None:
    key = uuid4()

    async def work(things: Things) -> Any:
        await things.insert_one({"_id": key})
        return await things.find_by_id(key), await things.distinct("_id", {})

    recorded, replayed = await studio.both(on_things(name, work))

    assert recorded == replayed == ({"_id": key}, [key])


async def test_a_stream_that_was_left_early_is_replayed_as_far_as_it_was_read(studio: Studio, name: str) -> None:
    async def first_batch(things: Things, *, until: int) -> list[int]:
        found: list[int] = []
        async with things.find_stream({}, FindOptions(batch_size=2, sort="_id")) as stream:
            async for document in stream:
                found.append(document["_id"])
                if len(found) == until:
                    break
        return found

    async def record(things: Things) -> list[int]:
        await things.insert_many(SEED)
        return await first_batch(things, until=3)

    assert await studio.record(on_things(name, record)) == [0, 1, 2]

    assert await studio.replay(on_things(name, lambda things: first_batch(things, until=3))) == [0, 1, 2]
    with pytest.raises(SimulationMismatchError, match="read no further"):
        await studio.replay(on_things(name, lambda things: first_batch(things, until=5)))


async def test_operations_at_once_find_each_its_answer(studio: Studio, name: str) -> None:
    async def work(things: Things, order: list[int]) -> dict[int, Any]:
        answers = await asyncio.gather(*(things.find_by_id(number) for number in order))
        return dict(zip(order, answers, strict=True))

    async def record(things: Things) -> dict[int, Any]:
        await things.insert_many(SEED)
        return await work(things, [0, 1, 2, 3, 4])

    recorded = await studio.record(on_things(name, record))

    assert await studio.replay(on_things(name, lambda things: work(things, [4, 2, 0, 3, 1]))) == recorded


async def test_what_is_not_acknowledged_is_replayed_so(studio: Studio, name: str) -> None:
    async def work(things: Things) -> Any:
        hasty = things.with_options(write_concern=WriteConcern(w=0))
        return await hasty.insert_one({"_id": 1}), await hasty.update_one({"_id": 1}, {"$set": {"a": 1}})

    recorded, replayed = await studio.both(on_things(name, work))

    assert replayed == recorded
    assert not replayed[0].acknowledged


async def test_commands_databases_and_health_are_replayed(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> Any:
        await client.collection(name, "things").insert_one({"_id": 1})
        database = client.database(name)
        health = await client.health_check()
        return (
            await database.run_command({"count": "things"}),
            await database.list_collection_names(),
            await client.list_databases({"name": name}),
            (health.healthy, health.server_version, health.members),
            await database.aggregate([{"$documents": [{"a": 1}]}]),
        )

    recorded, replayed = await studio.both(job)

    assert replayed == recorded


@pytest.mark.parametrize("settings", [{"retry": {"enabled": True}}, {"query_guard": {"enabled": True}}], ids=str)
async def test_what_wraps_the_operations_is_there_in_replay(studio: Studio, name: str, settings: Any) -> None:
    async def work(things: Things) -> Any:
        await things.insert_one({"_id": 1})
        return await things.find({"_id": 1})

    recorded, replayed = await studio.both(on_things(name, work), **settings)

    assert replayed == recorded == [{"_id": 1}]
