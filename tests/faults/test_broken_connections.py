"""The connection breaks under each operation of a collection, before the server has done anything."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect

from llm_devops_mongodb import BulkWriteError, BulkWriteResult, Collection, MongoConnectionError, WriteConcern
from tests.faults.attempts import Attempts
from tests.faults.fail_points import CLOSED, FailPoints
from tests.faults.operations import (
    COMMANDS,
    MANY_WRITES,
    NEW,
    READS,
    SEED,
    SINGLE_WRITES,
    WAYS_TO_WRITE,
    Operation,
    Sides,
    Things,
    contents,
    one_of_each_command,
)


def test_every_operation_of_a_collection_is_among_them() -> None:
    settings = {"name", "namespace", "with_options", "with_type", "within", "write_target", "watch"}
    methods = {name for name in dir(Collection) if not name.startswith("_")} - settings

    assert methods <= {operation.method for operation in (*READS, *SINGLE_WRITES, *MANY_WRITES, *COMMANDS)}


@pytest.mark.parametrize("operation", [*READS, *SINGLE_WRITES], ids=str)
async def test_broken_once_it_is_sent_twice_and_does_its_work_once(
    operation: Operation, near: Sides, fail_points: FailPoints, attempts: Attempts
) -> None:
    expected = await operation.call(near.twin)

    async with fail_points.on(operation.command, CLOSED):
        assert await operation.call(near.things) == expected

    assert attempts.of(operation.command) == 2
    assert await contents(near.stored) == await contents(near.twin)


@pytest.mark.parametrize("operation", one_of_each_command(READS), ids=str)
async def test_a_read_broken_twice_fails_and_may_be_called_again(
    operation: Operation, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, CLOSED, times=2):
        with pytest.raises(MongoConnectionError) as caught:
            await operation.call(things)

    assert attempts.of(operation.command) == 2
    assert caught.value.is_retryable
    assert caught.value.outcome is None
    assert not caught.value.is_timeout
    assert isinstance(caught.value.__cause__, AutoReconnect)


@pytest.mark.parametrize("operation", WAYS_TO_WRITE, ids=str)
async def test_a_write_broken_twice_fails_with_an_unknown_outcome_and_its_labels(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, CLOSED, times=2):
        with pytest.raises(MongoConnectionError) as caught:
            await operation.call(things)

    assert attempts.of(operation.command) == 2
    assert caught.value.outcome == "unknown"
    assert caught.value.has_error_label("RetryableWriteError")
    assert isinstance(caught.value.__cause__, AutoReconnect)
    assert await contents(stored) == SEED


@pytest.mark.parametrize("operation", MANY_WRITES, ids=str)
async def test_a_write_of_many_broken_once_is_not_sent_again(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, CLOSED):
        with pytest.raises(MongoConnectionError) as caught:
            await operation.call(things)

    assert attempts.of(operation.command) == 1
    assert caught.value.outcome == "unknown"
    assert not caught.value.is_retryable
    assert isinstance(caught.value.__cause__, AutoReconnect)
    assert await contents(stored) == SEED


@pytest.mark.parametrize("operation", COMMANDS, ids=str)
async def test_a_command_broken_once_is_not_sent_again(
    operation: Operation, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, CLOSED):
        with pytest.raises(MongoConnectionError) as caught:
            await operation.call(things)

    assert attempts.of(operation.command) == 1
    assert caught.value.outcome in {None, "unknown"}
    assert isinstance(caught.value.__cause__, AutoReconnect)


async def test_an_unacknowledged_write_learns_of_nothing(things: Things, fail_points: FailPoints) -> None:
    careless = things.with_options(write_concern=WriteConcern(w=0))

    async with fail_points.on("insert", CLOSED):
        result = await careless.insert_one(NEW)

    assert not result.acknowledged
    assert await things.find_by_id(1) is not None


async def test_a_bulk_write_whose_second_command_breaks_twice_does_not_claim_that_nothing_happened(
    things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    writes = things.bulk_write().insert(NEW).update_one({"_id": "new"}, {"$inc": {"n": 1}})

    async with fail_points.on("update", CLOSED, times=2):
        with pytest.raises(BulkWriteError) as caught:
            await writes.execute()

    assert attempts.of("insert") == 1
    assert attempts.of("update") == 2
    assert caught.value.outcome == "unknown"
    assert caught.value.result == BulkWriteResult(inserted_count=1)
    assert isinstance(caught.value.ended_by, MongoConnectionError)
    assert not caught.value.is_retryable
    assert await stored.find_one({"_id": "new"}) == NEW
