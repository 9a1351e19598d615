"""The pool has no free connection: waiting for one has an end, and is told as what it is."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from llm_devops_mongodb import MongoConfig, PoolExhaustedError
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, FailPoints
from tests.faults.operations import NEW, SEED, Things, contents

QUEUE = timedelta(milliseconds=200)


@pytest.fixture
def settings(settings: ConfigSettings) -> ConfigSettings:
    """A client of one connection, for which nobody waits long."""
    return {**settings, "max_pool_size": 1, "wait_queue_timeout": QUEUE}


async def test_waiting_for_a_connection_ends_in_an_error_of_its_own(
    things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("find", BLOCKED):
        finding = asyncio.create_task(things.find_by_id(1))
        await attempts.until("find")

        started = time.monotonic()
        with pytest.raises(PoolExhaustedError) as caught:
            await things.insert_one(NEW)
        waited = time.monotonic() - started

        finding.cancel()
        await asyncio.gather(finding, return_exceptions=True)

    # The driver tries twice, and once more is what a busy machine may take.
    assert 0.9 * QUEUE.total_seconds() < waited < 3 * 2 * QUEUE.total_seconds()
    assert type(caught.value) is PoolExhaustedError
    assert caught.value.is_timeout
    assert caught.value.outcome == "not_applied"
    assert caught.value.is_retryable
    assert attempts.of("insert") == 0
    assert await contents(stored) == SEED


async def test_a_pool_that_was_exhausted_recovers(things: Things, fail_points: FailPoints, attempts: Attempts) -> None:
    async with fail_points.on("find", BLOCKED):
        finding = asyncio.create_task(things.find_by_id(1))
        await attempts.until("find")
        with pytest.raises(PoolExhaustedError):
            await things.count_documents({})
        finding.cancel()
        await asyncio.gather(finding, return_exceptions=True)

    assert await asyncio.gather(*(things.find_by_id(1) for _ in range(20))) == [SEED[1]] * 20


def test_waiting_for_a_connection_has_an_end_by_default() -> None:
    assert MongoConfig(uri="mongodb://localhost").wait_queue_timeout == timedelta(seconds=10)
