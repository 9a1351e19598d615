"""Inserting in chunks, on a real server."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bson import ObjectId

from llm_devops_mongodb import (
    BulkWriteError,
    Collection,
    Database,
    DuplicateKeyError,
    FindOptions,
    MongoClient,
    WriteConcern,
)
from llm_devops_mongodb.bulk import InsertProgress, chunked_insert

Documents = Collection[dict[str, Any]]
MEBIBYTE = 1024 * 1024


@pytest.fixture
def traces(mongo_database: Database) -> Documents:
    return mongo_database.collection("traces")


@dataclass
class Trace:
    number: int
    _id: ObjectId | None = None


def numbered(*numbers: int) -> Iterator[dict[str, Any]]:
    return ({"_id": number} for number in numbers)


async def test_a_generator_is_stored_in_its_order(traces: Documents) -> None:
    seen: list[InsertProgress] = []

    result = await chunked_insert(traces, ({"n": n} for n in range(2500)), on_progress=seen.append)

    stored = await traces.find({})
    assert [each["n"] for each in stored] == list(range(2500))
    assert result.inserted_ids == {index: each["_id"] for index, each in enumerate(stored)}
    assert [each.inserted for each in seen] == [1000, 2000, 2500]


async def test_models_of_an_async_generator_are_stored(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces", Trace)

    async def models() -> AsyncIterator[Trace]:
        for number in range(5):
            await asyncio.sleep(0)
            yield Trace(number)

    result = await chunked_insert(traces, models(), 2)

    assert [each.number for each in await traces.find({})] == [0, 1, 2, 3, 4]
    assert result.count == 5


async def test_one_collection_streams_into_another(traces: Documents, mongo_database: Database) -> None:
    await traces.insert_many(numbered(*range(3000)))
    copies = mongo_database.collection("copies")

    async with traces.find_stream({}) as stream:
        result = await chunked_insert(copies, stream, 700)

    assert result.count == await copies.count_documents() == 3000


async def test_a_transaction_may_read_what_it_inserts(
    mongo_client: MongoClient, traces: Documents, mongo_database: Database
) -> None:
    await traces.insert_many(numbered(*range(500)))
    copies = mongo_database.collection("copies")
    await copies.insert_one({"_id": -1})

    async with mongo_client.start_session() as session, session.transaction():
        async with traces.find_stream({}, session=session) as stream:
            result = await chunked_insert(copies, stream, 50, session=session)
        assert await copies.count_documents() == 1

    assert result.count == 500
    assert await copies.count_documents() == 501


async def test_a_failure_keeps_what_earlier_chunks_inserted(traces: Documents) -> None:
    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(traces, numbered(0, 1, 2, 3, 4, 1, 6, 7, 8), 3)

    error = caught.value
    assert error.result.inserted_ids == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}  # type: ignore[union-attr]  # of an insertion
    assert await traces.count_documents() == 5
    assert list(error.write_errors) == [5]
    assert isinstance(error.write_errors[5], DuplicateKeyError)
    assert error.write_errors[5].message.startswith("write 5: ")


async def test_a_failure_counts_more_than_what_the_documents_after_it_raise(traces: Documents) -> None:
    def documents() -> Iterator[dict[str, Any]]:
        yield from numbered(*range(25), 0, *range(26, 35))
        raise RuntimeError("further on")

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(traces, documents(), 10)

    assert list(caught.value.write_errors) == [25]
    assert isinstance(caught.value.write_errors[25], DuplicateKeyError)
    assert await traces.count_documents() == 25


async def test_a_failure_closes_the_stream_that_the_documents_come_from(
    traces: Documents, mongo_database: Database, open_cursors: Any
) -> None:
    await traces.insert_many(numbered(*range(500)))
    copies = mongo_database.collection("copies")
    await copies.insert_one({"_id": 70})
    before = await open_cursors()

    async def documents() -> AsyncIterator[dict[str, Any]]:
        async with traces.find_stream({}, FindOptions(batch_size=10)) as stream:
            async for document in stream:
                yield document

    source = documents()
    with pytest.raises(BulkWriteError):
        await chunked_insert(copies, source, 50)

    async with asyncio.timeout(5):
        while await open_cursors() != before:
            await asyncio.sleep(0.01)


async def test_unordered_tells_of_every_failure_by_its_index(traces: Documents) -> None:
    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(traces, numbered(0, 0, 2, 2, 4, 4, 6, 7), 3, ordered=False)

    assert caught.value.result.inserted_ids == {0: 0, 2: 2, 4: 4, 6: 6, 7: 7}  # type: ignore[union-attr]  # of an insertion
    assert sorted(caught.value.write_errors) == [1, 3, 5]
    assert await traces.count_documents() == 5


async def test_without_acknowledgement_nothing_is_known(traces: Documents) -> None:
    unacknowledged = traces.with_options(write_concern=WriteConcern(w=0))

    assert not (await chunked_insert(unacknowledged, numbered(1, 2), 1)).acknowledged


async def test_a_cancelled_insertion_leaves_no_task_and_a_client_that_works(traces: Documents) -> None:
    started = asyncio.Event()

    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield {}

    def tell(_: InsertProgress) -> None:
        started.set()

    before = asyncio.all_tasks()
    insertion = asyncio.create_task(chunked_insert(traces, endless(), 500, on_progress=tell))
    await started.wait()
    insertion.cancel()
    with pytest.raises(asyncio.CancelledError):
        await insertion

    assert {each for each in asyncio.all_tasks() - before if "chunked" in repr(each)} == set()
    assert await traces.count_documents() >= 500


async def test_memory_does_not_grow_with_the_documents(traces: Documents) -> None:
    count = 200_000
    await chunked_insert(traces, ({"n": n} for n in range(5000)))
    gc.collect()
    tracemalloc.start()
    try:
        result = await chunked_insert(traces, ({"n": n, "text": "x" * 100} for n in range(count)))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert result.count == count
    assert held < 4 * MEBIBYTE
    assert peak < 12 * MEBIBYTE
