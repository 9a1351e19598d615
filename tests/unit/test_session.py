"""The rules by which a transaction is tried again, with a clock and a pause that the test holds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    CommitError,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    ReadConcern,
    RetryPolicy,
    Session,
    TransactionError,
    TransactionOptions,
    WriteError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.replies import DoneReply
from tests.stub_transport import StubTransport


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def session_on(transport: StubTransport, clock: Clock, *, limit: float = 120) -> Session:
    retry = RetryPolicy(limit=timedelta(seconds=limit), clock=lambda: clock.now, jitter=lambda: 1.0, pause=clock.pause)
    return Session(transport, op.SessionRef(1), retry=retry)


def kinds(transport: StubTransport) -> list[str]:
    return [type(operation).__name__ for operation in transport.operations]


async def test_pauses_grow_by_half_up_to_half_a_second() -> None:
    transport, clock, calls = StubTransport(DoneReply()), Clock(), 0
    session = session_on(transport, clock)

    async def fail_fourteen_times(_: Session) -> str:
        nonlocal calls
        calls += 1
        if calls <= 14:
            raise WriteError("conflict", code=112, labels=["TransientTransactionError"])
        return "done"

    assert await session.with_transaction(fail_fourteen_times) == "done"
    assert clock.pauses[:3] == pytest.approx([0.005, 0.0075, 0.01125])
    assert clock.pauses[-1] == 0.5
    assert kinds(transport).count("AbortTransaction") == 14


async def test_an_error_that_is_not_transient_ends_at_once() -> None:
    transport, clock = StubTransport(DoneReply()), Clock()

    async def fail(_: Session) -> None:
        raise WriteError("broken", code=2)

    with pytest.raises(WriteError):
        await session_on(transport, clock).with_transaction(fail)
    assert kinds(transport) == ["StartTransaction", "AbortTransaction"]
    assert clock.pauses == []


async def test_an_error_that_is_not_ours_aborts_and_passes() -> None:
    transport = StubTransport(DoneReply())

    async def fail(_: Session) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await session_on(transport, Clock()).with_transaction(fail)
    assert kinds(transport) == ["StartTransaction", "AbortTransaction"]


async def test_no_attempt_begins_after_the_limit() -> None:
    transport, clock, calls = StubTransport(DoneReply()), Clock(), 0

    async def conflict(_: Session) -> None:
        nonlocal calls
        calls += 1
        clock.now += 4
        raise WriteError("conflict", labels=["TransientTransactionError"])

    with pytest.raises(WriteError):
        await session_on(transport, clock, limit=10).with_transaction(conflict)
    assert calls == 3


async def test_a_commit_of_unknown_outcome_is_sent_again_alone() -> None:
    unknown = CommitError("cut", labels=["UnknownTransactionCommitResult"], outcome="unknown")
    transport = StubTransport(DoneReply(), unknown, unknown, DoneReply())
    calls: list[Any] = []

    async def callback(session: Session) -> None:
        calls.append(session)

    await session_on(transport, Clock()).with_transaction(callback)

    assert len(calls) == 1
    assert kinds(transport) == ["StartTransaction", *["CommitTransaction"] * 3]


async def test_a_commit_that_ran_out_of_its_time_is_not_sent_again() -> None:
    expired = CommitError("late", code=50, labels=["UnknownTransactionCommitResult"], outcome="unknown")
    transport = StubTransport(DoneReply(), expired)

    async def callback(_: Session) -> None: ...

    with pytest.raises(CommitError) as caught:
        await session_on(transport, Clock()).with_transaction(callback)
    assert caught.value.outcome == "unknown"
    assert kinds(transport) == ["StartTransaction", "CommitTransaction"]


async def test_a_transient_commit_runs_the_callback_again() -> None:
    transient = CommitError("gone", code=251, labels=["TransientTransactionError"])
    transport = StubTransport(DoneReply(), transient, DoneReply())
    calls: list[Any] = []

    async def callback(session: Session) -> None:
        calls.append(session)

    await session_on(transport, Clock()).with_transaction(callback)

    assert len(calls) == 2


async def test_an_abort_that_fails_does_not_hide_the_error() -> None:
    transport = StubTransport(DoneReply(), MongoError("abort failed"))

    async def fail(_: Session) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await session_on(transport, Clock()).with_transaction(fail)


async def test_a_session_shows_its_state() -> None:
    session = session_on(StubTransport(DoneReply()), Clock())
    assert repr(session) == "Session(1, no transaction started)"
    await session.start_transaction()
    assert session.in_transaction
    await session.commit()
    await session.end()
    assert repr(session) == "Session(1, the session has ended)"


async def test_a_limit_of_the_call_shortens_the_patience_and_is_told_each_attempt() -> None:
    transport, clock, calls = StubTransport(DoneReply()), Clock(), 0

    async def conflict(_: Session) -> None:
        nonlocal calls
        calls += 1
        clock.now += 4
        raise WriteError("conflict", labels=["TransientTransactionError"])

    with pytest.raises(WriteError):
        await session_on(transport, clock, limit=100).with_transaction(conflict, timeout=timedelta(seconds=10))
    assert calls == 3
    left = [operation.timeout for operation in transport.operations if isinstance(operation, op.StartTransaction)]
    assert [round(limit.total_seconds(), 1) for limit in left if limit] == [10.0, 6.0, 2.0]


async def test_the_patience_alone_is_no_limit_of_operations() -> None:
    transport = StubTransport(DoneReply())

    async def callback(_: Session) -> None: ...

    await session_on(transport, Clock()).with_transaction(callback)
    assert transport.operations[0].timeout is None


async def test_an_attempt_without_time_left_is_not_begun() -> None:
    transport, clock = StubTransport(DoneReply()), Clock()

    async def pause(_: float) -> None:
        clock.now += 60

    retry = RetryPolicy(clock=lambda: clock.now, jitter=lambda: 0.0, pause=pause)
    session = Session(transport, op.SessionRef(1), retry=retry, timeout=timedelta(seconds=10))

    async def conflict(_: Session) -> None:
        raise WriteError("conflict", labels=["TransientTransactionError"])

    with pytest.raises(OperationTimeoutError, match="not committed within 10 s") as caught:
        await session.with_transaction(conflict)
    assert caught.value.outcome == "not_applied"
    assert kinds(transport).count("StartTransaction") == 1


async def test_an_error_of_an_operation_inside_tells_that_it_was_undone() -> None:
    cut = MongoConnectionError(
        "cut; the write may have been applied", labels=["TransientTransactionError"], outcome="unknown"
    )
    clock = Clock()

    async def fail(_: Session) -> None:
        clock.now += 1000
        raise cut

    with pytest.raises(MongoConnectionError) as caught:
        await session_on(StubTransport(DoneReply()), clock).with_transaction(fail)
    assert (str(caught.value), caught.value.message, caught.value.outcome) == ("cut", "cut", "not_applied")


async def test_an_error_of_something_beside_the_transaction_stays_as_it_is() -> None:
    async def fail(_: Session) -> None:
        raise MongoConnectionError("cut", outcome="unknown")

    with pytest.raises(MongoConnectionError) as caught:
        await session_on(StubTransport(DoneReply()), Clock()).with_transaction(fail)
    assert caught.value.outcome == "unknown"


async def test_what_a_transaction_is_not_told_is_the_sessions_own() -> None:
    transport = StubTransport(DoneReply())
    defaults = TransactionOptions(read_concern=ReadConcern.SNAPSHOT, max_commit_time=timedelta(seconds=1))
    session = Session(transport, op.SessionRef(1), default_transaction_options=defaults)

    await session.start_transaction(TransactionOptions(max_commit_time=timedelta(seconds=2)))

    assert transport.operations[0].options == TransactionOptions(
        read_concern=ReadConcern.SNAPSHOT, max_commit_time=timedelta(seconds=2)
    )


async def test_a_snapshot_session_has_no_transactions() -> None:
    transport = StubTransport(DoneReply())
    session = Session(transport, op.SessionRef(1, snapshot=True))
    with pytest.raises(TransactionError, match="snapshot sessions"):
        await session.start_transaction()
    assert transport.operations == []


@pytest.mark.parametrize("command", ["commitTransaction", "abortTransaction"])
async def test_a_second_end_of_a_transaction_is_told_in_the_drivers_words(command: str) -> None:
    session = session_on(StubTransport(DoneReply()), Clock())
    await session.start_transaction()
    await session.abort()
    with pytest.raises(TransactionError, match=f"cannot call {command}"):
        await (session.commit() if command == "commitTransaction" else session.abort())
    await session.end()
    with pytest.raises(TransactionError, match="the session has ended"):
        await (session.commit() if command == "commitTransaction" else session.abort())


class HangingAborts(StubTransport):
    """Answers everything at once but an abort, which waits for the test."""

    def __init__(self) -> None:
        super().__init__(DoneReply())
        self.gate = asyncio.Event()

    async def handle(self, operation: Any) -> Any:
        if isinstance(operation, op.AbortTransaction):
            await self.gate.wait()
        return await super().handle(operation)


async def test_an_abort_that_hangs_goes_on_behind_and_then_ends_the_session() -> None:
    transport = HangingAborts()

    async def leave() -> None:
        async with Session(transport, op.SessionRef(1)) as session, session.transaction():
            raise ZeroDivisionError

    async with asyncio.timeout(10):
        with pytest.raises(ZeroDivisionError):
            await leave()
    assert kinds(transport) == ["StartTransaction"]
    transport.gate.set()
    async with asyncio.timeout(10):
        while "EndSession" not in kinds(transport):
            await asyncio.sleep(0)
    assert kinds(transport) == ["StartTransaction", "AbortTransaction", "EndSession"]


async def test_a_commit_that_was_never_sent_leaves_the_transaction_open() -> None:
    late = OperationTimeoutError("late", outcome="not_applied")
    transport = StubTransport(DoneReply(), late, DoneReply())
    session = session_on(transport, Clock())
    await session.start_transaction()
    with pytest.raises(OperationTimeoutError):
        await session.commit()
    assert session.in_transaction
    await session.abort()
