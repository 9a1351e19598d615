"""The server answers with an error: which kind it becomes, what is known of the write, and what is sent again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from llm_devops_mongodb import (
    BulkWriteError,
    FindOptions,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    QueryError,
    WriteError,
)
from llm_devops_mongodb.errors import Outcome
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, UNCONFIRMED_IN_TIME, FailPoints, Fault, refused, unconfirmed
from tests.faults.operations import (
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

INSERT = Operation("insert_one", "insert", lambda things: things.insert_one(NEW))
FIND = Operation("find_one", "find", lambda things: things.find_one({"_id": 1}))

RETRYABLE = "RetryableWriteError"
OVERLOADED = ("SystemOverloadedError", "RetryableError")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal that is not overcome by sending the operation again.

    Attributes:
        operation: What is refused.
        code: The server's code.
        kind: The error's class.
        labels: The labels that the server is to add.
        is_timeout: Whether the error calls itself one.
        outcome: What it tells of the write.
        attempts: How many times the operation is sent.
    """

    operation: Operation
    code: int
    kind: type[MongoError]
    labels: tuple[str, ...] = ()
    is_timeout: bool = False
    outcome: Outcome | None = None
    attempts: int = 1

    def __str__(self) -> str:
        return f"{self.operation} {self.code}"


REFUSALS = (
    Refusal(FIND, 96, QueryError),
    Refusal(FIND, 50, OperationTimeoutError, is_timeout=True),
    Refusal(FIND, 112, QueryError),
    Refusal(FIND, 8, QueryError),
    Refusal(FIND, 13436, MongoConnectionError, attempts=2),
    Refusal(FIND, 134, QueryError, attempts=2),
    Refusal(FIND, 462, QueryError, OVERLOADED, attempts=3),
    Refusal(INSERT, 50, OperationTimeoutError, is_timeout=True, outcome="not_applied"),
    Refusal(INSERT, 112, WriteError, outcome="not_applied"),
    Refusal(INSERT, 8, WriteError, outcome="not_applied"),
    Refusal(INSERT, 8, WriteError, (RETRYABLE,), outcome="unknown", attempts=2),
    Refusal(INSERT, 462, WriteError, OVERLOADED, outcome="unknown", attempts=3),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
async def test_a_refusal_keeps_its_code_and_labels(
    refusal: Refusal, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(refusal.operation.command, refused(refusal.code, *refusal.labels), times=None):
        with pytest.raises(MongoError) as caught:
            await refusal.operation.call(things)

    assert type(caught.value) is refusal.kind
    assert caught.value.code == refusal.code
    assert caught.value.labels >= set(refusal.labels)
    assert caught.value.is_timeout is refusal.is_timeout
    assert caught.value.outcome == refusal.outcome
    assert attempts.of(refusal.operation.command) == refusal.attempts


@pytest.mark.parametrize("code", [10107, 91, 11602])
async def test_a_write_that_no_primary_took_is_sent_twice_and_then_not_applied(
    code: int, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("insert", refused(code), times=None):
        with pytest.raises(MongoConnectionError) as caught:
            await things.insert_one(NEW)

    assert caught.value.code == code
    assert caught.value.has_error_label(RETRYABLE)
    assert caught.value.is_retryable
    assert caught.value.outcome != "applied"
    assert attempts.of("insert") == 2
    assert await contents(stored) == SEED


@dataclass(frozen=True, slots=True)
class Passing:
    """A refusal that the next attempt overcomes.

    Attributes:
        operation: What is refused once.
        fault: How.
    """

    operation: Operation
    fault: Fault

    def __str__(self) -> str:
        return f"{self.operation} {self.fault.get('errorCode', 'unconfirmed')}"


PASSING = (
    Passing(INSERT, refused(10107)),
    Passing(INSERT, refused(11600)),
    Passing(INSERT, refused(91)),
    Passing(INSERT, refused(8, RETRYABLE)),
    Passing(INSERT, refused(462, *OVERLOADED)),
    Passing(INSERT, unconfirmed(91)),
    Passing(FIND, refused(13436)),
    Passing(FIND, refused(134)),
    Passing(FIND, refused(462, *OVERLOADED)),
)


@pytest.mark.parametrize("passing", PASSING, ids=str)
async def test_a_passing_refusal_is_overcome_by_one_more_attempt(
    passing: Passing, near: Sides, fail_points: FailPoints, attempts: Attempts
) -> None:
    expected = await passing.operation.call(near.twin)

    async with fail_points.on(passing.operation.command, passing.fault):
        assert await passing.operation.call(near.things) == expected

    assert attempts.of(passing.operation.command) == 2
    assert await contents(near.stored) == await contents(near.twin)


SEVERAL = {"insert_many", "bulk_write", "chunked_insert"}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *((operation, UNCONFIRMED_IN_TIME) for operation in (*WAYS_TO_WRITE, MANY_WRITES[0])),
        *((operation, unconfirmed(100)) for operation in (*SINGLE_WRITES, *MANY_WRITES)),
    ],
    ids=lambda value: str(value) if isinstance(value, Operation) else str(value["writeConcernError"]["code"]),
)
async def test_a_write_that_is_not_acknowledged_as_asked_is_told_as_applied(
    operation: Operation, fault: Fault, near: Sides, fail_points: FailPoints, attempts: Attempts
) -> None:
    code: int = fault["writeConcernError"]["code"]
    await operation.call(near.twin)

    async with fail_points.on(operation.command, fault):
        with pytest.raises(MongoError) as caught:
            await operation.call(near.things)

    assert isinstance(caught.value, BulkWriteError if operation.method in SEVERAL else WriteError)
    assert caught.value.outcome == "applied"
    assert attempts.of(operation.command) == 1
    assert await contents(near.stored) == await contents(near.twin)
    if isinstance(caught.value, BulkWriteError):
        assert [error.code for error in caught.value.write_concern_errors] == [code]
    else:
        assert caught.value.code == code
        assert caught.value.is_timeout is (code == 64)


async def test_a_killed_operation_is_told_by_its_code(
    things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("find", BLOCKED):
        finding = asyncio.create_task(things.find_one({"_id": 1}))
        await attempts.until("find")
        while not await fail_points.kill_operations():
            pass
        with pytest.raises(QueryError) as caught:
            await finding

    assert caught.value.code == 11601
    assert caught.value.code_name == "Interrupted"
    assert attempts.of("find") == 1


async def test_the_servers_own_time_limit_is_a_timeout(things: Things, fail_points: FailPoints) -> None:
    limit = timedelta(seconds=20)

    async with fail_points.named("maxTimeAlwaysTimeOut"):
        with pytest.raises(OperationTimeoutError) as caught:
            await things.find({}, FindOptions(max_time=limit))

    assert caught.value.is_timeout
    assert caught.value.code == 50
    assert caught.value.timeout == limit


@pytest.mark.parametrize("operation", one_of_each_command(READS), ids=str)
async def test_a_read_that_is_refused_has_no_outcome(
    operation: Operation, things: Things, fail_points: FailPoints
) -> None:
    async with fail_points.on(operation.command, refused(96)):
        with pytest.raises(QueryError) as caught:
            await operation.call(things)

    assert caught.value.outcome is None
    assert not caught.value.is_retryable
