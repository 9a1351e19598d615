"""At-least-once consumers: nothing is passed before it was handled, and the next goes on after what was."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import ChangeEvent, ClientStateError, Database, MongoClient
from llm_devops_mongodb.consumers import (
    ChangeStreamConsumer,
    Checkpoint,
    CheckpointMismatchError,
    CollectionCheckpoints,
    FileCheckpoints,
)
from tests.integration.consumers.consuming import OFTEN, QUICK, SELDOM, Things, consumer_of, handled
from tests.integration.consumers.diary import Diary, cancelled, running, stored_token, time_of


async def test_every_event_is_handled_in_order(things: Things) -> None:
    assert await handled(things, *range(250)) == list(range(250))


async def test_the_next_consumer_goes_on_exactly_after_what_was_handled(things: Things) -> None:
    await handled(things, 1, 2)
    await things.insert_many([{"_id": 3}, {"_id": 4}])

    assert await handled(things, 5) == [3, 4, 5]


async def test_what_happens_before_the_first_event_is_not_lost_to_a_consumer_that_was_cancelled(
    things: Things, diary: Diary
) -> None:
    task = asyncio.create_task(consumer_of(things, diary).run())
    await diary.until_told("started")
    await cancelled(task)
    await things.insert_one({"_id": 1})

    assert await handled(things, 2) == [1, 2]


async def test_a_place_is_stored_only_after_its_handler_succeeded(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    begun = asyncio.Event()

    async def handle(event: ChangeEvent[Any]) -> None:
        if event.document_key == {"_id": 2}:
            begun.set()
            await asyncio.Event().wait()
        await diary.handle(event)

    task = asyncio.create_task(consumer_of(things, diary, handler=handle, checkpoint_every=1).run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    await begun.wait()
    assert await stored_token(mongo_database, "clerk") == diary.events[0].id
    await cancelled(task)

    assert await handled(things, 3) == [2, 3]


async def test_a_cancelled_consumer_stores_what_it_handled(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    consumer = consumer_of(things, diary, checkpoint_interval=SELDOM)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    await diary.until_handled(2)
    await cancelled(task)

    assert await stored_token(mongo_database, "clerk") == diary.events[1].id
    assert consumer.status().state == "stopped"


async def test_stop_finishes_the_event_that_is_being_handled_and_stores_it(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def handle(event: ChangeEvent[Any]) -> None:
        begun.set()
        await may_end.wait()
        await diary.handle(event)

    consumer = consumer_of(things, diary, handler=handle)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    await begun.wait()
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.sleep(0)
    may_end.set()
    await stopping
    await task

    assert diary.ids == [1]
    assert await stored_token(mongo_database, "clerk") == diary.events[0].id


async def test_a_handler_may_stop_its_consumer(things: Things, diary: Diary) -> None:
    async def handle(event: ChangeEvent[Any]) -> None:
        await diary.handle(event)
        await consumer.stop()

    consumer = consumer_of(things, diary, handler=handle)
    task = asyncio.create_task(consumer.run())
    await diary.until_told("started")
    await things.insert_many([{"_id": 1}, {"_id": 2}])
    async with asyncio.timeout(10):
        await task

    assert diary.ids == [1]


async def test_a_consumer_that_was_stopped_before_does_not_run(things: Things, diary: Diary) -> None:
    consumer = consumer_of(things, diary)
    await consumer.stop()
    async with asyncio.timeout(10):
        await consumer.run()

    assert "started" not in diary.kinds


async def test_a_consumer_runs_once_at_a_time(things: Things, diary: Diary) -> None:
    consumer = consumer_of(things, diary)
    async with running(consumer):
        await diary.until_told("started")
        with pytest.raises(ClientStateError, match="is running already"):
            await consumer.run()


async def test_it_begins_at_a_time(things: Things, mongo_database: Database) -> None:
    await things.insert_one({"_id": 1})
    before = await time_of(mongo_database)
    await things.insert_one({"_id": 2})

    assert await handled(things, 3, start=before) == [2, 3]


async def test_it_begins_after_a_token(things: Things) -> None:
    async with things.watch() as stream:
        await things.insert_many([{"_id": 1}, {"_id": 2}])
        event = await stream.next(timeout=timedelta(seconds=10))
    assert event is not None

    assert await handled(things, 3, start=event.id) == [2, 3]


async def test_a_quiet_stream_moves_its_checkpoint(things: Things, diary: Diary, mongo_database: Database) -> None:
    async with running(consumer_of(things, diary, heartbeat_interval=OFTEN)):
        await diary.until_told("started")
        first = await stored_token(mongo_database, "clerk")
        await mongo_database.collection("others").insert_one({"_id": 1})
        await diary.until_told("checkpoint_stored", times=3)

    assert await stored_token(mongo_database, "clerk") != first
    assert diary.events == []


async def test_a_place_is_stored_after_a_while_though_few_events_come(things: Things, diary: Diary) -> None:
    async with running(consumer_of(things, diary, checkpoint_every=1_000, checkpoint_interval=OFTEN)):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_stored(0)


@pytest.mark.parametrize("kind", ["database", "client"])
async def test_a_database_and_a_client_are_sources_too_and_checkpoints_in_them_are_no_events(
    mongo_client: MongoClient, mongo_database: Database, diary: Diary, kind: str
) -> None:
    consumer = ChangeStreamConsumer(
        mongo_database if kind == "database" else mongo_client,
        diary.handle,
        name="clerk",
        checkpoints=CollectionCheckpoints(mongo_database.collection("places")),
        pipeline=[{"$match": {"ns.db": mongo_database.name}}],
        options=QUICK,
        checkpoint_every=1,
        event_listeners=[diary.listen],
    )
    async with running(consumer):
        await diary.until_told("started")
        for number, name in enumerate(("a", "b", "c")):
            await mongo_database.collection(name).insert_one({"_id": number})
        await diary.until(lambda: diary.ids[-1:] == [2])

    assert diary.ids == [0, 1, 2]


async def test_checkpoints_may_be_in_a_file(things: Things, tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    assert await handled(things, 1, checkpoints=store) == [1]
    await things.insert_one({"_id": 2})

    assert await handled(things, 3, checkpoints=FileCheckpoints(tmp_path)) == [2, 3]


class InMemory:
    """A store that has only what it must have."""

    def __init__(self) -> None:
        self.checkpoints: dict[str, Checkpoint] = {}

    async def load(self, name: str) -> Checkpoint | None:
        return self.checkpoints.get(name)

    async def save(self, checkpoint: Checkpoint, **_: Any) -> None:
        self.checkpoints[checkpoint.name] = checkpoint


async def test_checkpoints_may_be_in_a_store_of_your_own(things: Things) -> None:
    store = InMemory()
    assert await handled(things, 1, checkpoints=store) == [1]
    await things.insert_one({"_id": 2})

    assert await handled(things, 3, checkpoints=store) == [2, 3]


async def test_a_checkpoint_of_another_stream_is_refused_with_the_difference(things: Things, diary: Diary) -> None:
    await handled(things, 1)
    other = consumer_of(things, diary, pipeline=[{"$match": {"operationType": "delete"}}], partitions=1)

    with pytest.raises(CheckpointMismatchError) as caught:
        await other.run()

    assert [line.partition(":")[0] for line in caught.value.difference] == ["pipeline"]
    assert "none in the checkpoint" in str(caught.value)
    assert other.status().state == "failed"


async def test_another_delivery_takes_the_checkpoint_over(things: Things) -> None:
    await handled(things, 1)
    await things.insert_one({"_id": 2})

    assert await handled(things, 3, delivery="exactly_once") == [2, 3]


async def test_a_consumer_leaves_no_cursor_and_no_task(things: Things, open_cursors: Any) -> None:
    before, tasks = await open_cursors(), len(asyncio.all_tasks())
    await handled(things, 1, 2, 3)

    assert await open_cursors() == before
    assert len(asyncio.all_tasks()) == tasks
