"""What is asked again, how often, and after which pauses; the pauses are the test's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import bson
import pytest

from llm_devops_mongodb import (
    AggregateOptions,
    ClientStateError,
    FindOptions,
    InsertOptions,
    MongoConnectionError,
    OperationTimeoutError,
    RetryConfig,
    ServerSelectionError,
    TransactionOptions,
    WriteError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.replies import DoneReply
from llm_devops_mongodb.transports.retrying import RetryingTransport
from tests.stub_transport import StubTransport

PLACE = Namespace("app", "rows")
SESSION = op.SessionRef(1)
EMPTY = bson.encode({})
CONFIG = RetryConfig(enabled=True)
CUT = MongoConnectionError("cut", labels=["RetryableWriteError"])
REFUSED = MongoConnectionError("not primary", outcome="not_applied")
UNCONFIRMED = WriteError("interrupted", outcome="applied", labels=["RetryableWriteError"])
UNKNOWN = MongoConnectionError("cut", outcome="unknown", labels=["RetryableWriteError"])


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def asking_again(*answers: Any, config: RetryConfig = CONFIG, **rest: Any) -> tuple[StubTransport, Pauses, Any]:
    stub, pauses = StubTransport(*answers), Pauses()
    return stub, pauses, RetryingTransport(stub, config, pause=pauses, **rest)


def read(*, session: op.SessionRef | None = None, settings: Settings | None = None) -> op.FindOne:
    return op.FindOne(PLACE, settings or Settings(), session, EMPTY, FindOptions())


def write() -> op.InsertOne:
    return op.InsertOne(PLACE, Settings(), None, EMPTY, InsertOptions())


def many() -> op.InsertMany:
    return op.InsertMany(PLACE, Settings(), None, (EMPTY,), ordered=True, options=InsertOptions())


def aggregation(*stages: dict[str, Any]) -> op.Aggregate:
    return op.Aggregate(PLACE, Settings(), None, tuple(map(bson.encode, stages)), AggregateOptions())


async def test_a_read_is_asked_three_times_in_all() -> None:
    stub, pauses, transport = asking_again(CUT, CUT, DoneReply())
    assert await transport.handle(read()) == DoneReply()
    assert len(stub.operations) == 3
    assert 0.1 <= pauses[0] <= 0.2
    assert 0.2 <= pauses[1] <= 0.3


async def test_the_last_error_is_raised_as_it_is() -> None:
    stub, _, transport = asking_again(CUT)
    with pytest.raises(MongoConnectionError) as caught:
        await transport.handle(read())
    assert caught.value is CUT
    assert len(stub.operations) == 3


async def test_attempts_and_pauses_are_the_configurations() -> None:
    config = RetryConfig(enabled=True, max_attempts=6, initial_delay="10ms", max_delay="50ms")
    stub, pauses, transport = asking_again(CUT, config=config)
    with pytest.raises(MongoConnectionError):
        await transport.handle(read())
    assert len(stub.operations) == 6
    assert [round(pause - extra, 2) >= 0 for pause, extra in zip(pauses, (0.01, 0.02, 0.04, 0.05, 0.05), strict=True)]
    assert max(pauses) <= 0.06


@pytest.mark.parametrize("error", [REFUSED, UNKNOWN, UNCONFIRMED], ids=["refused", "unknown", "unconfirmed"])
async def test_a_write_of_one_document_is_sent_again_in_one_session_of_its_own(error: Exception) -> None:
    stub, _, transport = asking_again(error, error, DoneReply(), DoneReply())

    assert await transport.handle(write()) == DoneReply()

    *attempts, end = stub.operations
    sessions = [attempt.session for attempt in attempts if isinstance(attempt, op.InsertOne)]
    assert [session.attempt for session in sessions if session] == [1, 2, 3]
    assert {session.number for session in sessions if session} == {-1}
    assert end == op.EndSession(op.SessionRef(-1, causal_consistency=False))


@pytest.mark.parametrize("session", [SESSION, None], ids=["in a session", "without a number"])
async def test_a_write_that_the_server_would_not_know_again_is_not_sent_again(session: op.SessionRef | None) -> None:
    unlabelled = MongoConnectionError("cut", outcome="unknown", labels=["RetryableError"])
    stub, _, transport = asking_again(UNKNOWN if session else unlabelled, DoneReply())

    with pytest.raises(MongoConnectionError):
        await transport.handle(replace(write(), session=session))

    assert sum(isinstance(operation, op.InsertOne) for operation in stub.operations) == 1


async def test_the_session_of_a_write_ends_where_its_caller_leaves() -> None:
    def leave(_: op.Operation) -> DoneReply:
        raise asyncio.CancelledError

    stub, _, transport = asking_again(leave, DoneReply())

    with pytest.raises(asyncio.CancelledError):
        await transport.handle(write())

    assert isinstance(stub.operations[-1], op.EndSession)


async def test_a_write_of_a_client_that_closes_meanwhile_tells_its_reply() -> None:
    _, _, transport = asking_again(DoneReply(), ClientStateError("closed"))
    assert await transport.handle(write()) == DoneReply()


@pytest.mark.parametrize(
    "operation", [many(), aggregation({"$out": "copy"}), aggregation({"$merge": "copy"})], ids=["many", "out", "merge"]
)
async def test_a_write_is_asked_again_only_where_it_is_known_not_to_have_happened(operation: Any) -> None:
    stub, _, transport = asking_again(REFUSED, DoneReply())
    assert await transport.handle(operation) == DoneReply()
    assert len(stub.operations) == 2

    stub, _, transport = asking_again(UNKNOWN)
    with pytest.raises(MongoConnectionError):
        await transport.handle(operation)
    assert len(stub.operations) == 1


@pytest.mark.parametrize("operation", [read(), aggregation({"$match": {}}), aggregation()])
async def test_a_read_has_no_outcome_to_wait_for(operation: Any) -> None:
    stub, _, transport = asking_again(CUT, DoneReply())
    assert await transport.handle(operation) == DoneReply()
    assert len(stub.operations) == 2


@pytest.mark.parametrize(
    "error",
    [
        OperationTimeoutError("late"),
        ServerSelectionError("nobody", timeout=timedelta(seconds=1)),
        WriteError("refused", code=2, outcome="not_applied"),
        ZeroDivisionError(),
    ],
)
async def test_what_patience_does_not_mend_is_not_asked_again(error: Exception) -> None:
    stub, _, transport = asking_again(error)
    with pytest.raises(type(error)):
        await transport.handle(read())
    assert len(stub.operations) == 1


@pytest.mark.parametrize(
    "operation",
    [
        op.RunCommand(PLACE, Settings(), None, EMPTY),
        op.CommitTransaction(SESSION),
        op.AbortTransaction(SESSION),
        op.StartTransaction(SESSION, TransactionOptions()),
        op.EndSession(SESSION),
        op.CheckHealth(),
    ],
)
async def test_commands_sessions_and_health_are_left_alone(operation: Any) -> None:
    stub, _, transport = asking_again(REFUSED)
    with pytest.raises(MongoConnectionError):
        await transport.handle(operation)
    assert len(stub.operations) == 1


@pytest.mark.parametrize("end", [op.CommitTransaction(SESSION), op.AbortTransaction(SESSION), op.EndSession(SESSION)])
async def test_nothing_is_asked_again_inside_a_transaction(end: Any) -> None:
    stub, _, transport = asking_again(DoneReply(), REFUSED, DoneReply(), CUT, DoneReply())
    await transport.handle(op.StartTransaction(SESSION, TransactionOptions()))
    with pytest.raises(MongoConnectionError):
        await transport.handle(read(session=SESSION))
    await transport.handle(end)
    await transport.handle(read(session=SESSION))
    assert len(stub.operations) == 5


async def test_all_attempts_share_the_operations_limit() -> None:
    limit = timedelta(seconds=30)
    stub, _, transport = asking_again(CUT, CUT, DoneReply())
    await transport.handle(read(settings=Settings(timeout=limit)))
    limits = [operation.settings.timeout for operation in stub.operations]
    assert limit >= limits[0] > limits[1] > limits[2] > timedelta(seconds=1)


async def test_an_attempt_that_would_come_too_late_is_not_made() -> None:
    config = RetryConfig(enabled=True, initial_delay="10s", max_delay="10s")
    stub, pauses, transport = asking_again(CUT, config=config, timeout=timedelta(seconds=5))
    with pytest.raises(MongoConnectionError):
        await transport.handle(read())
    assert (len(stub.operations), pauses) == (1, [])


async def test_closing_it_closes_what_is_within() -> None:
    stub, _, transport = asking_again(DoneReply())
    await transport.aclose()
    assert stub.closed == 1
