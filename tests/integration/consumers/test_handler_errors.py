"""What follows when a handler fails: it is tried again, then the event is put aside or the consumer stops."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import bson
import msgspec
import pytest

from llm_devops_mongodb import ChangeEvent, ConfigError, Database, DeserializationError, MongoConnectionError
from llm_devops_mongodb.consumers import HandlerError, HandlerErrorPolicy
from tests.integration.consumers.consuming import Things, consumer_of, handled
from tests.integration.consumers.diary import Diary, running, stored_token

SOON = timedelta(milliseconds=1)
SECRET = "s3cret"


class Thing(msgspec.Struct):
    id: int = msgspec.field(name="_id")
    n: int = 0


class Failing:
    """A handler that fails so many times."""

    def __init__(self, diary: Diary, *errors: Exception) -> None:
        self._diary = diary
        self._errors = list(errors)
        self.calls = 0

    async def __call__(self, event: ChangeEvent[Any]) -> None:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        await self._diary.handle(event)


async def test_a_handler_is_tried_again(things: Things, diary: Diary) -> None:
    handler = Failing(diary, ZeroDivisionError(), ZeroDivisionError())
    policy = HandlerErrorPolicy(attempts=3, initial_delay=SOON)
    consumer = consumer_of(things, diary, handler=handler, on_handler_error=policy)
    async with running(consumer):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_handled(1)

    attempts = [event.details["attempt"] for event in diary.told if event.kind == "handler_failed"]
    assert attempts == [1, 2]
    assert (consumer.status().events_handled, consumer.status().events_failed) == (1, 2)


async def test_a_handler_that_fails_for_good_stops_the_consumer_and_the_event_comes_again(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    errors = [KeyError(SECRET) for _ in range(3)]
    consumer = consumer_of(
        things, diary, handler=Failing(diary, *errors), on_handler_error=HandlerErrorPolicy(initial_delay=SOON)
    )
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1})
    with pytest.raises(HandlerError) as caught:
        await task

    assert caught.value.__cause__ is errors[-1]
    assert SECRET not in str(caught.value)
    assert consumer.status().state == "failed"
    assert SECRET not in (consumer.status().last_error or "")
    assert await handled(things, 2) == [1, 2]


async def test_an_event_is_put_aside_in_a_collection_and_the_next_are_handled(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    letters = mongo_database.collection("letters")
    policy = HandlerErrorPolicy(attempts=1, then=letters)
    consumer = consumer_of(things, diary, handler=Failing(diary, ZeroDivisionError()), on_handler_error=policy)
    async with running(consumer):
        await diary.until_told("started")
        await things.insert_many([{"_id": 1, "n": 5}, {"_id": 2}])
        await diary.until_handled(1)

    letter = await letters.find_one({})
    assert diary.ids == [2]
    assert letter is not None
    assert (letter["operation"], letter["namespace"], letter["error"]) == (
        "insert",
        str(things.namespace),
        "ZeroDivisionError",
    )
    event = letter["event"]
    event = bson.decode(event) if isinstance(event, bytes) else event
    assert event["fullDocument"] == {"_id": 1, "n": 5}
    assert consumer.status().dead_lettered == 1
    assert await stored_token(mongo_database, "clerk") == diary.events[0].id


async def test_an_event_is_put_aside_by_a_callback(things: Things, diary: Diary) -> None:
    aside: list[tuple[Any, Exception]] = []
    error = ZeroDivisionError()

    async def put_aside(event: ChangeEvent[Any], error: Exception) -> None:
        aside.append((event.document_key, error))

    policy = HandlerErrorPolicy(attempts=1, then=put_aside)
    async with running(consumer_of(things, diary, handler=Failing(diary, error), on_handler_error=policy)):
        await diary.until_told("started")
        await things.insert_many([{"_id": 1}, {"_id": 2}])
        await diary.until_handled(1)

    assert aside == [({"_id": 1}, error)]
    assert diary.ids == [2]


async def test_an_event_whose_document_does_not_fit_is_put_aside_without_the_handler(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    letters = mongo_database.collection("letters")
    handler = Failing(diary)
    consumer = consumer_of(things.with_type(Thing), diary, handler=handler, on_handler_error=letters)
    async with running(consumer):
        await diary.until_told("started")
        await things.insert_many([{"_id": 1, "n": SECRET}, {"_id": 2, "n": 5}])
        await diary.until_handled(1)

    letter = await letters.find_one({})
    assert handler.calls == 1
    assert letter is not None
    assert letter["error"] == DeserializationError.__name__
    assert SECRET not in letter["message"]


async def test_a_database_that_is_away_is_waited_for_and_is_no_attempt(things: Things, diary: Diary) -> None:
    errors = [MongoConnectionError("away") for _ in range(5)]
    policy = HandlerErrorPolicy(attempts=1, initial_delay=SOON, max_delay=SOON)
    async with running(consumer_of(things, diary, handler=Failing(diary, *errors), on_handler_error=policy)):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_handled(1)

    assert diary.kinds.count("handler_failed") == 5


async def test_an_event_is_not_passed_while_it_cannot_be_put_aside(things: Things, diary: Diary) -> None:
    async def put_aside(event: ChangeEvent[Any], error: Exception) -> None:
        raise RuntimeError from error

    policy = HandlerErrorPolicy(attempts=1, then=put_aside)
    consumer = consumer_of(things, diary, handler=Failing(diary, ZeroDivisionError()), on_handler_error=policy)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1})
    with pytest.raises(RuntimeError):
        await task

    assert await handled(things, 2) == [1, 2]


async def test_stop_does_not_wait_for_the_next_attempt(things: Things, diary: Diary) -> None:
    policy = HandlerErrorPolicy(initial_delay=timedelta(hours=1), max_delay=timedelta(hours=1))
    consumer = consumer_of(things, diary, handler=Failing(diary, ZeroDivisionError()), on_handler_error=policy)
    async with running(consumer):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_told("handler_failed")

    assert consumer.status().state == "stopped"
    assert await handled(things, 2) == [1, 2]


async def test_who_puts_events_aside_may_stop_the_consumer(things: Things, diary: Diary) -> None:
    async def put_aside(event: ChangeEvent[Any], error: Exception) -> None:
        await consumer.stop()

    policy = HandlerErrorPolicy(attempts=1, then=put_aside)
    consumer = consumer_of(things, diary, handler=Failing(diary, ZeroDivisionError()), on_handler_error=policy)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1})
    async with asyncio.timeout(5):
        await task

    assert consumer.status().dead_lettered == 1


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"on_handler_error": "ignore"}, "then"),
        ({"name": ""}, "name"),
        ({"delivery": "at_most_once"}, "delivery"),
        ({"on_history_lost": "ignore"}, "on_history_lost"),
        ({"on_invalidate": "ignore"}, "on_invalidate"),
        ({"start": "yesterday"}, "start"),
        ({"concurrency": 0}, "concurrency"),
        ({"partitions": 0}, "partitions"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"max_in_flight": 1, "concurrency": 2}, "max_in_flight"),
        ({"lease_duration": timedelta()}, "lease_duration"),
    ],
    ids=str,
)
async def test_settings_that_cannot_be_are_refused(
    things: Things, diary: Diary, settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        consumer_of(things, diary, **settings)

    assert field in {fault.field for fault in caught.value.faults}


async def test_a_handler_that_is_cancelled_by_itself_has_failed(things: Things, diary: Diary) -> None:
    async def handle(event: ChangeEvent[Any]) -> None:
        raise asyncio.CancelledError

    consumer = consumer_of(things, diary, handler=handle, on_handler_error=HandlerErrorPolicy(attempts=1))
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1})

    async with asyncio.timeout(10):
        with pytest.raises(HandlerError):
            await task


async def test_documents_may_have_uuids_for_ids(things: Things, diary: Diary) -> None:
    key = uuid4()
    async with running(consumer_of(things, diary, concurrency=2)):
        await diary.until_told("started")
        await things.insert_one({"_id": key})
        await diary.until(lambda: diary.ids == [key])
