"""The rules by which a transaction is tried again, with a clock and a pause that the test holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import CommitError, MongoError, RetryPolicy, Session, WriteError
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
