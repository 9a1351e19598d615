"""Streams: constant memory, and no cursor left on the server however reading ends."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from llm_devops_mongodb import (
    AggregateOptions,
    CursorError,
    CursorType,
    Database,
    FindOptions,
    MongoClient,
    QueryError,
)

SMALL = FindOptions(batch_size=2)
SMALL_AGGREGATE = AggregateOptions(batch_size=2)


@pytest.fixture
async def numbers(mongo_database: Database) -> Any:
    collection = mongo_database.collection("numbers")
    await collection.insert_many([{"_id": n} for n in range(20)])
    return collection


async def until(count: Any, wanted: int, *, within: float = 2) -> int:
    """Ask for the number of open cursors until it is as wanted, or the time is up."""
    async with asyncio.timeout(within):
        while (seen := await count()) > wanted:
            await asyncio.sleep(0.01)
    return seen


async def test_a_stream_gives_every_document_in_order(numbers: Any) -> None:
    seen = [document["_id"] async for document in numbers.find_stream({}, FindOptions(sort="_id", batch_size=3))]

    assert seen == list(range(20))


async def test_nothing_is_sent_before_the_first_document_is_asked_for(numbers: Any, open_cursors: Any) -> None:
    before = await open_cursors()

    stream = numbers.find_stream({}, SMALL)

    assert await open_cursors() == before
    await stream.aclose()
    assert await stream.next() is None


async def test_an_open_stream_holds_one_cursor_until_it_is_closed(numbers: Any, open_cursors: Any) -> None:
    before = await open_cursors()
    for make in (
        lambda: numbers.find_stream({}, SMALL),
        lambda: numbers.aggregate_stream([{"$match": {}}], SMALL_AGGREGATE),
    ):
        async with make() as stream:
            await stream.next()
            assert await open_cursors() == before + 1
        assert await open_cursors() == before


async def test_a_break_leaves_no_cursor(numbers: Any, open_cursors: Any) -> None:
    before = await open_cursors()

    async for _ in numbers.find_stream({}, SMALL):
        break
    gc.collect()

    assert await until(open_cursors, before) == before


async def test_an_error_in_the_loop_leaves_no_cursor(numbers: Any, open_cursors: Any) -> None:
    before = await open_cursors()

    async def fail() -> None:
        async with numbers.find_stream({}, SMALL) as stream:
            async for _ in stream:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await until(open_cursors, before) == before


async def test_a_cancelled_reader_leaves_no_cursor(numbers: Any, open_cursors: Any, mongo_client: MongoClient) -> None:
    before = await open_cursors()
    admin = mongo_client.database("admin")
    started = asyncio.Event()

    async def read(stream: Any) -> None:
        async for _ in stream:
            started.set()

    for make in (
        lambda: numbers.find_stream({}, SMALL),
        lambda: numbers.aggregate_stream([{"$match": {}}], SMALL_AGGREGATE),
    ):
        await admin.run_command(
            {
                "configureFailPoint": "failCommand",
                "mode": "alwaysOn",
                "data": {"failCommands": ["getMore"], "blockConnection": True, "blockTimeMS": 200},
            }
        )
        started.clear()
        reader = asyncio.create_task(read(make()))
        await started.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await admin.run_command({"configureFailPoint": "failCommand", "mode": "off"})
        assert await until(open_cursors, before) == before


async def test_a_reader_cancelled_while_the_cursor_opens_leaves_none(
    numbers: Any, open_cursors: Any, mongo_client: MongoClient
) -> None:
    before = await open_cursors()
    admin = mongo_client.database("admin")
    for command, make in (
        ("find", lambda: numbers.find_stream({}, SMALL)),
        ("aggregate", lambda: numbers.aggregate_stream([{"$match": {}}], SMALL_AGGREGATE)),
    ):
        await admin.run_command(
            {
                "configureFailPoint": "failCommand",
                "mode": {"times": 1},
                "data": {"failCommands": [command], "blockConnection": True, "blockTimeMS": 200},
            }
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(make().next(), 0.05)
        assert await until(open_cursors, before) == before


async def test_a_thousand_cancelled_streams_leave_no_cursor(numbers: Any, open_cursors: Any) -> None:
    before = await open_cursors()

    async def read(patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                async for _ in numbers.find_stream({}, SMALL):
                    await asyncio.sleep(0)
        except TimeoutError:
            pass

    for _ in range(10):
        await asyncio.gather(*(read(0.0005 * n) for n in range(100)))

    assert await until(open_cursors, before, within=20) <= before


async def test_a_killed_cursor_is_an_error_and_no_silent_end(numbers: Any, mongo_client: MongoClient) -> None:
    async with numbers.find_stream({}, FindOptions(batch_size=2, comment="to be killed")) as stream:
        await stream.next()
        await stream.next()
        (cursor,) = await mongo_client.database("admin").aggregate(
            [
                {"$currentOp": {"idleCursors": True}},
                {"$match": {"cursor.originatingCommand.comment": "to be killed"}},
                {"$project": {"id": "$cursor.cursorId"}},
            ]
        )
        await mongo_client.database(numbers.namespace.database).run_command(
            {"killCursors": "numbers", "cursors": [cursor["id"]]}
        )

        for _ in range(2):
            with pytest.raises(CursorError) as caught:
                await stream.next()

    assert caught.value.code == 43


async def test_two_readers_of_one_stream_are_refused(numbers: Any, mongo_client: MongoClient) -> None:
    admin = mongo_client.database("admin")
    await admin.run_command(
        {
            "configureFailPoint": "failCommand",
            "mode": {"times": 1},
            "data": {"failCommands": ["find"], "blockConnection": True, "blockTimeMS": 100},
        }
    )
    async with numbers.find_stream({}, SMALL) as stream:
        first = asyncio.create_task(stream.next())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(CursorError, match="two tasks"):
            await stream.next()
        assert await first == {"_id": 0}


async def test_a_tailable_stream_waits_for_more(mongo_database: Database) -> None:
    await mongo_database.run_command({"create": "log", "capped": True, "size": 4096})
    log = mongo_database.collection("log")
    await log.insert_one({"_id": 1})
    options = FindOptions(cursor_type=CursorType.TAILABLE_AWAIT)

    async with log.find_stream({}, options) as stream:
        assert await stream.next() == {"_id": 1}
        waiting = asyncio.create_task(stream.next())
        await log.insert_one({"_id": 2})
        assert await waiting == {"_id": 2}


async def test_an_aggregation_is_typed_and_streamed(numbers: Any) -> None:
    pipeline = [{"$group": {"_id": {"$mod": ["$_id", 2]}, "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
    options = AggregateOptions(
        allow_disk_use=True, comment="count", hint={"_id": 1}, collation={"locale": "en"}, let={"unused": 1}
    )

    assert await numbers.aggregate(pipeline, options) == [{"_id": 0, "n": 10}, {"_id": 1, "n": 10}]
    assert [row["n"] async for row in numbers.aggregate_stream(pipeline)] == [10, 10]


async def test_a_pipeline_that_writes_returns_nothing(numbers: Any, mongo_database: Database) -> None:
    assert await numbers.aggregate([{"$match": {"_id": {"$lt": 3}}}, {"$out": "few"}]) == []
    assert await mongo_database.collection("few").count_documents() == 3


async def test_a_database_aggregates(mongo_database: Database) -> None:
    rows = await mongo_database.aggregate([{"$documents": [{"n": n} for n in range(300)]}])

    assert [row["n"] for row in rows] == list(range(300))


async def test_a_failing_aggregation_names_the_code(numbers: Any) -> None:
    with pytest.raises(QueryError) as caught:
        await numbers.aggregate([{"$project": {"x": {"$divide": [1, "$_id"]}}}])

    assert caught.value.code == 2


async def test_two_readers_that_open_one_aggregation_leave_no_cursor(numbers: Any, open_cursors: Any) -> None:
    before = await open_cursors()

    for _ in range(5):
        stream = numbers.aggregate_stream([{"$match": {}}], SMALL_AGGREGATE)
        outcomes = await asyncio.gather(stream.next(), stream.next(), return_exceptions=True)
        await stream.aclose()
        assert [type(outcome) for outcome in outcomes].count(CursorError) == 1

    assert await until(open_cursors, before) == before
