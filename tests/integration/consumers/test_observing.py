"""What can be read of a consumer, and what it tells."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_devops_mongodb import ChangeEvent
from llm_devops_mongodb.consumers import ConsumerEvent
from tests.integration.consumers.consuming import Things, consumer_of
from tests.integration.consumers.diary import Diary, running

SECRET = "s3cret"


async def test_the_figures_of_a_consumer_that_has_caught_up(things: Things, diary: Diary) -> None:
    consumer = consumer_of(things, diary)
    assert consumer.status().state == "created"
    assert (consumer.status().lag, consumer.status().checkpoint_age) == (None, None)

    async with running(consumer):
        await diary.until_told("started")
        await things.insert_many([{"_id": 1}, {"_id": 2}])
        await diary.until_stored(1)
        status = consumer.status()
        assert status.state == "running"
        assert status.events_handled == 2
        assert status.lag is not None
        assert status.lag < timedelta(seconds=2)
        assert status.checkpoint_age is not None
        assert status.checkpoint_age < timedelta(seconds=2)

    status = consumer.status()
    assert (status.name, status.state, status.delivery) == ("clerk", "stopped", "at_least_once")
    assert (status.events_failed, status.dead_lettered, status.resumes, status.last_error) == (0, 0, 0, None)


async def test_the_lag_grows_while_a_handler_is_busy(things: Things, diary: Diary) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def handle(event: ChangeEvent[Any]) -> None:
        await diary.handle(event)
        if len(diary.events) == 2:
            begun.set()
            await may_end.wait()

    consumer = consumer_of(things, diary, handler=handle)
    async with running(consumer):
        await diary.until_told("started")
        await things.insert_many([{"_id": 1}, {"_id": 2}])
        await begun.wait()
        first = consumer.status().lag
        assert first is not None
        async with asyncio.timeout(5):
            while (later := consumer.status().lag) is None or later <= first:
                await asyncio.sleep(0)
        may_end.set()


async def test_what_happens_is_told_in_its_order(things: Things, diary: Diary) -> None:
    async with running(consumer_of(things, diary)):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_stored(0)

    assert diary.kinds == ["lease_acquired", "checkpoint_stored", "started", "checkpoint_stored", "stopped"]
    assert {(event.consumer, event.partition) for event in diary.told} == {("clerk", "clerk")}
    assert all(abs(datetime.now(UTC) - event.at) < timedelta(minutes=1) for event in diary.told)


async def test_a_listener_that_fails_harms_nobody(
    things: Things, diary: Diary, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: ConsumerEvent) -> None:
        raise ZeroDivisionError

    async with running(consumer_of(things, diary, event_listeners=[fail, diary.listen])):
        await diary.until_told("started")
        await things.insert_one({"_id": 1})
        await diary.until_handled(1)

    assert "a listener of clerk failed" in caplog.text


async def test_the_log_holds_no_values(things: Things, diary: Diary, caplog: pytest.LogCaptureFixture) -> None:
    async def handle(event: ChangeEvent[Any]) -> None:
        raise ValueError(SECRET)

    caplog.set_level(logging.DEBUG, "llm_devops_mongodb")
    task = asyncio.create_task(consumer_of(things, diary, handler=handle).run())
    await diary.until_told("started")
    await things.insert_one({"_id": 1, "text": SECRET})
    await asyncio.wait((task,))

    assert "handler_failed: ValueError" in caplog.text
    assert SECRET not in caplog.text
    assert task.exception() is not None
