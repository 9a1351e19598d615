"""Limits of operations, against a real server that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from llm_devops_mongodb import (
    Collection,
    CommitError,
    CursorType,
    DocumentStream,
    FindOptions,
    InvalidDocumentError,
    MongoClient,
    MongoError,
    OperationTimeoutError,
    PoolExhaustedError,
    Session,
    chunked_insert,
)
from llm_devops_mongodb.testing import EmbeddedMongo

Documents = Collection[dict[str, Any]]
Blocked = Callable[..., AbstractAsyncContextManager[None]]

LIMIT = timedelta(milliseconds=250)
BLOCKED = timedelta(seconds=2)
AMPLE = timedelta(seconds=30)


@pytest.fixture
async def client(mongo_server: EmbeddedMongo) -> AsyncIterator[MongoClient]:
    async with MongoClient.connect(mongo_server.uri, app_name="deadlines") as client:
        yield client


@pytest.fixture
async def rows(client: MongoClient, mongo_database: Any) -> Documents:
    rows = client.collection(mongo_database.name, "rows")
    await rows.insert_many([{"_id": number, "n": number} for number in range(300)])
    return rows


@pytest.fixture
def blocked(mongo_server: EmbeddedMongo) -> Blocked:
    @asynccontextmanager
    async def blocked(*commands: str) -> AsyncIterator[None]:
        """Have the server sit on these commands of the client for longer than any limit here."""
        block = {"blockConnection": True, "blockTimeMS": BLOCKED // timedelta(milliseconds=1)}
        fail = {"failCommands": list(commands), "appName": "deadlines", **block}
        await mongo_server.run_command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": fail})
        try:
            yield
        finally:
            await mongo_server.run_command({"configureFailPoint": "failCommand", "mode": "off"})

    return blocked


async def ended_in_time(call: Awaitable[Any], *, limit: timedelta = LIMIT) -> MongoError:
    """Return the error of `call`, which must come near its limit: long before the server would answer."""
    began = monotonic()
    with pytest.raises(OperationTimeoutError) as caught:
        await call
    waited = timedelta(seconds=monotonic() - began)
    assert limit * 0.9 <= waited < BLOCKED / 2
    assert caught.value.is_timeout
    return caught.value


async def read_all(stream: DocumentStream[Any]) -> None:
    while await stream.next() is not None:
        pass


async def none_is_open(open_cursors: Any) -> None:
    async with asyncio.timeout(10):
        while await open_cursors():
            await asyncio.sleep(0.01)


Call = Callable[[Documents], Awaitable[Any]]

OPERATIONS: dict[str, Call] = {
    "find_one": lambda rows: rows.find_one({}, timeout=LIMIT),
    "find_by_id": lambda rows: rows.find_by_id(1, timeout=LIMIT),
    "find": lambda rows: rows.find({}, timeout=LIMIT),
    "find_stream": lambda rows: rows.find_stream({}, timeout=LIMIT).next(),
    "count_documents": lambda rows: rows.count_documents({}, timeout=LIMIT),
    "estimated_document_count": lambda rows: rows.estimated_document_count(timeout=LIMIT),
    "distinct": lambda rows: rows.distinct("n", timeout=LIMIT),
    "aggregate": lambda rows: rows.aggregate([], timeout=LIMIT),
    "aggregate_stream": lambda rows: rows.aggregate_stream([], timeout=LIMIT).next(),
    "find_paginated": lambda rows: rows.find_paginated({}, 0, 5, timeout=LIMIT),
    "find_page": lambda rows: rows.find_page({}, sort="_id", limit=5, timeout=LIMIT),
    "explain": lambda rows: rows.explain({}, timeout=LIMIT),
    "a query's documents": lambda rows: rows.query().execute(timeout=LIMIT),
    "a query's first": lambda rows: rows.query().first(timeout=LIMIT),
    "a query's stream": lambda rows: rows.query().stream(timeout=LIMIT).next(),
    "a query's count": lambda rows: rows.query().count(timeout=LIMIT),
    "a query's page": lambda rows: rows.query().page(0, 5, timeout=LIMIT),
    "a query's keyset page": lambda rows: rows.query().keyset_page(5, timeout=LIMIT),
    "a query's plan": lambda rows: rows.query().explain(timeout=LIMIT),
}

WRITES: dict[str, Call] = {
    "insert_one": lambda rows: rows.insert_one({}, timeout=LIMIT),
    "insert_many": lambda rows: rows.insert_many([{}, {}], timeout=LIMIT),
    "update_one": lambda rows: rows.update_one({}, {"$set": {"a": 1}}, timeout=LIMIT),
    "update_many": lambda rows: rows.update_many({}, {"$set": {"a": 1}}, timeout=LIMIT),
    "replace_one": lambda rows: rows.replace_one({}, {"a": 1}, timeout=LIMIT),
    "upsert": lambda rows: rows.upsert({"_id": 1}, {"a": 1}, timeout=LIMIT),
    "delete_one": lambda rows: rows.delete_one({"_id": -1}, timeout=LIMIT),
    "delete_many": lambda rows: rows.delete_many({"_id": -1}, timeout=LIMIT),
    "delete_by_id": lambda rows: rows.delete_by_id(-1, timeout=LIMIT),
    "find_one_and_update": lambda rows: rows.find_one_and_update({}, {"$set": {"a": 1}}, timeout=LIMIT),
    "find_one_and_replace": lambda rows: rows.find_one_and_replace({}, {}, timeout=LIMIT),
    "find_one_and_delete": lambda rows: rows.find_one_and_delete({}, timeout=LIMIT),
    "bulk_write": lambda rows: rows.bulk_write().insert({}).execute(timeout=LIMIT),
    "create_index": lambda rows: rows.create_index("n", timeout=LIMIT),
    "drop_index": lambda rows: rows.drop_index("n_1", timeout=LIMIT),
    "chunked_insert": lambda rows: chunked_insert(rows, [{}], 10, timeout=LIMIT),
}

COMMANDS = [
    "find",
    "aggregate",
    "count",
    "distinct",
    "explain",
    "listIndexes",
    "createIndexes",
    "dropIndexes",
    "insert",
    "update",
    "delete",
    "findAndModify",
    "ping",
    "listCollections",
    "create",
    "drop",
]


async def errors_of(calls: dict[str, Awaitable[Any]]) -> dict[str, MongoError]:
    """Make the calls all at once; each must end at its limit."""
    return dict(zip(calls, await asyncio.gather(*map(ended_in_time, calls.values())), strict=True))


async def test_every_operation_ends_at_its_limit(rows: Documents, blocked: Blocked) -> None:
    async with blocked(*COMMANDS):
        errors = await errors_of({name: call(rows) for name, call in OPERATIONS.items()})
    assert {error.outcome for error in errors.values()} == {None}


async def test_every_write_ends_at_its_limit_and_may_have_been_applied(rows: Documents, blocked: Blocked) -> None:
    async with blocked(*COMMANDS):
        errors = await errors_of({name: call(rows) for name, call in WRITES.items()})
    assert {error.outcome for error in errors.values()} == {"unknown"}


async def test_every_operation_of_a_database_ends_at_its_limit(
    client: MongoClient, mongo_database: Any, blocked: Blocked
) -> None:
    database = client.database(mongo_database.name)
    async with blocked(*COMMANDS):
        await errors_of(
            {
                "run_command": database.run_command({"ping": 1}, timeout=LIMIT),
                "aggregate": database.aggregate([{"$documents": [{}]}], timeout=LIMIT),
                "list_collections": database.list_collections(timeout=LIMIT),
                "create_collection": database.create_collection("new", timeout=LIMIT),
                "drop_collection": database.drop_collection("rows", timeout=LIMIT),
                "list_collection_names": database.list_collection_names(timeout=LIMIT),
            }
        )


async def test_a_limit_holds_for_all_requests_of_an_operation(rows: Documents, blocked: Blocked) -> None:
    async with blocked("aggregate", "listIndexes"):
        await errors_of(
            {
                "the count of a page": rows.find_paginated({}, 0, 5, timeout=LIMIT),
                "the indexes": rows.list_indexes(timeout=LIMIT),
                "the indexes of a plan": rows.explain({}, timeout=LIMIT),
            }
        )


async def test_a_handles_limit_holds_for_all_of_its_operations(rows: Documents, blocked: Blocked) -> None:
    limited = rows.with_options(timeout=LIMIT)
    async with blocked("find"):
        await ended_in_time(limited.find_one({}))
        await ended_in_time(limited.with_type(dict).find({}))
    assert await limited.find_one({"_id": 1}) == {"_id": 1, "n": 1}


async def test_a_databases_limit_holds_for_its_collections(client: MongoClient, rows: Documents, blocked: Any) -> None:
    limited = client.database(rows.namespace.database).with_options(timeout=LIMIT).collection("rows")
    async with blocked("find"):
        await ended_in_time(limited.find_one({}))


async def test_the_configurations_limit_holds_where_none_is_given(
    mongo_server: EmbeddedMongo, rows: Documents, blocked: Blocked
) -> None:
    async with MongoClient.connect(mongo_server.uri, app_name="deadlines", timeout=LIMIT) as client:
        limited = client.collection(rows.namespace.database, "rows")
        async with blocked("find"):
            await ended_in_time(limited.find_one({}))
            longer = await ended_in_time(limited.find_one({}, timeout=LIMIT * 2), limit=LIMIT * 2)
        assert "0.5 s" in longer.message
        async for _ in limited.find_stream({}, FindOptions(batch_size=100), timeout=timedelta.max):
            pass


async def test_what_is_done_in_time_is_not_disturbed(rows: Documents) -> None:
    assert len(await rows.find({}, timeout=AMPLE)) == 300
    assert len([row async for row in rows.find_stream({}, FindOptions(batch_size=50), timeout=AMPLE)]) == 300
    assert len([row async for row in rows.aggregate_stream([{"$match": {}}], timeout=AMPLE)]) == 300


@pytest.mark.parametrize("limit", [timedelta(days=30), timedelta.max])
async def test_a_limit_may_be_longer_than_a_command_can_carry(
    client: MongoClient, rows: Documents, limit: timedelta
) -> None:
    async def change(session: Session) -> None:
        await rows.update_one({"_id": 1}, {"$set": {"n": -1}}, session=session)

    await client.with_transaction(change, timeout=limit)
    assert await rows.find_one({"_id": 1}, timeout=limit) == {"_id": 1, "n": -1}
    assert len(await rows.find({}, timeout=limit)) == 300


async def test_the_time_between_two_reads_of_a_stream_counts(rows: Documents, open_cursors: Any) -> None:
    stream = rows.find_stream({}, FindOptions(batch_size=100), timeout=LIMIT)
    for _ in range(100):
        await stream.next()
    await asyncio.sleep(LIMIT.total_seconds())
    for _ in range(2):
        with pytest.raises(OperationTimeoutError, match=r"0\.25 s"):
            await read_all(stream)
    await none_is_open(open_cursors)


async def test_a_stream_that_hangs_ends_at_its_limit_and_leaves_no_cursor(
    rows: Documents, blocked: Blocked, open_cursors: Any
) -> None:
    async with blocked("getMore"):
        await ended_in_time(rows.find({}, FindOptions(batch_size=10), timeout=LIMIT))
    await none_is_open(open_cursors)


async def test_a_tailable_cursor_may_wait_longer_than_its_limit(client: MongoClient, mongo_database: Any) -> None:
    database = client.database(mongo_database.name)
    await database.create_collection("log", {"capped": True, "size": 4096})
    log = database.collection("log")
    await log.insert_one({"_id": 1})
    options = FindOptions(cursor_type=CursorType.TAILABLE)
    async with log.find_stream({}, options, timeout=LIMIT) as stream:
        assert await stream.next() == {"_id": 1}
        waiting = asyncio.create_task(stream.next())
        await asyncio.sleep(LIMIT.total_seconds() * 2)
        await log.insert_one({"_id": 2})
        assert await waiting == {"_id": 2}


async def test_after_a_limit_the_next_operation_is_answered(rows: Documents, blocked: Blocked) -> None:
    async with blocked("find"):
        await ended_in_time(rows.find_one({"_id": 1}, timeout=LIMIT))
    assert await rows.find_one({"_id": 2}, timeout=AMPLE) == {"_id": 2, "n": 2}


async def test_a_wait_for_a_connection_counts(mongo_server: EmbeddedMongo, rows: Documents, blocked: Any) -> None:
    async with MongoClient.connect(mongo_server.uri, app_name="deadlines", max_pool_size=1) as client:
        narrow = client.collection(rows.namespace.database, "rows")
        async with blocked("find"):
            holding = asyncio.create_task(narrow.find_one({}, timeout=BLOCKED * 2))
            await asyncio.sleep(0.05)
            error = await ended_in_time(narrow.count_documents({}, timeout=LIMIT))
            assert "max_pool_size" in error.message
        await holding


async def test_a_pool_that_stays_empty_is_told_as_such_without_a_limit(
    mongo_server: EmbeddedMongo, rows: Documents, blocked: Blocked
) -> None:
    narrow = {"app_name": "deadlines", "max_pool_size": 1, "wait_queue_timeout": LIMIT}
    async with MongoClient.connect(mongo_server.uri, **narrow) as client:  # type: ignore[arg-type]
        narrow_rows = client.collection(rows.namespace.database, "rows")
        async with blocked("find"):
            holding = asyncio.create_task(narrow_rows.find_one({}))
            await asyncio.sleep(0.05)
            with pytest.raises(PoolExhaustedError):
                await narrow_rows.count_documents({})
        await holding


async def test_a_transactions_limit_is_shared_by_its_operations(client: MongoClient, rows: Documents) -> None:
    async def dawdle(session: Session) -> None:
        await rows.update_one({"_id": 1}, {"$set": {"n": -1}}, session=session)
        await asyncio.sleep(LIMIT.total_seconds())
        await rows.update_one({"_id": 2}, {"$set": {"n": -1}}, session=session)

    error = await ended_in_time(client.with_transaction(dawdle, timeout=LIMIT))
    assert error.outcome == "not_applied"
    assert await rows.find_one({"_id": 1}) == {"_id": 1, "n": 1}
    await rows.update_one({"_id": 1}, {"$set": {"n": -1}}, timeout=AMPLE)


async def test_a_commit_that_hangs_has_an_unknown_outcome(
    client: MongoClient, rows: Documents, blocked: Blocked
) -> None:
    async def change(session: Session) -> None:
        await rows.update_one({"_id": 1}, {"$set": {"n": -1}}, session=session)

    began = monotonic()
    async with blocked("commitTransaction"):
        with pytest.raises(CommitError, match="unknown") as caught:
            await client.with_transaction(change, timeout=LIMIT)
    assert caught.value.is_timeout
    assert caught.value.outcome == "unknown"
    assert monotonic() - began < BLOCKED.total_seconds() / 2


async def test_a_limit_is_tried_again_within_itself(client: MongoClient, rows: Documents, mongo_server: Any) -> None:
    fail = {"failCommands": ["find"], "appName": "deadlines", "closeConnection": True}
    await mongo_server.run_command({"configureFailPoint": "failCommand", "mode": {"times": 2}, "data": fail})
    assert await rows.find_one({"_id": 1}, timeout=AMPLE) == {"_id": 1, "n": 1}


@pytest.mark.parametrize("limit", [timedelta(), timedelta(seconds=-1), 5, 0.5, "1s"])
async def test_a_limit_that_is_none_is_refused_at_once(client: MongoClient, rows: Documents, limit: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="timeout is a timedelta"):
        await rows.find_one({}, timeout=limit)
    with pytest.raises(InvalidDocumentError, match="timeout is a timedelta"):
        rows.with_options(timeout=limit)
    with pytest.raises(InvalidDocumentError, match="timeout is a timedelta"):
        await client.with_transaction(nothing, timeout=limit)
    async with client.start_session() as session:
        await session.start_transaction()
        with pytest.raises(InvalidDocumentError, match="timeout is a timedelta"):
            await session.commit(timeout=limit)
        with pytest.raises(InvalidDocumentError, match="timeout is a timedelta"):
            await session.abort(timeout=limit)


async def nothing(_: Session) -> None: ...
