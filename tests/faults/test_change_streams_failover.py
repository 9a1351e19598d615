"""Another member becomes the primary under a change stream."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import ChangeStreamOptions, UpdateOptions
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.faults import Fault, befallen
from tests.faults.operations import Things

EVENTS = 60
UPSERT = UpdateOptions(upsert=True)
WATCH = ChangeStreamOptions(batch_size=5, max_await_time=timedelta(milliseconds=200))


@pytest.fixture(scope="module")
def server(three_members: EmbeddedMongo) -> EmbeddedMongo:
    """A server that can lose its primary."""
    return three_members


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


@pytest.mark.parametrize("fault", [Fault.STEPPED_DOWN, Fault.KILLED], ids=str)
async def test_every_event_is_told_once_and_in_order(
    fault: Fault, server: EmbeddedMongo, things: Things, stored: Things
) -> None:
    seen: list[Any] = []

    async def write(numbers: range) -> None:
        for number in numbers:
            # Under its own number it may be written again where nobody knows whether it was.
            await stored.update_one({"_id": number + 1000}, {"$setOnInsert": {"n": number}}, UPSERT)

    async def read(until: int) -> None:
        while len(seen) < until:
            event = await stream.next(timeout=timedelta(seconds=30))
            assert event is not None
            assert event.document_key is not None
            seen.append(event.document_key["_id"] - 1000)

    async with things.watch(options=WATCH) as stream:
        await write(range(20))
        await read(10)
        async with befallen(server, fault), asyncio.TaskGroup() as group:
            group.create_task(write(range(20, EVENTS)))
            group.create_task(read(EVENTS))
        # Who is no primary any more keeps the cursor, and who is dead does not.
        assert stream.resumes >= (fault is Fault.KILLED)

    assert seen == list(range(EVENTS))
