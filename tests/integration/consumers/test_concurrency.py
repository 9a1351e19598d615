"""Several events handled at once: each document's in their order, and only what is handled without a gap is passed."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import Any

from llm_devops_mongodb import ChangeEvent, Database
from tests.integration.consumers.consuming import Things, consumer_of, handled
from tests.integration.consumers.diary import Diary, cancelled, running, stored_token

DOCUMENTS = 5
CHANGES = 30


async def test_the_events_of_one_document_are_handled_in_their_order(things: Things, diary: Diary) -> None:
    at_work: set[Any] = set()
    together: list[int] = []
    steps: dict[Any, list[int]] = defaultdict(list)
    chance = random.Random(7)

    async def handle(event: ChangeEvent[Any]) -> None:
        assert event.document_key is not None
        key = event.document_key["_id"]
        assert key not in at_work
        at_work.add(key)
        together.append(len(at_work))
        for _ in range(chance.randrange(5)):
            await asyncio.sleep(0)
        at_work.discard(key)
        if event.update_description is not None:
            steps[key].append(event.update_description.updated_fields["n"])
        await diary.handle(event)

    async with running(consumer_of(things, diary, handler=handle, concurrency=4)):
        await diary.until_told("started")
        await things.insert_many([{"_id": number, "n": 0} for number in range(DOCUMENTS)])
        for _ in range(CHANGES):
            await things.update_many({}, {"$inc": {"n": 1}})
        await diary.until_handled(DOCUMENTS * (CHANGES + 1))

    assert steps == {number: list(range(1, CHANGES + 1)) for number in range(DOCUMENTS)}
    assert max(together) == 4


async def test_a_slow_event_holds_back_the_place_that_is_stored(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    async def handle(event: ChangeEvent[Any]) -> None:
        if event.document_key == {"_id": 2}:
            await asyncio.Event().wait()
        await diary.handle(event)

    task = asyncio.create_task(consumer_of(things, diary, handler=handle, concurrency=3, checkpoint_every=1).run())
    await diary.until_told("started")
    await things.insert_many([{"_id": number} for number in range(1, 10)])
    await diary.until_handled(8)
    await cancelled(task)

    assert await stored_token(mongo_database, "clerk") == diary.events[diary.ids.index(1)].id
    assert await handled(things, 10) == [*range(2, 10), 10]


async def test_no_more_is_begun_than_may_be_in_flight(things: Things, diary: Diary) -> None:
    begun: list[Any] = []
    may_go_on = asyncio.Event()

    async def handle(event: ChangeEvent[Any]) -> None:
        begun.append(event.document_key)
        # The first holds back all.
        if event.document_key == {"_id": 0}:
            await may_go_on.wait()
        await diary.handle(event)

    async with running(consumer_of(things, diary, handler=handle, concurrency=2, max_in_flight=5)):
        await diary.until_told("started")
        await things.insert_many([{"_id": number} for number in range(50)])
        await diary.until_handled(4)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(begun) == 5
        may_go_on.set()
        await diary.until_handled(50)


async def test_an_event_of_no_document_waits_for_all_before_and_holds_up_all_after(
    mongo_database: Database, diary: Diary
) -> None:
    first, second = mongo_database.collection("first"), mongo_database.collection("second")
    begun: list[str] = []
    may_end = asyncio.Event()

    async def handle(event: ChangeEvent[Any]) -> None:
        begun.append(str(event.operation))
        if event.document_key == {"_id": 1}:
            await may_end.wait()
        await diary.handle(event)

    ours = [{"$match": {"ns.coll": {"$in": ["first", "second"]}}}]
    consumer = consumer_of(mongo_database, diary, handler=handle, concurrency=3, pipeline=ours)
    async with running(consumer):
        await diary.until_told("started")
        await first.insert_many([{"_id": 1}, {"_id": 2}])
        await mongo_database.drop_collection("first")
        await second.insert_one({"_id": 3})
        await diary.until_handled(1)
        for _ in range(100):
            await asyncio.sleep(0)
        assert begun == ["insert", "insert"]
        may_end.set()
        await diary.until_handled(4)

    assert diary.operations == ["insert", "insert", "drop", "insert"]


async def test_stop_finishes_every_event_that_is_being_handled(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    both_begun, may_end = asyncio.Event(), asyncio.Event()
    begun: list[Any] = []

    async def handle(event: ChangeEvent[Any]) -> None:
        begun.append(event.document_key)
        if len(begun) == 2:
            both_begun.set()
        await may_end.wait()
        await diary.handle(event)

    consumer = consumer_of(things, diary, handler=handle, concurrency=2)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    await both_begun.wait()
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.sleep(0)
    may_end.set()
    await stopping
    await task

    assert sorted(diary.ids) == [1, 2]
    assert await stored_token(mongo_database, "clerk") == diary.events[diary.ids.index(2)].id


async def test_stop_finishes_what_is_being_handled_while_another_event_waits_to_be_tried_again(
    things: Things, diary: Diary
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def handle(event: ChangeEvent[Any]) -> None:
        if event.document_key == {"_id": 2}:
            raise ZeroDivisionError
        begun.set()
        await may_end.wait()
        await diary.handle(event)

    consumer = consumer_of(things, diary, handler=handle, concurrency=2)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    await diary.until_told("handler_failed")
    await begun.wait()
    stopping = asyncio.create_task(consumer.stop())
    for _ in range(20):
        await asyncio.sleep(0)
    may_end.set()
    await stopping
    await task

    assert diary.ids == [1]
