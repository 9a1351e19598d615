"""Processes of one name: one is active, another takes over, and who was taken over from changes nothing more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import ChangeEvent, Collection, Database, MongoConnectionError, Session
from llm_devops_mongodb.consumers import Checkpoint, CollectionCheckpoints
from tests.integration.consumers.consuming import Things, consumer_of
from tests.integration.consumers.diary import PATIENCE_SECONDS, Diary, running, stored_token

SHORT = timedelta(milliseconds=600)


class Severed:
    """Checkpoints that a process can be cut off from, as if it was killed or its network was."""

    def __init__(self, collection: Collection[Any]) -> None:
        self._store = CollectionCheckpoints(collection)
        self.is_cut_off = False

    @property
    def collection(self) -> Collection[Any]:
        return self._store.collection

    def _reached(self) -> CollectionCheckpoints:
        if self.is_cut_off:
            raise MongoConnectionError("cut off")
        return self._store

    async def load(self, name: str) -> Checkpoint | None:
        return await self._reached().load(name)

    async def save(
        self, checkpoint: Checkpoint, *, replacing: Checkpoint | None = None, session: Session | None = None
    ) -> None:
        await self._reached().save(checkpoint, replacing=replacing, session=session)

    async def acquire(self, name: str, *, owner: str, duration: timedelta) -> int | None:
        return await self._reached().acquire(name, owner=owner, duration=duration)

    async def renew(self, name: str, *, owner: str, fence: int, duration: timedelta) -> bool:
        return await self._reached().renew(name, owner=owner, fence=fence, duration=duration)

    async def release(self, name: str, *, owner: str, fence: int) -> None:
        await self._reached().release(name, owner=owner, fence=fence)

    async def join(self, group: str, *, owner: str, duration: timedelta) -> Sequence[str]:
        return await self._reached().join(group, owner=owner, duration=duration)

    async def leave(self, group: str, *, owner: str) -> None:
        await self._reached().leave(group, owner=owner)


@pytest.fixture
def severed(mongo_database: Database) -> Severed:
    return Severed(mongo_database.collection("consumer_checkpoints"))


async def until_waiting(consumer: Any) -> None:
    """Wait until a consumer has found that another is active."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while consumer.status().state != "waiting":
            await asyncio.sleep(0.01)


async def test_a_second_consumer_of_a_name_waits_and_takes_over_at_once_when_the_first_stops(
    things: Things, diary: Diary
) -> None:
    first, other = consumer_of(things, diary, lease_duration=SHORT), Diary()
    second = consumer_of(things, other, lease_duration=SHORT)
    async with running(first):
        await diary.until_told("started")
        async with running(second):
            await until_waiting(second)
            await things.insert_one({"_id": 1})
            await diary.until_handled(1)
            await first.stop()
            await things.insert_one({"_id": 2})
            await other.until_handled(1)

    assert (diary.ids, other.ids) == ([1], [2])


async def test_a_second_consumer_takes_over_from_one_that_is_gone(
    things: Things, diary: Diary, severed: Severed
) -> None:
    other = Diary()
    first = consumer_of(things, diary, lease_duration=SHORT, checkpoints=severed, checkpoint_every=1)
    second = consumer_of(things, other, lease_duration=SHORT)
    async with running(first):
        await diary.until_told("started")
        async with running(second):
            await until_waiting(second)
            await things.insert_one({"_id": 1})
            await diary.until_stored(0)
            severed.is_cut_off = True
            began = time.monotonic()
            await things.insert_one({"_id": 2})
            await other.until(lambda: 2 in other.ids)

    assert time.monotonic() - began < 5
    assert other.ids == [2]


async def test_who_cannot_renew_its_lease_stops_work_before_another_begins(
    things: Things, diary: Diary, severed: Severed
) -> None:
    at_work: set[str] = set()
    both: list[set[str]] = []

    def handler_of(name: str) -> Any:
        async def handle(event: ChangeEvent[Any]) -> None:
            at_work.add(name)
            both.append(set(at_work))
            try:
                await asyncio.Event().wait()
            finally:
                at_work.discard(name)

        return handle

    other = Diary()
    first = consumer_of(things, diary, lease_duration=SHORT, checkpoints=severed, handler=handler_of("first"))
    second = consumer_of(things, other, lease_duration=SHORT, handler=handler_of("second"))
    first_task = asyncio.create_task(first.run())
    await diary.until_told("started")
    second_task = asyncio.create_task(second.run())
    await until_waiting(second)
    await things.insert_one({"_id": 1})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not at_work:
            await asyncio.sleep(0.01)
        severed.is_cut_off = True
        while "second" not in at_work:
            await asyncio.sleep(0.01)
    for task in (first_task, second_task):
        task.cancel()
    await asyncio.wait((first_task, second_task))

    assert both == [{"first"}, {"second"}]
    assert "lease_lost" in diary.kinds


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_who_was_taken_over_from_commits_nothing(
    things: Things, diary: Diary, mongo_database: Database, delivery: str
) -> None:
    effects = mongo_database.collection("effects")
    await mongo_database.create_collection("effects")
    places = mongo_database.collection("consumer_checkpoints")
    store = CollectionCheckpoints(places)

    async def handle(event: ChangeEvent[Any], session: Session | None = None) -> None:
        await effects.insert_one({"of": event.document_key}, session=session)
        if not diary.events:
            # As after a pause of this process: its lease ran out, and another has it.
            await places.update_one({"_id": {"lease": "clerk"}}, {"$set": {"expires_at": None}})
            await store.acquire("clerk", owner="another", duration=timedelta(hours=1))
        await diary.handle(event)

    consumer = consumer_of(things, diary, handler=handle, delivery=delivery, checkpoint_every=1)
    async with running(consumer):
        await diary.until_told("started")
        before = await stored_token(mongo_database, "clerk")
        await things.insert_one({"_id": 1})
        await diary.until_told("lease_lost")

    assert await stored_token(mongo_database, "clerk") == before
    assert await effects.count_documents() == (1 if delivery == "at_least_once" else 0)
