"""A transaction that is cancelled is aborted on the server, and the cancellation goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from llm_devops_mongodb import MongoClient, Session
from tests.failover.accounts import AFTER, BEFORE, Accounts
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, FailPoints

ABORTED_WITHIN = 10
NEXT_WRITER_WAITS = 3

Running = Callable[[Callable[[Session], Awaitable[object]]], Awaitable[object]]
OpenTransactions = Callable[[], Awaitable[int]]


@pytest.fixture(params=["with_transaction", "a block"])
def running(request: pytest.FixtureRequest, client: MongoClient) -> Running:
    """Runs a transaction, in both ways there are."""

    async def in_a_block(callback: Callable[[Session], Awaitable[object]]) -> None:
        async with client.start_session() as session, session.transaction():
            await callback(session)

    return client.with_transaction if request.param == "with_transaction" else in_a_block


async def cancelled(work: asyncio.Task[object]) -> None:
    work.cancel()
    await asyncio.wait((work,), timeout=ABORTED_WITHIN)
    assert work.cancelled()


async def none_is_open(open_transactions: OpenTransactions) -> None:
    async with asyncio.timeout(ABORTED_WITHIN):
        while await open_transactions():
            await asyncio.sleep(0.02)


async def next_writer_is_served(client: MongoClient, accounts: Accounts) -> None:
    async with asyncio.timeout(NEXT_WRITER_WAITS):
        await accounts.put_back()
        await client.with_transaction(accounts.move)
    assert await accounts.balances() == AFTER


async def test_cancelled_in_the_callback_it_is_aborted(
    running: Running, client: MongoClient, accounts: Accounts, open_transactions: OpenTransactions
) -> None:
    moved = asyncio.Event()

    async def move_and_wait(session: Session) -> None:
        await accounts.move(session)
        moved.set()
        await asyncio.Event().wait()

    work = asyncio.ensure_future(running(move_and_wait))
    await moved.wait()
    await cancelled(work)

    await none_is_open(open_transactions)
    assert await accounts.balances() == BEFORE
    await next_writer_is_served(client, accounts)


async def test_cancelled_during_an_operation_it_is_aborted(
    running: Running,
    client: MongoClient,
    *,
    accounts: Accounts,
    open_transactions: OpenTransactions,
    fail_points: FailPoints,
    attempts: Attempts,
) -> None:
    async def move_and_delete(session: Session) -> None:
        await accounts.move(session)
        await accounts.changed.within(session).delete_one({"_id": "taker"})

    async with fail_points.on("delete", BLOCKED):
        work = asyncio.ensure_future(running(move_and_delete))
        await attempts.until("delete")
        await cancelled(work)

    await none_is_open(open_transactions)
    assert await accounts.balances() == BEFORE
    await next_writer_is_served(client, accounts)


async def test_cancelled_during_its_commit_it_does_not_stay_open(
    running: Running,
    client: MongoClient,
    *,
    accounts: Accounts,
    open_transactions: OpenTransactions,
    fail_points: FailPoints,
    attempts: Attempts,
) -> None:
    async with fail_points.on("commitTransaction", BLOCKED):
        work = asyncio.ensure_future(running(accounts.move))
        await attempts.until("commitTransaction")
        await cancelled(work)

    await none_is_open(open_transactions)
    assert await accounts.balances() in (BEFORE, AFTER)
    await next_writer_is_served(client, accounts)


async def test_cancelled_between_two_attempts_it_is_not_tried_again(
    client: MongoClient, accounts: Accounts, open_transactions: OpenTransactions, fail_points: FailPoints
) -> None:
    async with fail_points.on("commitTransaction", {"errorCode": 112}, times=None):
        work = asyncio.ensure_future(client.with_transaction(accounts.move))
        async with asyncio.timeout(ABORTED_WITHIN):
            while accounts.moves < 5:
                await asyncio.sleep(0.002)
        await cancelled(work)
        moves = accounts.moves

    await none_is_open(open_transactions)
    assert accounts.moves == moves
    assert await accounts.balances() == BEFORE
    await next_writer_is_served(client, accounts)
