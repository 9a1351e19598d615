"""What a change stream may be asked for, what the server refuses, and what is too large."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import (
    ChangeStream,
    ChangeStreamConfig,
    ChangeStreamOptions,
    Collection,
    CursorError,
    Database,
    MongoClient,
    OperationTimeoutError,
    OperationType,
    QueryError,
)
from llm_devops_mongodb.testing.keeper import Keeper
from llm_devops_mongodb.testing.member import Member
from llm_devops_mongodb.testing.mongod import find_mongod
from llm_devops_mongodb.testing.ports import LOOPBACK

Things = Collection[dict[str, Any]]

PATIENCE = timedelta(seconds=20)
MEGABYTE = 1024 * 1024


@pytest.fixture
async def things(mongo_database: Database) -> Things:
    things = mongo_database.collection("things")
    await things.insert_one({"_id": "first"})
    return things


@pytest.fixture
async def pictured(mongo_database: Database) -> Things:
    """A collection of which the server keeps every document as it was before a change."""
    images = {"changeStreamPreAndPostImages": {"enabled": True}}
    await mongo_database.run_command({"create": "pictured", **images})
    return mongo_database.collection("pictured")


@pytest.fixture
async def standalone() -> AsyncIterator[MongoClient]:
    """A client of a server that is no member of a replica set, and keeps no history."""
    with tempfile.TemporaryDirectory() as folder, Keeper() as keeper:
        data = Path(folder) / "data"

        def command(port: int) -> list[str]:
            return [str(find_mongod()), "--port", str(port), "--bind_ip", LOOPBACK, "--dbpath", str(data)]

        async def joined(_: Member) -> None:
            """It joins nobody."""

        member = Member(keeper, folder=data, command=command, joined=joined)
        try:
            member.launch()
            await member.listening(may_change_port=True)
            async with MongoClient.connect(f"mongodb://{member.address}/?directConnection=true") as client:
                yield client
        finally:
            member.kill()
            await member.wait()
            member.release()


async def one(stream: ChangeStream[Any]) -> Any:
    """Take an event."""
    event = await stream.next(timeout=PATIENCE)
    assert event is not None
    return event


async def refusal(stream: ChangeStream[Any]) -> QueryError:
    """Open what the server does not open, and return what it says."""
    with pytest.raises(QueryError) as caught:
        await stream.open()
    return caught.value


async def cursors_of(comment: str, client: MongoClient) -> list[dict[str, Any]]:
    """Return the server's cursors that were opened with a comment."""
    return await client.database("admin").aggregate(
        [
            {"$currentOp": {"allUsers": True, "idleCursors": True}},
            {"$match": {"cursor.originatingCommand.comment": comment}},
        ]
    )


async def test_the_server_shows_the_comment_and_the_size_of_batches(things: Things, mongo_client: MongoClient) -> None:
    options = ChangeStreamOptions(comment="who watches", batch_size=7)
    async with things.watch(options=options):
        (cursor,) = await cursors_of("who watches", mongo_client)

    assert cursor["cursor"]["originatingCommand"]["cursor"] == {"batchSize": 7}
    assert await cursors_of("who watches", mongo_client) == []


async def test_strings_compare_as_the_collation_says(things: Things) -> None:
    options = ChangeStreamOptions(collation={"locale": "en", "strength": 2})
    async with things.watch([{"$match": {"fullDocument.name": "ada"}}], options) as stream:
        await things.insert_many([{"_id": 1, "name": "Bob"}, {"_id": 2, "name": "ADA"}, {"_id": 3, "name": "ada"}])

        assert [(await one(stream)).document_key["_id"] for _ in range(2)] == [2, 3]


async def test_a_pipeline_chooses_and_shapes(things: Things) -> None:
    pipeline = [{"$match": {"fullDocument.n": {"$gt": 1}}}, {"$addFields": {"fullDocument.double": 2}}]
    async with things.watch(pipeline) as stream:
        await things.insert_many([{"_id": number, "n": number} for number in range(3)])

        assert (await one(stream)).full_document == {"_id": 2, "n": 2, "double": 2}


async def test_a_limit_is_one_of_each_request_and_a_quiet_stream_outlives_it(things: Things) -> None:
    options = ChangeStreamOptions(max_await_time=timedelta(seconds=30))
    async with things.watch(options=options, timeout=timedelta(milliseconds=300)) as stream:
        with pytest.raises(OperationTimeoutError):
            await stream.next(timeout=timedelta(milliseconds=900))
        assert stream.alive
        assert stream.resumes == 0
        await things.insert_one({"_id": 1})

        assert (await one(stream)).document_key == {"_id": 1}


async def test_the_handles_limit_is_that_of_its_streams(things: Things) -> None:
    async with things.with_options(timeout=timedelta(milliseconds=300)).watch() as stream:
        with pytest.raises(OperationTimeoutError):
            await stream.next(timeout=timedelta(milliseconds=700))
        assert stream.resumes == 0


async def test_the_wait_for_an_event_is_the_servers(things: Things, mongo_client: MongoClient) -> None:
    options = ChangeStreamOptions(max_await_time=timedelta(milliseconds=150))
    async with things.watch(options=options) as stream:
        started = asyncio.get_running_loop().time()
        assert await stream.try_next() is None
        waited = asyncio.get_running_loop().time() - started

    assert waited > 0.1


async def test_a_server_without_history_says_so(standalone: MongoClient) -> None:
    refused = await refusal(standalone.collection("shop", "things").watch())

    assert refused.code == 40573
    assert "replica set" in str(refused)


@pytest.mark.parametrize(
    ("stage", "code"),
    [({"$group": {"_id": None}}, 20), ({"$sort": {"_id": 1}}, 20), ({"$limit": 1}, 20)],
    ids=["$group", "$sort", "$limit"],
)
async def test_a_stage_that_is_not_allowed_is_refused(stage: dict[str, Any], code: int, things: Things) -> None:
    refused = await refusal(things.watch([stage]))

    assert refused.code == code
    assert not refused.is_retryable


async def test_a_pipeline_that_takes_the_id_away_is_told(things: Things) -> None:
    async with things.watch([{"$project": {"_id": 0}}]) as stream:
        await things.insert_one({"_id": 1})
        with pytest.raises(CursorError) as caught:
            await stream.next(timeout=PATIENCE)

    assert "_id" in str(caught.value)
    assert not stream.alive


async def test_large_events_are_cut_by_servers_that_can_and_refused_by_others(
    things: Things, mongo_client: MongoClient
) -> None:
    info = await mongo_client.database("admin").run_command({"buildInfo": 1})
    stream = things.watch(options=ChangeStreamOptions(split_large_events=True))

    if info["versionArray"][:3] < [6, 0, 9]:
        refused = await refusal(stream)
        assert refused.code == 40324
        assert "$changeStreamSplitLargeEvent" in str(refused)
    else:
        async with stream:
            await things.insert_one({"_id": 1})
            assert (await one(stream)).document_key == {"_id": 1}


async def test_an_event_near_the_limit_comes_whole(things: Things) -> None:
    async with things.watch() as stream:
        await things.insert_one({"_id": 1, "text": "x" * (16 * MEGABYTE - 1024)})
        event = await one(stream)

    assert len(event.full_document["text"]) == 16 * MEGABYTE - 1024


async def test_an_event_over_the_limit_is_told_with_advice(pictured: Things) -> None:
    options = ChangeStreamOptions(full_document="updateLookup", full_document_before_change="whenAvailable")
    await pictured.insert_one({"_id": 1, "text": "x" * (9 * MEGABYTE)})
    async with pictured.watch(options=options) as stream:
        await pictured.update_one({"_id": 1}, {"$set": {"n": 1}})
        for _ in range(2):
            with pytest.raises(CursorError) as caught:
                await stream.next(timeout=PATIENCE)

    assert caught.value.code == 10334
    assert "split_large_events" in str(caught.value)
    assert not stream.alive


async def test_only_the_kinds_that_were_chosen_come(things: Things) -> None:
    config = ChangeStreamConfig().filter_operations([OperationType.UPDATE, "delete"])
    async with things.watch(config.pipeline, config.to_options()) as stream:
        await things.insert_one({"_id": 1})
        await things.update_one({"_id": 1}, {"$set": {"n": 1}})
        await things.replace_one({"_id": 1}, {"n": 2})
        await things.delete_one({"_id": 1})

        assert [(await one(stream)).operation for _ in range(2)] == [OperationType.UPDATE, OperationType.DELETE]


async def test_only_documents_with_the_value_come(things: Things) -> None:
    config = ChangeStreamConfig().filter_field("deep.status", "failed")
    async with things.watch(config.pipeline, config.to_options()) as stream:
        await things.insert_one({"_id": 1, "deep": {"status": "done"}})
        await things.insert_one({"_id": 2, "deep": {"status": "failed"}})
        await things.update_one({"_id": 1}, {"$set": {"deep.status": "failed"}})
        inserted, updated = await one(stream), await one(stream)

    assert inserted.document_key == {"_id": 2}
    assert updated.full_document == {"_id": 1, "deep": {"status": "failed"}}


async def test_a_value_is_no_operator_on_the_server(things: Things) -> None:
    config = ChangeStreamConfig().filter_field("n", {"$gt": 0})
    async with things.watch(config.pipeline, config.to_options()) as stream:
        await things.insert_many([{"_id": 1, "n": 5}, {"_id": 2, "n": 6}])
        with pytest.raises(OperationTimeoutError):
            await stream.next(timeout=timedelta(milliseconds=200))


async def test_only_the_fields_that_were_chosen_come(things: Things) -> None:
    config = ChangeStreamConfig().filter_operations(["insert"]).project_fields(["status", "deep.a"])
    async with things.watch(config.pipeline, config.to_options()) as stream:
        await things.insert_one({"_id": 1, "status": "done", "secret": "x", "deep": {"a": 1, "b": 2}})
        event = await one(stream)

    assert event.full_document == {"status": "done", "deep": {"a": 1}}
    assert event.operation is OperationType.INSERT
    assert event.document_key == {"_id": 1}
    assert event.namespace == things.namespace
    assert event.cluster_time is not None
