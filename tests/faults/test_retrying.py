"""The client was told to ask again: it does where that is safe, and nowhere else."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from llm_devops_mongodb import (
    MongoClient,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    RetryConfig,
    WriteConcern,
)
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, CLOSED, FailPoints, refused, unconfirmed
from tests.faults.operations import (
    ADD_ONE,
    MANY_WRITES,
    NEW,
    READS,
    SEED,
    WAYS_TO_WRITE,
    Operation,
    Sides,
    Things,
    contents,
    one_of_each_command,
)
from tests.faults.proxy import Proxy, ReplyFault

SEVERAL = tuple(write for write in WAYS_TO_WRITE if write.method in {"insert_many", "bulk_write"})
ONE_DOCUMENT = tuple(write for write in WAYS_TO_WRITE if write not in SEVERAL)
DELAY = timedelta(milliseconds=20)


@pytest.fixture
def settings(settings: ConfigSettings) -> ConfigSettings:
    """A client that asks three times, where the driver sends each time twice."""
    return {**settings, "retry": RetryConfig(enabled=True, max_attempts=3, initial_delay=DELAY)}


@pytest.mark.parametrize("operation", [READS[0], *one_of_each_command(READS[1:])], ids=str)
async def test_a_read_is_asked_again_after_the_drivers_own_attempts(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    expected = await operation.call(stored)

    async with fail_points.on(operation.command, CLOSED, times=2):
        assert await operation.call(things) == expected

    assert attempts.of(operation.command) == 3


async def test_a_refusal_that_no_label_calls_passing_is_left_to_the_driver(
    things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("find", refused(134), times=None):
        with pytest.raises(MongoError) as caught:
            await things.find_one({})

    assert caught.value.code == 134
    assert attempts.of("find") == 2


@pytest.mark.parametrize("operation", ONE_DOCUMENT, ids=str)
async def test_a_write_of_one_document_whose_replies_are_lost_is_asked_again_and_done_once(
    operation: Operation, far: Sides, proxy: Proxy, attempts: Attempts
) -> None:
    expected = await operation.call(far.twin)
    proxy.break_replies(operation.command, ReplyFault.SWALLOWED, ReplyFault.CUT)

    assert await operation.call(far.things) == expected

    assert attempts.of(operation.command) == 3
    assert await contents(far.stored) == await contents(far.twin)


async def test_a_write_that_was_not_confirmed_is_asked_again_and_done_once(
    things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    interrupted = {**unconfirmed(11602), "errorLabels": ["RetryableWriteError"]}

    async with fail_points.on("update", interrupted, times=2):
        result = await things.update_one({"_id": 1}, ADD_ONE)

    assert (result.matched_count, result.modified_count) == (1, 1)
    assert attempts.of("update") == 3
    assert await stored.find_one({"_id": 1}) == {**SEED[1], "n": 1}


async def test_a_write_that_no_server_is_to_acknowledge_is_sent_once(things: Things, attempts: Attempts) -> None:
    careless = things.with_options(write_concern=WriteConcern(w=0))

    result = await careless.insert_one(NEW)

    assert result.inserted_id == NEW["_id"]
    assert attempts.of("insert") == 1


@pytest.mark.parametrize("operation", SEVERAL, ids=str)
async def test_several_writes_of_unknown_outcome_are_not_asked_again(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, CLOSED, times=2):
        with pytest.raises(MongoConnectionError) as caught:
            await operation.call(things)

    assert caught.value.outcome == "unknown"
    assert attempts.of(operation.command) == 2
    assert await contents(stored) == SEED


@pytest.mark.parametrize("operation", MANY_WRITES, ids=str)
async def test_a_write_of_many_is_not_asked_again(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, CLOSED):
        with pytest.raises(MongoConnectionError):
            await operation.call(things)

    assert attempts.of(operation.command) == 1
    assert await contents(stored) == SEED


@pytest.mark.parametrize("code", [8, 50, 96, 112])
async def test_a_refusal_that_would_come_again_is_not_asked_for_again(
    code: int, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    for command in ("find", "insert"):
        async with fail_points.on(command, refused(code), times=None):
            with pytest.raises(MongoError):
                await (things.find_one({}) if command == "find" else things.insert_one(NEW))

        assert attempts.of(command) == 1


async def test_what_ran_out_of_time_is_not_asked_again(
    things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    limit = timedelta(milliseconds=200)
    started = time.monotonic()

    async with fail_points.on("find", BLOCKED, times=None):
        with pytest.raises(OperationTimeoutError):
            await things.find_one({}, timeout=limit)

    assert time.monotonic() - started < 1
    assert attempts.of("find") == 1


async def test_nothing_is_asked_again_in_a_transaction(
    client: MongoClient, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with client.start_session() as session:
        await session.start_transaction()
        await things.insert_one(NEW, session=session)
        async with fail_points.on("find", CLOSED, times=None):
            with pytest.raises(MongoConnectionError) as caught:
                await things.find_one({}, session=session)

    assert caught.value.is_transient
    assert attempts.of("find") == 1
