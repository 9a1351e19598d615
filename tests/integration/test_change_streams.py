"""Change streams on a real server: what is watched, how it is read, and where it begins."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import msgspec
import pydantic
import pytest

from llm_devops_mongodb import (
    ChangeStream,
    ChangeStreamOptions,
    ClientStateError,
    Collection,
    Database,
    HistoryLostError,
    MongoClient,
    Namespace,
    OperationTimeoutError,
    ResumeToken,
    ResumeTokenError,
)
from llm_devops_mongodb.testing import MongoServer

Things = Collection[dict[str, Any]]

PATIENCE = timedelta(seconds=20)
QUICK = ChangeStreamOptions(max_await_time=timedelta(milliseconds=50))


class StructThing(msgspec.Struct):
    id: int = msgspec.field(name="_id")
    n: int = 0


class PydanticThing(pydantic.BaseModel):
    id: int = pydantic.Field(alias="_id")
    n: int = 0


@pytest.fixture
async def things(mongo_database: Database) -> Things:
    things = mongo_database.collection("things")
    await things.insert_one({"_id": "first"})
    return things


async def taken(stream: ChangeStream[Any], number: int) -> list[Any]:
    """Take so many events."""
    return [await stream.next(timeout=PATIENCE) for _ in range(number)]


async def ids(stream: ChangeStream[Any], number: int) -> list[Any]:
    """Take so many events, and tell whose documents they are of."""
    return [event.document_key["_id"] for event in await taken(stream, number)]


async def test_a_collection_is_watched(things: Things, mongo_database: Database) -> None:
    async with things.watch() as stream:
        await mongo_database.collection("others").insert_one({"_id": "elsewhere"})
        await things.insert_one({"_id": 1, "n": 5})
        event = await stream.next(timeout=PATIENCE)

    assert event is not None
    assert event.operation == "insert"
    assert event.document_key == {"_id": 1}
    assert event.full_document == {"_id": 1, "n": 5}
    assert event.namespace == things.namespace
    assert event.cluster_time is not None
    assert event.cluster_time == event.id.cluster_time
    assert event.wall_time is not None
    assert abs(datetime.now(UTC) - event.wall_time) < timedelta(minutes=1)
    assert bson.decode(event.raw)["fullDocument"] == {"_id": 1, "n": 5}


async def test_a_database_is_watched_as_a_whole(mongo_database: Database, mongo_client: MongoClient) -> None:
    name = mongo_database.name
    async with mongo_database.watch() as stream:
        await mongo_client.collection("elsewhere", "things").insert_one({})
        await mongo_database.collection("one").insert_one({"_id": 1})
        await mongo_database.collection("two").insert_one({"_id": 2})
        events = await taken(stream, 2)

    assert [event.namespace for event in events] == [Namespace(name, "one"), Namespace(name, "two")]


async def test_a_deployment_is_watched_as_a_whole(mongo_database: Database, mongo_client: MongoClient) -> None:
    name = mongo_database.name
    ours = [{"$match": {"ns.db": {"$in": [name, f"{name}-2"]}}}]
    async with mongo_client.watch(ours) as stream:
        await mongo_database.collection("one").insert_one({"_id": 1})
        other = mongo_client.database(f"{name}-2")
        await other.collection("two").insert_one({"_id": 2})
        await other.drop_collection("two")
        events = await taken(stream, 3)

    assert [str(event.namespace) for event in events] == [f"{name}.one", f"{name}-2.two", f"{name}-2.two"]


@pytest.mark.parametrize("kind", [StructThing, PydanticThing])
async def test_documents_are_typed_wherever_one_watches(
    kind: Any, things: Things, mongo_database: Database, mongo_client: MongoClient
) -> None:
    ours = [{"$match": {"ns.db": mongo_database.name}}]
    async with (
        things.with_type(kind).watch() as near,
        mongo_database.watch(T=kind) as wider,
        mongo_client.watch(ours, T=kind) as widest,
    ):
        await things.insert_one({"_id": 1, "n": 5})
        await things.insert_one({"_id": 2, "n": "five"})
        for stream in (near, wider, widest):
            good, bad = await taken(stream, 2)
            assert isinstance(good.full_document, kind)
            assert good.full_document.n == 5
            assert bad.full_document is None
            assert bad.error.path == "n"
            assert bad.document_key == {"_id": 2}


async def test_it_tells_what_happens_from_when_it_was_opened(things: Things) -> None:
    stream = await things.watch()
    await things.insert_one({"_id": 1})
    async with stream:
        assert await ids(stream, 1) == [1]
    assert stream.operation_time is not None


async def test_forty_waits_that_end_too_soon_lose_none_of_forty_events(things: Things) -> None:
    seen: list[Any] = []
    cut_short = 0
    async with things.watch() as stream:
        for number in range(40):
            writing = asyncio.create_task(things.insert_one({"_id": number}))
            while len(seen) <= number:
                try:
                    event = await stream.next(timeout=timedelta(milliseconds=1))
                except OperationTimeoutError:
                    cut_short += 1
                else:
                    assert event is not None
                    seen.append(event.document_key)
            await writing
        assert stream.alive
        assert stream.resumes == 0

    assert seen == [{"_id": number} for number in range(40)]
    assert cut_short > 0


async def test_cancelled_waits_lose_nothing(things: Things) -> None:
    seen: list[Any] = []
    async with things.watch() as stream:
        for number in range(40):
            reading = asyncio.create_task(stream.next())
            await things.insert_one({"_id": number})
            reading.cancel()
            await asyncio.wait((reading,))
            if not reading.cancelled() and (event := reading.result()) is not None:
                seen.append(event.document_key["_id"])  # type: ignore[index]
        seen += await ids(stream, 40 - len(seen))

    assert seen == list(range(40))


async def test_try_next_tells_that_there_is_nothing_now(things: Things) -> None:
    async with things.watch(options=QUICK) as stream:
        before = stream.resume_token
        assert await stream.try_next() is None
        await things.insert_one({"_id": 1})
        async with asyncio.timeout(20):
            while (event := await stream.try_next()) is None:
                pass

    assert event.document_key == {"_id": 1}
    assert before is not None
    assert stream.resume_token not in {None, before}


async def test_batches_have_the_size_that_was_asked_for(things: Things) -> None:
    options = ChangeStreamOptions(batch_size=3, max_await_time=timedelta(milliseconds=50))
    async with things.watch(options=options) as stream:
        await things.insert_many([{"_id": number} for number in range(7)])
        sizes: list[int] = []
        while sum(sizes) < 7:
            if events := await stream.next_batch():
                sizes.append(len(events))

    assert sizes == [3, 3, 1]


async def test_a_quiet_stream_moves_on(things: Things, mongo_database: Database) -> None:
    async with things.watch(options=QUICK) as stream:
        before = stream.resume_token
        await mongo_database.collection("others").insert_one({})
        async with asyncio.timeout(20):
            while stream.resume_token == before:
                assert await stream.try_next() is None
        quiet = stream.resume_token
        await things.insert_one({"_id": 1})

    async with things.watch(options=ChangeStreamOptions(resume_after=quiet)) as again:
        assert await ids(again, 1) == [1]


async def test_it_goes_on_after_a_stored_token(things: Things) -> None:
    async with things.watch() as stream:
        await things.insert_many([{"_id": number} for number in range(5)])
        assert await ids(stream, 2) == [0, 1]
        assert stream.resume_token is not None
        stored = stream.resume_token.to_json()

    for name in ("resume_after", "start_after"):
        options = ChangeStreamOptions(**{name: ResumeToken.from_json(stored)})  # type: ignore[arg-type]
        async with things.watch(options=options) as again:
            assert await ids(again, 3) == [2, 3, 4]


async def test_it_begins_at_a_time(things: Things) -> None:
    async with things.watch() as stream:
        began = stream.operation_time
        await things.insert_many([{"_id": number} for number in range(3)])
        second = (await taken(stream, 2))[1]

    async with things.watch(options=ChangeStreamOptions(start_at_operation_time=second.cluster_time)) as again:
        assert await ids(again, 2) == [1, 2]
    assert began is not None
    async with things.watch(options=ChangeStreamOptions(start_at_operation_time=began)) as again:
        event = (await taken(again, 1))[0]
        assert event.cluster_time >= began


async def test_a_stream_that_is_read_first_gives_what_was_there(things: Things) -> None:
    async with things.watch() as stream:
        began = stream.resume_token
        await things.insert_many([{"_id": number} for number in range(4)])

    again = things.watch(options=ChangeStreamOptions(resume_after=began, batch_size=2))
    first = await again.try_next()
    assert first is not None
    assert first.document_key == {"_id": 0}
    assert again.resume_token == first.id
    assert await ids(again, 3) == [1, 2, 3]
    await again.aclose()


async def test_resuming_gives_again_what_was_at_hand(things: Things) -> None:
    async with things.watch() as stream:
        await things.insert_many([{"_id": number} for number in range(4)])
        assert await ids(stream, 2) == [0, 1]
        await stream.resume()
        assert await ids(stream, 2) == [2, 3]


async def test_opening_a_quiet_stream_does_not_wait_for_an_event(things: Things) -> None:
    options = ChangeStreamOptions(max_await_time=timedelta(seconds=15))

    async with asyncio.timeout(10), things.watch(options=options) as stream:
        assert stream.resume_token is not None


async def test_a_token_that_the_server_does_not_take_is_told_by_name(things: Things, mongo_database: Database) -> None:
    async with things.watch() as stream:
        await mongo_database.drop_collection("things")
        assert [event.operation async for event in stream] == ["drop", "invalidate"]

    again = things.watch(options=ChangeStreamOptions(resume_after=stream.resume_token))
    for _ in range(2):
        with pytest.raises(ResumeTokenError) as caught:
            await again.open()
        assert caught.value.code == 260


async def test_a_token_of_an_event_that_the_stream_does_not_tell_of_is_told_by_name(
    things: Things, mongo_database: Database
) -> None:
    others = mongo_database.collection("others")
    async with others.watch() as stream:
        await others.insert_one({"_id": 1})
        (event,) = await taken(stream, 1)
    await things.insert_one({"_id": 2})

    async with asyncio.timeout(20):
        again = things.watch(options=ChangeStreamOptions(resume_after=event.id))
        with pytest.raises(HistoryLostError) as caught:
            await again.next()
    assert caught.value.code == 280
    await again.aclose()


async def test_a_session_is_used(things: Things, mongo_client: MongoClient) -> None:
    async with mongo_client.start_session() as session:
        await session.insert_one(things, {"_id": 1})
        async with things.watch(session=session) as stream:
            await session.insert_one(things, {"_id": 2})
            assert await ids(stream, 1) == [2]
            await session.insert_one(things, {"_id": 3})
            assert await ids(stream, 1) == [3]


async def test_the_events_of_a_transaction_come_when_it_is_committed(things: Things, mongo_client: MongoClient) -> None:
    async with things.watch(options=QUICK) as stream, mongo_client.start_session() as session:
        async with session.transaction():
            await session.insert_one(things, {"_id": 1})
            await session.insert_one(things, {"_id": 2})
            assert await stream.try_next() is None
        first, second = await taken(stream, 2)
        await things.insert_one({"_id": 3})
        (third,) = await taken(stream, 1)

    assert [first.document_key, second.document_key] == [{"_id": 1}, {"_id": 2}]
    assert first.txn_number == second.txn_number
    assert isinstance(first.txn_number, int)
    assert first.cluster_time == second.cluster_time
    assert third.txn_number is None


async def test_two_streams_do_not_disturb_each_other(things: Things) -> None:
    async with things.watch() as one, things.watch() as two:
        await things.insert_many([{"_id": number} for number in range(50)])
        assert await asyncio.gather(ids(one, 50), ids(two, 50)) == [list(range(50))] * 2


async def test_a_client_that_is_closed_ends_its_streams(mongo_server: MongoServer, things: Things) -> None:
    async with MongoClient.connect(mongo_server.uri, min_pool_size=0) as client:
        stream = await client.collection(things.namespace.database, things.name).watch(options=QUICK)
        await stream.try_next()

    with pytest.raises(ClientStateError):
        await stream.next(timeout=PATIENCE)
    assert not stream.alive
    await stream.aclose()
