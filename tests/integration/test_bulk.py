"""Bulk writes on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from bson import DatetimeMS

from llm_devops_mongodb import (
    BulkWriteError,
    BulkWriteResult,
    Collection,
    ConfigError,
    Database,
    DuplicateKeyError,
    InsertManyResult,
    InsertOptions,
    MongoClient,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    QueryError,
    Session,
    WriteConcern,
    WriteError,
)
from llm_devops_mongodb.bulk import BulkWriteBuilder, ClientBulkWriteBuilder
from llm_devops_mongodb.options import BulkWriteOptions

Documents = Collection[dict[str, Any]]
UNDER_8 = "bulk_write needs MongoDB 8.0; this server is 6.0"


@pytest.fixture
def traces(mongo_database: Database) -> Documents:
    return mongo_database.collection("traces")


def bulk_of(collection: Documents) -> BulkWriteBuilder[dict[str, Any]]:
    return BulkWriteBuilder(collection.write_target())


async def ids(collection: Documents) -> list[Any]:
    return [each["_id"] for each in await collection.find({})]


async def test_every_kind_of_write_counts_what_it_did(traces: Documents) -> None:
    result = await (
        bulk_of(traces)
        .insert({"_id": 1, "n": 1})
        .insert({"_id": 2, "n": 1})
        .insert({"_id": 3, "n": 3})
        .update_one({"_id": 1}, {"$set": {"a": 1}})
        .update_many({"n": 1}, [{"$set": {"b": "$n"}}])
        .update_one({"_id": 10}, {"$set": {"n": 10}}, upsert=True)
        .update_many({"_id": 11}, {"$set": {"n": 11}}, upsert=True)
        .replace_one({"_id": 3}, {"n": 4})
        .replace_one({"_id": 12}, {"n": 12}, upsert=True)
        .delete_one({"_id": 1})
        .delete_many({"n": {"$gte": 11}})
        .execute()
    )

    assert (result.inserted_count, result.matched_count, result.modified_count) == (3, 4, 4)
    assert (result.deleted_count, result.upserted_count) == (3, 3)
    assert result.upserted_ids == {5: 10, 6: 11, 8: 12}
    assert await traces.find({}) == [{"_id": 2, "n": 1, "b": 1}, {"_id": 3, "n": 4}, {"_id": 10, "n": 10}]


async def test_array_filters_hints_and_collations_reach_the_server(traces: Documents) -> None:
    await traces.insert_many([{"_id": 1, "a": [1, 5, 9], "s": "x"}, {"_id": 2, "a": [5], "s": "X"}])
    upper = {"locale": "en", "strength": 2}

    result = await (
        bulk_of(traces)
        .update_one({"_id": 1}, {"$set": {"a.$[high]": 0}}, array_filters=[{"high": {"$gt": 4}}], hint={"_id": 1})
        .update_many({"s": "x"}, {"$inc": {"n": 1}}, collation=upper)
        .replace_one({"s": "X", "_id": 2}, {"done": True}, collation=upper, hint="_id_")
        .delete_one({"_id": 7}, hint="_id_")
        .delete_many({"_id": 8}, hint="_id_", collation=upper)
        .options(BulkWriteOptions(comment="bulk", bypass_document_validation=True))
        .execute()
    )

    assert (result.matched_count, result.modified_count) == (4, 4)
    assert await traces.find({}) == [{"_id": 1, "a": [1, 0, 0], "s": "x", "n": 1}, {"_id": 2, "done": True}]


async def test_a_hint_that_names_no_index_fails_its_write(traces: Documents) -> None:
    with pytest.raises(BulkWriteError) as caught:
        await bulk_of(traces).insert({"_id": 1}).delete_one({}, hint="nothing").execute()

    assert list(caught.value.write_errors) == [1]
    assert caught.value.write_errors[1].code == 2


async def test_variables_reach_the_server(traces: Documents) -> None:
    await traces.insert_one({"_id": 1, "n": 5})
    bulk = bulk_of(traces).update_one({"$expr": {"$gt": ["$n", "$$least"]}}, {"$set": {"a": 1}})

    assert (await bulk.options(BulkWriteOptions(let={"least": 4})).execute()).modified_count == 1
    assert (await bulk.options(BulkWriteOptions(let={"least": 6})).execute()).matched_count == 0


@pytest.mark.parametrize(
    "identity",
    [
        UUID(int=7),
        datetime(2026, 1, 1, tzinfo=UTC),
        {"a": 1, "b": UUID(int=8)},
        DatetimeMS(2**60),  # of a year that Python has no date for
        {"when": DatetimeMS(-(2**60))},
    ],
    ids=lambda identity: type(identity).__name__,
)
async def test_ids_of_upserts_come_back_as_they_were_given(traces: Documents, identity: Any) -> None:
    bulk = bulk_of(traces).update_one({"_id": identity}, {"$set": {"a": 1}}, upsert=True)

    assert (await bulk.execute()).upserted_ids == {0: identity}
    await traces.delete_many({})
    with pytest.raises(BulkWriteError) as caught:
        await bulk.insert({"_id": 1}).insert({"_id": 1}).execute()
    assert caught.value.result.upserted_ids == {0: identity}  # type: ignore[union-attr]  # of a bulk write


async def test_ordered_stops_at_the_first_failure(traces: Documents) -> None:
    bulk = bulk_of(traces).insert({"_id": 1}).insert({"_id": 1}).insert({"_id": 2})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.execute()

    error = caught.value
    assert await ids(traces) == [1]
    assert error.result.inserted_count == 1  # type: ignore[union-attr]  # of a bulk write
    assert isinstance(error.write_errors[1], DuplicateKeyError)
    assert error.write_errors[1].index_name == "_id_"
    assert error.outcome == "unknown"


async def test_unordered_tells_of_failures_in_every_kind_of_write(traces: Documents) -> None:
    await traces.create_index({"k": 1}, unique=True)
    await traces.insert_many([{"_id": 1, "k": 1}, {"_id": 2, "k": 2, "s": "text"}, {"_id": 3, "k": 3}])

    with pytest.raises(BulkWriteError) as caught:
        await (
            bulk_of(traces)
            .ordered(ordered=False)
            .insert({"_id": 10, "k": 10})
            .insert({"_id": 1})
            .update_one({"_id": 2}, {"$inc": {"s": 1}})
            .update_one({"_id": 11}, {"$set": {"k": 11}}, upsert=True)
            .update_many({"_id": {"$gte": 2}}, {"$set": {"k": 1}})
            .replace_one({"_id": 3}, {"k": 1})
            .delete_one({"_id": 1}, hint="nothing")
            .delete_many({}, hint="nothing")
            .delete_one({"_id": 3})
            .execute()
        )

    error = caught.value
    codes = {index: each.code for index, each in error.write_errors.items()}
    assert codes == {1: 11000, 2: 14, 4: 11000, 5: 11000, 6: 2, 7: 2}
    result: Any = error.result
    assert (result.inserted_count, result.upserted_count, result.deleted_count) == (1, 1, 1)
    assert result.upserted_ids == {3: 11}
    assert "6 of the writes failed" in error.message
    assert all(each.outcome == "not_applied" for each in error.write_errors.values())


@pytest.mark.parametrize("is_ordered", [True, False])
async def test_more_writes_than_one_message_holds_keep_their_indexes(traces: Documents, *, is_ordered: bool) -> None:
    bulk = bulk_of(traces).ordered(is_ordered).insert({"_id": 0})
    for number in range(1, 210_001):
        bulk = bulk.insert({"_id": 0 if number in {150_000, 205_000} else number})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.execute()

    expected = [150_000] if is_ordered else [150_000, 205_000]
    assert sorted(caught.value.write_errors) == expected
    inserted = 150_000 if is_ordered else 210_001 - 2
    assert caught.value.result.inserted_count == inserted  # type: ignore[union-attr]  # of a bulk write
    assert await traces.count_documents() == inserted


@pytest.mark.parametrize("is_ordered", [True, False])
async def test_more_bytes_than_one_message_holds_keep_their_indexes(traces: Documents, *, is_ordered: bool) -> None:
    blob = b"\0" * (12 * 1024 * 1024)
    bulk = bulk_of(traces).ordered(is_ordered)
    for number in (0, 1, 2, 3, 0, 5, 6, 0, 8):
        bulk = bulk.insert({"_id": number, "blob": blob})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.execute()

    assert sorted(caught.value.write_errors) == ([4] if is_ordered else [4, 7])
    assert caught.value.result.inserted_count == (4 if is_ordered else 7)  # type: ignore[union-attr]  # of a bulk write


async def test_kinds_that_alternate_keep_their_indexes(traces: Documents) -> None:
    bulk = bulk_of(traces).ordered(ordered=False).insert({"_id": -1})
    for number in range(1, 2000):
        bulk = bulk.insert({"_id": number}) if number % 2 else bulk.update_one({"_id": -1}, {"$inc": {"n": 1}})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.insert({"_id": 7}).update_one({}, {"$set": {"_id": 9}}).insert({"_id": 9}).execute()

    assert sorted(caught.value.write_errors) == [2000, 2001, 2002]
    assert caught.value.write_errors[2001].code == 66


@pytest.fixture
async def fail(mongo_client: MongoClient) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Has the server fail a command of these names once, after `skip` of them."""
    admin = mongo_client.database("admin")

    async def begin(*commands: str, skip: int = 0, **how: Any) -> None:
        mode = {"skip": skip} if skip else {"times": 1}
        data = {"failCommands": commands, **how}
        await admin.run_command({"configureFailPoint": "failCommand", "mode": mode, "data": data})

    yield begin
    await admin.run_command({"configureFailPoint": "failCommand", "mode": "off"})


def of_every_kind(traces: Documents) -> BulkWriteBuilder[dict[str, Any]]:
    """Sent unordered in three commands: `insert`, `update` and `delete`."""
    return (
        bulk_of(traces)
        .ordered(ordered=False)
        .insert({"_id": 1})
        .delete_one({"_id": 1})
        .insert({"_id": 1})
        .update_many({}, {"$set": {"x": 1}})
        .update_one({"_id": 9}, {"$set": {"x": 9}}, upsert=True)
    )


@pytest.mark.parametrize(
    ("how", "code", "ending"),
    [({"closeConnection": True}, None, MongoConnectionError), ({"errorCode": 13}, 13, WriteError)],
)
async def test_a_command_that_fails_keeps_what_those_before_it_did(
    traces: Documents, fail: Any, how: dict[str, Any], code: int | None, ending: type[MongoError]
) -> None:
    await fail("delete", **how)

    with pytest.raises(BulkWriteError) as caught:
        await of_every_kind(traces).execute()

    error = caught.value
    assert error.result == BulkWriteResult(1, 1, 1, 0, 1, {4: 9})
    assert {index: type(each) for index, each in error.write_errors.items()} == {2: DuplicateKeyError}
    assert (error.code, error.outcome, type(error.ended_by)) == (code, "unknown", ending)
    assert not error.is_retryable
    assert error.ended_by is not None
    assert error.ended_by.message in error.message
    assert await traces.find({}) == [{"_id": 1, "x": 1}, {"_id": 9, "x": 9}]


async def test_a_first_command_that_fails_is_told_as_it_is(traces: Documents, fail: Any) -> None:
    await fail("insert", errorCode=13)

    with pytest.raises(WriteError) as caught:
        await of_every_kind(traces).execute()

    assert caught.value.code == 13
    assert await ids(traces) == []


async def test_an_ordered_bulk_write_that_is_cut_off_tells_how_far_it_came(traces: Documents, fail: Any) -> None:
    await fail("update", closeConnection=True)
    bulk = bulk_of(traces).insert({"_id": 1}).insert({"_id": 2}).delete_one({"_id": 2})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.update_many({}, {"$set": {"x": 1}}).insert({"_id": 3}).execute()

    assert caught.value.result == BulkWriteResult(inserted_count=2, deleted_count=1)
    assert caught.value.write_errors == {}
    assert await ids(traces) == [1]


async def test_a_command_that_takes_too_long_keeps_what_those_before_it_did(traces: Documents, fail: Any) -> None:
    await fail("delete", blockConnection=True, blockTimeMS=2000)

    with pytest.raises(BulkWriteError) as caught:
        await of_every_kind(traces).execute(timeout=timedelta(milliseconds=500))

    assert caught.value.is_timeout
    assert isinstance(caught.value.ended_by, OperationTimeoutError)
    assert caught.value.result == BulkWriteResult(1, 1, 1, 0, 1, {4: 9})


async def test_an_update_that_is_too_large_keeps_what_was_written_before(traces: Documents) -> None:
    half = "x" * (15 * 1024 * 1024)
    bulk = bulk_of(traces).insert({"_id": 1}).update_one({"a": half}, {"$set": {"a": half}})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.execute()

    assert caught.value.result == BulkWriteResult(inserted_count=1)


async def test_an_option_that_the_server_does_not_know_keeps_what_was_written_before(traces: Documents) -> None:
    bulk = bulk_of(traces).insert({"_id": 1}).update_one({}, {"$set": {"a": 1}}, sort={"_id": 1})

    with pytest.raises(BulkWriteError) as caught:
        await bulk.execute()

    assert caught.value.result == BulkWriteResult(inserted_count=1)
    assert "sort" in caught.value.message


@pytest.mark.parametrize("is_ordered", [True, False])
async def test_an_insertion_of_many_that_is_cut_off_tells_which_were_inserted(
    traces: Documents, fail: Any, *, is_ordered: bool
) -> None:
    blob = b"\0" * (15 * 1024 * 1024)
    await traces.insert_one({"_id": 2})
    numbers = [1, 3, 4, 5, 6] if is_ordered else [1, 2, 4, 5, 6]
    await fail("insert", skip=1, errorCode=13)

    with pytest.raises(BulkWriteError) as caught:
        await traces.insert_many([{"_id": number, "blob": blob} for number in numbers], ordered=is_ordered)

    inserted = {0: 1, 1: 3, 2: 4} if is_ordered else {0: 1, 2: 4}
    assert caught.value.result == InsertManyResult(inserted)
    assert sorted(caught.value.write_errors) == ([] if is_ordered else [1])
    assert sorted(await ids(traces)) == sorted({2, *inserted.values()})


async def test_without_acknowledgement_nothing_is_known(traces: Documents) -> None:
    unacknowledged = traces.with_options(write_concern=WriteConcern(w=0))

    result = await bulk_of(unacknowledged).insert({"_id": 1}).execute()

    assert not result.acknowledged
    assert result.total_affected == 0


REFUSED_UNACKNOWLEDGED: dict[str, Callable[[Documents], Awaitable[Any]]] = {
    "a bulk write without validation": lambda to: (
        bulk_of(to).insert({}).options(BulkWriteOptions(bypass_document_validation=True)).execute()
    ),
    "many documents without validation": lambda to: to.insert_many(
        [{}], InsertOptions(bypass_document_validation=True)
    ),
    "a collation": lambda to: (
        bulk_of(to).insert({}).update_one({}, {"$set": {"a": 1}}, collation={"locale": "en"}).execute()
    ),
    "array filters": lambda to: (
        bulk_of(to).insert({}).update_one({}, {"$set": {"a.$[e]": 1}}, array_filters=[{"e": 1}]).execute()
    ),
}


@pytest.mark.parametrize("what", REFUSED_UNACKNOWLEDGED)
async def test_what_cannot_go_without_acknowledgement_is_known_not_to_be_applied(traces: Documents, what: str) -> None:
    unacknowledged = traces.with_options(write_concern=WriteConcern(w=0))

    with pytest.raises(ConfigError, match="unacknowledged") as caught:
        await REFUSED_UNACKNOWLEDGED[what](unacknowledged)

    assert caught.value.outcome == "not_applied"
    assert await ids(traces) == []


async def test_a_bulk_write_is_part_of_its_transaction(mongo_client: MongoClient, traces: Documents) -> None:
    await traces.insert_one({"_id": 0})

    async with mongo_client.start_session() as session:
        await session.start_transaction()
        await bulk_of(traces).insert({"_id": 1}).execute(session=session)
        await bulk_of(traces.within(session)).delete_one({"_id": 0}).execute()
        assert await ids(traces) == [0]
        await session.abort()
    assert await ids(traces) == [0]

    async def write(session: Session) -> None:
        await bulk_of(traces).insert({"_id": 2}).delete_one({"_id": 0}).execute(session=session)

    await mongo_client.with_transaction(write)
    assert await ids(traces) == [2]


async def test_several_collections_at_once_need_a_newer_server(mongo_client: MongoClient, traces: Documents) -> None:
    bulk = ClientBulkWriteBuilder(traces.write_target().access).insert(traces, {"_id": 1})

    with pytest.raises(QueryError, match=UNDER_8) as caught:
        await bulk.execute()
    assert caught.value.outcome == "not_applied"
    assert "collection.bulk_write" in caught.value.message
    async with mongo_client.start_session() as session:
        with pytest.raises(QueryError, match=UNDER_8):
            await bulk.execute(session=session)
    assert await ids(traces) == []
