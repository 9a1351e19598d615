"""Which faults `with_transaction` overcomes, by how many attempts, and what it says of those it does not."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from llm_devops_mongodb import CommitError, MongoClient, MongoError
from tests.failover.accounts import AFTER, BEFORE, Accounts
from tests.faults.attempts import Attempts
from tests.faults.fail_points import CLOSED, FailPoints, Fault, refused, unconfirmed

UPDATE = "update"
COMMIT = "commitTransaction"

WRITE_CONFLICT = refused(112)
NO_SUCH_TRANSACTION = refused(251)
WRITE_CONCERN_FAILED = refused(64)
SHUTTING_DOWN = refused(91)
TIME_IS_OVER = refused(50)
NOT_PERMITTED = refused(13)

NEXT_WRITER_WAITS = 3
"""Seconds, of a minute that the server would hold the accounts of a transaction that nobody ends."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault of a command inside a transaction.

    Attributes:
        command: The command that fails.
        fault: How it fails.
        times: How often.
        moves: How often the callback is run.
        commits: How many commits are sent.
    """

    command: str
    fault: Fault
    times: int
    moves: int
    commits: int

    def __str__(self) -> str:
        return f"{self.command} {' '.join(f'{name} {value}' for name, value in self.fault.items())} x{self.times}"


OVERCOME = [
    Case(UPDATE, CLOSED, 1, moves=2, commits=1),
    Case(UPDATE, CLOSED, 2, moves=3, commits=1),
    Case(UPDATE, WRITE_CONFLICT, 2, moves=3, commits=1),
    Case(UPDATE, NO_SUCH_TRANSACTION, 1, moves=2, commits=1),
    Case(UPDATE, SHUTTING_DOWN, 1, moves=2, commits=1),
    # The driver sends a commit once more by itself; from the third on it is the library.
    Case(COMMIT, CLOSED, 1, moves=1, commits=2),
    Case(COMMIT, CLOSED, 2, moves=1, commits=3),
    Case(COMMIT, WRITE_CONFLICT, 1, moves=2, commits=2),
    Case(COMMIT, NO_SUCH_TRANSACTION, 1, moves=2, commits=2),
    Case(COMMIT, WRITE_CONCERN_FAILED, 1, moves=1, commits=2),
    Case(COMMIT, unconfirmed(64), 1, moves=1, commits=2),
    Case(COMMIT, SHUTTING_DOWN, 1, moves=1, commits=2),
    Case(COMMIT, unconfirmed(91), 1, moves=1, commits=2),
]
NOT_APPLIED = [
    Case(UPDATE, WRITE_CONCERN_FAILED, 1, moves=1, commits=0),
    Case(UPDATE, TIME_IS_OVER, 1, moves=1, commits=0),
    Case(UPDATE, NOT_PERMITTED, 1, moves=1, commits=0),
    Case(COMMIT, NOT_PERMITTED, 1, moves=1, commits=1),
]


@pytest.mark.parametrize("case", OVERCOME, ids=str)
async def test_a_passing_fault_is_overcome_and_the_money_moves_once(
    case: Case, client: MongoClient, accounts: Accounts, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(case.command, case.fault, times=case.times):
        assert await client.with_transaction(accounts.move) == "moved"

    assert (accounts.moves, attempts.of(COMMIT)) == (case.moves, case.commits)
    assert await accounts.balances() == AFTER


@pytest.mark.parametrize("case", NOT_APPLIED, ids=str)
async def test_a_fault_that_will_not_pass_is_raised_and_nothing_moves(
    case: Case, client: MongoClient, accounts: Accounts, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(case.command, case.fault, times=case.times):
        with pytest.raises(MongoError) as raised:
            await client.with_transaction(accounts.move)

    assert raised.value.outcome == "not_applied"
    assert (accounts.moves, attempts.of(COMMIT)) == (case.moves, case.commits)
    assert await accounts.balances() == BEFORE


async def test_a_commit_that_ran_out_of_time_is_not_sent_again_and_its_outcome_is_unknown(
    client: MongoClient, accounts: Accounts, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(COMMIT, TIME_IS_OVER):
        with pytest.raises(CommitError, match="unknown") as raised:
            await client.with_transaction(accounts.move)

    assert raised.value.outcome == "unknown"
    assert raised.value.code == 50
    assert (accounts.moves, attempts.of(COMMIT)) == (1, 1)


@pytest.mark.parametrize("fault", [TIME_IS_OVER, NOT_PERMITTED], ids=["time is over", "not permitted"])
async def test_a_transaction_whose_commit_failed_does_not_block_the_next_one(
    fault: Fault, client: MongoClient, accounts: Accounts, fail_points: FailPoints
) -> None:
    async with fail_points.on(COMMIT, fault):
        with pytest.raises(CommitError):
            await client.with_transaction(accounts.move)

    began = time.monotonic()
    await client.with_transaction(accounts.move)
    assert time.monotonic() - began < NEXT_WRITER_WAITS
    assert await accounts.balances() == AFTER


@pytest.mark.parametrize("fault", [TIME_IS_OVER, NOT_PERMITTED], ids=["time is over", "not permitted"])
async def test_a_commit_that_failed_may_be_sent_again_while_its_session_lasts(
    fault: Fault, client: MongoClient, accounts: Accounts, fail_points: FailPoints
) -> None:
    async with client.start_session() as session:
        await session.start_transaction()
        await accounts.move(session)
        async with fail_points.on(COMMIT, fault):
            with pytest.raises(CommitError):
                await session.commit()
        await session.commit()

    assert await accounts.balances() == AFTER


async def test_a_session_whose_commit_failed_takes_the_next_transaction(
    client: MongoClient, accounts: Accounts, fail_points: FailPoints
) -> None:
    async with client.start_session() as session:
        async with fail_points.on(COMMIT, TIME_IS_OVER):
            with pytest.raises(CommitError):
                await session.with_transaction(accounts.move)

        began = time.monotonic()
        await session.with_transaction(accounts.move)
        assert time.monotonic() - began < NEXT_WRITER_WAITS

    assert await accounts.balances() == AFTER
