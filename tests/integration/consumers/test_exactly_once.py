"""Exactly-once consumers: what a handler writes and the place after the event are there together, or not at all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import (
    ChangeEvent,
    Collection,
    ConfigError,
    Database,
    DuplicateKeyError,
    MongoClient,
    Session,
    TransactionError,
)
from llm_devops_mongodb.consumers import (
    ChangeStreamConsumer,
    CollectionCheckpoints,
    FileCheckpoints,
    HandlerError,
    HandlerErrorPolicy,
)
from llm_devops_mongodb.testing import MongoServer
from tests.integration.consumers.consuming import SELDOM, Things, consumer_of, handled
from tests.integration.consumers.diary import Diary, cancelled, running, stored_token

ONCE: dict[str, Any] = {"delivery": "exactly_once"}
_AT_ONCE = HandlerErrorPolicy(attempts=1)


@pytest.fixture
async def effects(mongo_database: Database) -> Collection[dict[str, Any]]:
    await mongo_database.create_collection("effects")
    return mongo_database.collection("effects")


async def test_effect_and_place_are_committed_together(
    things: Things, effects: Things, diary: Diary, mongo_database: Database
) -> None:
    seen: list[bool] = []

    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        await effects.insert_one({"of": event.document_key}, session=session)
        await diary.handle(event)
        # Outside of the transaction neither is there yet.
        seen.append(await effects.count_documents({}) == len(diary.events))

    task = asyncio.create_task(consumer_of(things, diary, handler=handle, checkpoint_interval=SELDOM, **ONCE).run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    await diary.until_stored(1)

    assert seen == [False, False]
    assert await effects.distinct("of._id", {}) == [1, 2]
    assert await stored_token(mongo_database, "clerk") == diary.events[1].id
    await cancelled(task)


async def test_of_an_event_whose_handler_fails_neither_effect_nor_place_is_there(
    things: Things, effects: Things, diary: Diary, mongo_database: Database
) -> None:
    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        await effects.insert_one({"of": event.document_key}, session=session)
        await diary.handle(event)
        if event.document_key == {"_id": 2}:
            raise ZeroDivisionError

    policy = HandlerErrorPolicy(attempts=1)
    task = asyncio.create_task(consumer_of(things, diary, handler=handle, on_handler_error=policy, **ONCE).run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    with pytest.raises(HandlerError):
        await task

    assert await effects.distinct("of._id", {}) == [1]
    assert await stored_token(mongo_database, "clerk") == diary.events[0].id


async def test_an_event_that_is_tried_again_has_one_effect(things: Things, effects: Things, diary: Diary) -> None:
    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        await effects.insert_one({"of": event.document_key}, session=session)
        await diary.handle(event)
        if len(diary.events) < 3:
            raise ZeroDivisionError

    policy = HandlerErrorPolicy(attempts=3, initial_delay=timedelta(milliseconds=1))
    async with running(consumer_of(things, diary, handler=handle, on_handler_error=policy, **ONCE)):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_handled(3)

    assert diary.ids == [1, 1, 1]
    assert await effects.count_documents() == 1


async def test_a_conflict_with_another_writer_runs_the_transaction_again(
    things: Things, effects: Things, diary: Diary
) -> None:
    await effects.insert_one({"_id": "total", "sum": 0})

    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        await effects.find_one({"_id": "total"}, session=session)
        await diary.handle(event)
        if len(diary.events) == 1:
            await effects.update_one({"_id": "total"}, {"$inc": {"sum": 100}})
        await effects.update_one({"_id": "total"}, {"$inc": {"sum": 1}}, session=session)

    async with running(consumer_of(things, diary, handler=handle, **ONCE)):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_handled(2)

    assert await effects.find_one({"_id": "total"}) == {"_id": "total", "sum": 101}
    assert "handler_failed" not in diary.kinds


async def test_a_dead_letter_and_the_place_after_it_are_committed_together(
    things: Things, effects: Things, diary: Diary, mongo_database: Database
) -> None:
    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        await effects.insert_one({"of": event.document_key}, session=session)
        await diary.handle(event)
        raise ZeroDivisionError

    letters = mongo_database.collection("letters")
    await mongo_database.create_collection("letters")
    policy = HandlerErrorPolicy(attempts=1, then=letters)
    task = asyncio.create_task(consumer_of(things, diary, handler=handle, on_handler_error=policy, **ONCE).run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1})
    await diary.until_stored(0)
    await cancelled(task)

    assert await effects.count_documents() == 0
    assert [letter["error"] for letter in await letters.find()] == ["ZeroDivisionError"]
    assert await stored_token(mongo_database, "clerk") == diary.events[0].id


async def test_the_next_consumer_goes_on_exactly_after_what_was_committed(things: Things) -> None:
    await handled(things, 1, 2, **ONCE)

    assert await handled(things, 3, **ONCE) == [3]


async def test_several_events_at_once_are_refused(things: Things, diary: Diary) -> None:
    with pytest.raises(ConfigError, match="partitions"):
        consumer_of(things, diary, concurrency=2, **ONCE)


async def test_checkpoints_of_another_client_are_refused(
    things: Things, diary: Diary, mongo_server: MongoServer, mongo_database: Database
) -> None:
    async with MongoClient.connect(mongo_server.uri) as other:
        store = CollectionCheckpoints(other.collection(mongo_database.name, "places"))
        with pytest.raises(ConfigError, match="checkpoints"):
            consumer_of(things, diary, checkpoints=store, **ONCE)


async def test_checkpoints_in_a_file_are_refused(things: Things, diary: Diary, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="checkpoints"):
        consumer_of(things, diary, checkpoints=FileCheckpoints(tmp_path), **ONCE)


async def test_dead_letters_of_another_client_are_refused(
    things: Things, diary: Diary, mongo_server: MongoServer, mongo_database: Database
) -> None:
    async with MongoClient.connect(mongo_server.uri) as other:
        letters = other.collection(mongo_database.name, "letters")
        with pytest.raises(ConfigError, match="on_handler_error"):
            consumer_of(things, diary, on_handler_error=letters, **ONCE)


async def test_an_effect_of_which_a_part_failed_is_not_passed(things: Things, effects: Things, diary: Diary) -> None:
    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        with suppress(DuplicateKeyError):
            await effects.insert_one({"_id": "there"}, session=session)

    await effects.insert_one({"_id": "there"})
    error = await _failure(consumer_of(things, diary, handler=handle, on_handler_error=_AT_ONCE, **ONCE), things, diary)

    assert isinstance(error.__cause__, TransactionError)


async def test_a_handler_that_ends_the_transaction_is_refused(things: Things, diary: Diary) -> None:
    async def handle(event: ChangeEvent[Any], session: Session) -> None:
        await session.abort()

    error = await _failure(consumer_of(things, diary, handler=handle, on_handler_error=_AT_ONCE, **ONCE), things, diary)

    assert isinstance(error.__cause__, TransactionError)


async def _failure(consumer: ChangeStreamConsumer, things: Things, diary: Diary) -> HandlerError:
    """Give a consumer one event, and return why it failed."""
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1})
    async with asyncio.timeout(10):
        with pytest.raises(HandlerError) as caught:
            await task
    return caught.value
