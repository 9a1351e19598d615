"""One stream shared out among processes, by document."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from llm_devops_mongodb import ChangeEvent
from llm_devops_mongodb.consumers import ChangeStreamConsumer
from tests.integration.consumers.consuming import Things, consumer_of
from tests.integration.consumers.diary import PATIENCE_SECONDS, Diary, running

PARTITIONS = 4
SHORT = timedelta(milliseconds=900)


def part(things: Things, diary: Diary, **settings: Any) -> ChangeStreamConsumer:
    """One of the processes."""
    return consumer_of(things, diary, partitions=PARTITIONS, lease_duration=SHORT, **settings)


def active(consumer: ChangeStreamConsumer) -> int:
    """How many partitions it works on."""
    return sum(part.state == "running" for part in consumer.status().partitions)


async def until_shared(*shares: tuple[ChangeStreamConsumer, int]) -> None:
    """Wait until each process has so many partitions."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(active(consumer) != number for consumer, number in shares):
            await asyncio.sleep(0.01)


async def test_one_process_works_on_every_partition(things: Things, diary: Diary) -> None:
    consumer = part(things, diary)
    async with running(consumer):
        await diary.until_told("started", times=PARTITIONS)
        await things.insert_many([{"_id": number} for number in range(40)])
        await diary.until_handled(40)

    assert sorted(diary.ids) == list(range(40))
    assert all(status.events_handled for status in consumer.status().partitions)


async def test_every_kind_of_key_is_in_one_partition(things: Things, diary: Diary) -> None:
    keys = [1, -1, 2**63 - 1, -(2**63), 0.5, "a", "", b"b", True, None, {"a": 1}, [1]]
    keys.remove([1])
    async with running(part(things, diary)):
        await diary.until_told("started", times=PARTITIONS)
        await things.insert_many([{"_id": key} for key in keys])
        await things.insert_many([{"_id": f"more {number}"} for number in range(100)])
        await diary.until_handled(len(keys) + 100)

    assert len(diary.ids) == len(keys) + 100
    assert all(key in diary.ids for key in keys)


async def test_processes_share_the_partitions_and_take_over_those_of_one_that_leaves(
    things: Things, diary: Diary
) -> None:
    other = Diary()
    first, second = part(things, diary), part(things, other)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(first))
        await diary.until_told("started", times=PARTITIONS)
        async with running(second):
            await until_shared((first, 2), (second, 2))
            await things.insert_many([{"_id": number} for number in range(40)])
            await other.until_handled(1)
        await things.insert_many([{"_id": number} for number in range(40, 60)])
        await diary.until(lambda: len(set(diary.ids) | set(other.ids)) == 60)

    assert other.ids
    assert Counter(diary.ids + other.ids) == Counter(range(60))


async def test_each_documents_order_outlives_a_change_of_process(things: Things, diary: Diary) -> None:
    steps: dict[Any, list[int]] = {}

    async def handle(event: ChangeEvent[Any]) -> None:
        if event.update_description is not None and event.document_key is not None:
            steps.setdefault(event.document_key["_id"], []).append(event.update_description.updated_fields["n"])
        await diary.handle(event)

    first, second = part(things, diary, handler=handle), part(things, diary, handler=handle)
    async with running(first):
        await diary.until_told("started", times=PARTITIONS)
        await things.insert_many([{"_id": number, "n": 0} for number in range(8)])
        async with running(second):
            while active(second) < 2:
                await things.update_many({}, {"$inc": {"n": 1}})
            for _ in range(10):
                await things.update_many({}, {"$inc": {"n": 1}})
        last = await things.find_one({"_id": 0})
        assert last is not None
        await diary.until(lambda: len(steps) == 8 and all(last["n"] in done for done in steps.values()))

    for done in steps.values():
        # Handed over in good order, nothing comes twice.
        assert done == list(range(1, last["n"] + 1))
