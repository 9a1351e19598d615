"""Sessions and transactions on a real replica set: the basics."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    Database,
    FindOptions,
    MongoClient,
    ReadConcern,
    ReadPreference,
    Session,
    SessionBusyError,
    TransactionError,
    TransactionOptions,
    WriteConcern,
    chunked_insert,
)

OPTIONS = TransactionOptions(
    read_concern=ReadConcern.SNAPSHOT,
    write_concern=WriteConcern(w="majority"),
    read_preference=ReadPreference.PRIMARY,
    max_commit_time=timedelta(seconds=5),
)


@pytest.fixture
async def accounts(mongo_database: Database) -> Any:
    collection = mongo_database.collection("accounts")
    await collection.insert_many([{"_id": "a", "sum": 10}, {"_id": "b", "sum": 0}])
    return collection


async def test_a_transaction_commits_all_of_its_operations(mongo_client: MongoClient, accounts: Any) -> None:
    async with mongo_client.start_session() as session, session.transaction(OPTIONS):
        await session.update_one(accounts, {"_id": "a"}, {"$inc": {"sum": -3}})
        await session.update_one(accounts, {"_id": "b"}, {"$inc": {"sum": 3}})
        await session.insert_one(accounts, {"_id": "c"})
        assert await session.find_one(accounts, {"_id": "c"}) == {"_id": "c"}
        assert (await session.delete_one(accounts, {"_id": "c"})).deleted_count == 1
        assert await accounts.find_one({"_id": "a"}) == {"_id": "a", "sum": 10}

    assert [account["sum"] for account in await accounts.find({}, FindOptions(sort="_id"))] == [7, 3]


async def test_an_error_aborts_and_is_raised(mongo_client: MongoClient, accounts: Any) -> None:
    async def fail() -> None:
        async with mongo_client.start_session() as session, session.transaction():
            await accounts.within(session).delete_many({})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await accounts.count_documents() == 2


async def test_cancellation_aborts(mongo_client: MongoClient, accounts: Any) -> None:
    begun = asyncio.Event()

    async def linger() -> None:
        async with mongo_client.start_session() as session, session.transaction():
            await accounts.within(session).delete_many({})
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(linger())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    status = await mongo_client.database("admin").run_command({"serverStatus": 1})
    assert status["transactions"]["currentOpen"] == 0
    assert await accounts.count_documents() == 2


async def test_every_operation_works_in_a_transaction(mongo_client: MongoClient, accounts: Any) -> None:
    async with mongo_client.start_session() as session, session.transaction():
        inside = accounts.within(session)
        await inside.insert_one({"_id": "c", "sum": 1})
        await inside.insert_many([{"_id": "d", "sum": 2}, {"_id": "e", "sum": 3}])
        await chunked_insert(inside, [{"_id": "f"}, {"_id": "g"}], 1)
        assert len(await inside.find()) == 7
        assert (await inside.find_one({"_id": "c"}))["sum"] == 1
        assert len([document async for document in inside.find_stream({}, FindOptions(batch_size=2))]) == 7
        assert len(await inside.aggregate([{"$match": {}}])) == 7
        assert len([document async for document in inside.aggregate_stream([{"$match": {}}])]) == 7
        assert await inside.count_documents() == 7
        assert sorted(await inside.distinct("_id")) == [*"abcdefg"]
        page = await inside.find_page({}, sort="_id", limit=4)
        assert len((await inside.find_page({}, sort="_id", limit=4, after=page.next_cursor)).items) == 3
        assert (await inside.find_paginated({}, 1, 4)).total == 7
        assert len(await inside.query().sort("_id").limit(3).execute()) == 3
        assert await inside.query().count() == 7
        await inside.update_one({"_id": "c"}, {"$inc": {"sum": 1}})
        assert (await inside.update_many({}, {"$set": {"seen": True}})).matched_count == 7
        await inside.replace_one({"_id": "d"}, {"sum": 1})
        await inside.upsert({"_id": "h"}, {"sum": 1})
        assert (await inside.find_one_and_update({"_id": "c"}, {"$inc": {"sum": 1}}))["sum"] == 2
        assert (await inside.find_one_and_replace({"_id": "c"}, {}))["sum"] == 3
        await inside.find_one_and_delete({"_id": "c"})
        await inside.delete_one({"_id": "d"})
        await inside.delete_one({"_id": "e"})
        assert (await inside.delete_many({"_id": {"$in": ["f", "g"]}})).deleted_count == 2
        bulk = inside.bulk_write().insert({"_id": "i"}).update_many({}, {"$set": {"bulk": 1}}).delete_one({"_id": "h"})
        assert (await bulk.execute()).matched_count == 4
        assert [document["_id"] for document in await inside.find({}, FindOptions(sort="_id"))] == ["a", "b", "i"]
        assert await accounts.count_documents() == 2
        await session.abort()

    assert await accounts.find({}, FindOptions(sort="_id")) == [{"_id": "a", "sum": 10}, {"_id": "b", "sum": 0}]


async def test_a_callback_is_run_again_after_a_write_conflict(mongo_client: MongoClient, accounts: Any) -> None:
    attempts = 0

    async def move(session: Session) -> int:
        nonlocal attempts
        attempts += 1
        inside = accounts.within(session)
        found = await inside.find_one({"_id": "a"})
        if attempts == 1:
            await accounts.update_one({"_id": "a"}, {"$inc": {"sum": 1}})
        await inside.update_one({"_id": "a"}, {"$set": {"sum": found["sum"] - 3}})
        return attempts

    assert await mongo_client.with_transaction(move) == 2
    assert await accounts.find_one({"_id": "a"}) == {"_id": "a", "sum": 8}


async def test_a_callback_may_end_its_transaction_by_itself(mongo_client: MongoClient, accounts: Any) -> None:
    async def give_up(session: Session) -> str:
        await accounts.within(session).delete_many({})
        await session.abort()
        return "given up"

    assert await mongo_client.with_transaction(give_up) == "given up"
    assert await accounts.count_documents() == 2


async def test_misuse_is_told_at_once(mongo_client: MongoClient, mongo_server: Any, accounts: Any) -> None:
    async with mongo_client.start_session() as session:
        with pytest.raises(TransactionError, match="no transaction started"):
            await session.commit()
        with pytest.raises(TransactionError, match="no transaction started"):
            await session.abort()
        await session.start_transaction()
        with pytest.raises(TransactionError, match="nested"):
            await session.start_transaction()
        async with MongoClient.connect(mongo_server.uri) as other:
            with pytest.raises(TransactionError, match="another client"):
                await other.collection("test", "x").find_one(session=session)
        pair = await asyncio.gather(
            accounts.insert_one({"_id": 1}, session=session),
            accounts.insert_one({"_id": 2}, session=session),
            return_exceptions=True,
        )
        assert [isinstance(outcome, TransactionError) for outcome in pair].count(True) == 1
    with pytest.raises(TransactionError, match="ended"):
        await accounts.find_one(session=session)
    await session.end()


async def test_a_snapshot_session_reads_one_point_in_time(mongo_client: MongoClient, accounts: Any) -> None:
    async with mongo_client.start_session(snapshot=True) as session:
        assert await accounts.count_documents(session=session) == 2
        await accounts.insert_one({"_id": "c"})
        assert await accounts.count_documents(session=session) == 2
    assert await accounts.count_documents() == 3


async def test_a_transaction_left_while_an_operation_is_under_way_ends_the_session(
    mongo_client: MongoClient, accounts: Any
) -> None:
    inside: list[asyncio.Task[Any]] = []

    async def leave(session: Session) -> None:
        async with session.transaction():
            await accounts.insert_one({"_id": "c"}, session=session)
            inside.append(asyncio.create_task(accounts.find_one({}, session=session)))
            await asyncio.sleep(0)
            raise ZeroDivisionError

    async with mongo_client.start_session() as session:
        with pytest.raises(ZeroDivisionError):
            await leave(session)
        await asyncio.gather(*inside, return_exceptions=True)
        with pytest.raises(TransactionError, match="ended"):
            await accounts.insert_one({"_id": "d"}, session=session)

    assert await accounts.count_documents() == 2


async def test_a_commit_refused_while_the_session_is_busy_may_be_tried_again(
    mongo_client: MongoClient, accounts: Any
) -> None:
    async with mongo_client.start_session() as session:
        await session.start_transaction()
        await accounts.insert_one({"_id": "c"}, session=session)
        reading = asyncio.create_task(accounts.find_one({}, session=session))
        await asyncio.sleep(0)
        with pytest.raises(SessionBusyError):
            await session.commit()
        assert session.in_transaction
        await reading
        await session.commit()

    assert await accounts.count_documents() == 3


async def test_cancelled_reads_in_a_session_leave_no_cursor(
    mongo_client: MongoClient, accounts: Any, open_cursors: Any
) -> None:
    await accounts.insert_many([{"n": n} for n in range(20)])
    before = await open_cursors()

    async def read(patience: float, *, transaction: bool) -> None:
        async with mongo_client.start_session() as session:
            if transaction:
                await session.start_transaction()
            try:
                async with asyncio.timeout(patience):
                    async for _ in accounts.find_stream({}, FindOptions(batch_size=2), session=session):
                        await asyncio.sleep(0)
            except TimeoutError:
                pass

    for transaction in (False, True):
        for _ in range(3):
            await asyncio.gather(*(read(0.0005 * n, transaction=transaction) for n in range(40)))

    async with asyncio.timeout(20):
        while (after := await open_cursors()) > before:
            await asyncio.sleep(0.01)
    assert after <= before


async def test_a_stream_of_an_ended_session_is_told(mongo_client: MongoClient, accounts: Any) -> None:
    async with mongo_client.start_session() as session:
        stream = accounts.find_stream({}, FindOptions(batch_size=1), session=session)
        assert await stream.next() is not None

    with pytest.raises(TransactionError, match="ended"):
        await stream.next()
    await stream.aclose()


async def test_a_session_outlives_its_client_quietly(mongo_server: Any) -> None:
    client = await MongoClient.connect(mongo_server.uri)
    async with client.start_session() as session:
        await client.collection("test", "x").find_one(session=session)
        await client.close()
    assert "ended" in repr(session)


async def test_a_count_from_metadata_is_refused_in_a_transaction(mongo_client: MongoClient, accounts: Any) -> None:
    async with mongo_client.start_session() as session:
        assert await accounts.estimated_document_count(session=session) == 2
        await session.start_transaction()
        with pytest.raises(TransactionError, match="count_documents"):
            await accounts.within(session).estimated_document_count()
