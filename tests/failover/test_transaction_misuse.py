"""What a session cannot do is told at once, sends nothing, and leaves nothing open on the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from llm_devops_mongodb import MongoClient, Session, SessionBusyError, TransactionError
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.accounts import AFTER, BEFORE, Accounts
from tests.faults.attempts import Attempts

OpenTransactions = Callable[[], Awaitable[int]]


def sent(attempts: Attempts) -> int:
    return sum(map(len, attempts.connections.values()))


async def test_two_operations_at_once_are_refused_and_the_first_is_done(
    client: MongoClient, accounts: Accounts, open_transactions: OpenTransactions
) -> None:
    inside: list[BaseException | str] = []

    async def move_twice(session: Session) -> None:
        moves = (accounts.move(session) for _ in range(2))
        inside.extend(await asyncio.gather(*moves, return_exceptions=True))

    await client.with_transaction(move_twice)

    assert inside[0] == "moved"
    assert isinstance(inside[1], SessionBusyError)
    assert await open_transactions() == 0
    assert await accounts.balances() == AFTER


async def test_two_operations_at_once_end_the_transaction_where_the_error_is_not_caught(
    client: MongoClient, accounts: Accounts, open_transactions: OpenTransactions
) -> None:
    async def move_twice(session: Session) -> None:
        await asyncio.gather(accounts.move(session), accounts.move(session))

    with pytest.raises(SessionBusyError):
        await client.with_transaction(move_twice)

    async with asyncio.timeout(10):
        while await open_transactions():
            await asyncio.sleep(0.02)
    assert accounts.moves == 2
    assert await accounts.balances() == BEFORE


async def test_a_transaction_cannot_begin_in_another(
    client: MongoClient, accounts: Accounts, attempts: Attempts, open_transactions: OpenTransactions
) -> None:
    async with client.start_session() as session:
        await session.start_transaction()
        await accounts.move(session)
        before = sent(attempts)
        with pytest.raises(TransactionError, match="no nested transactions"):
            await session.start_transaction()
        with pytest.raises(TransactionError, match="no nested transactions"):
            await session.with_transaction(accounts.move)
        assert sent(attempts) == before
        assert session.in_transaction

    assert await open_transactions() == 0
    assert await accounts.balances() == BEFORE


async def test_a_transaction_that_is_over_cannot_be_ended_again(
    client: MongoClient, accounts: Accounts, attempts: Attempts, open_transactions: OpenTransactions
) -> None:
    async with client.start_session() as session:
        async with session.transaction():
            await accounts.move(session)
        before = sent(attempts)
        with pytest.raises(TransactionError, match="after calling commitTransaction"):
            await session.abort()
        await session.start_transaction()
        await session.abort()
        with pytest.raises(TransactionError, match="twice"):
            await session.abort()
        with pytest.raises(TransactionError, match="after calling abortTransaction"):
            await session.commit()
        assert sent(attempts) == before

    assert await open_transactions() == 0
    assert await accounts.balances() == AFTER


async def test_an_operation_after_the_commit_is_no_part_of_it(
    client: MongoClient, accounts: Accounts, open_transactions: OpenTransactions
) -> None:
    async with client.start_session() as session:
        async with session.transaction():
            await accounts.move(session)
        await accounts.changed.update_one({"_id": "taker"}, {"$inc": {"balance": 1}}, session=session)
        assert await accounts.balances() == {**AFTER, "taker": AFTER["taker"] + 1}
        assert await open_transactions() == 0


async def test_a_session_that_has_ended_is_refused_everywhere(
    client: MongoClient, accounts: Accounts, attempts: Attempts
) -> None:
    async with client.start_session() as session:
        await accounts.move(session)
    before = sent(attempts)

    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: accounts.changed.find_one({}, session=session),
        lambda: accounts.changed.insert_one({"balance": 0}, session=session),
        lambda: accounts.move(session),
        session.start_transaction,
        session.commit,
        session.abort,
        lambda: session.with_transaction(accounts.move),
    ]
    for call in calls:
        with pytest.raises(TransactionError, match="has ended"):
            await call()

    assert sent(attempts) == before


async def test_the_session_of_another_client_is_refused(
    server: EmbeddedMongo,
    client: MongoClient,
    accounts: Accounts,
    attempts: Attempts,
    open_transactions: OpenTransactions,
) -> None:
    async with MongoClient.connect(server.uri, min_pool_size=0) as other:
        before = sent(attempts)
        with pytest.raises(TransactionError, match="another client"):
            await other.with_transaction(accounts.move)

    assert sent(attempts) == before
    assert await open_transactions() == 0
    assert await accounts.balances() == BEFORE
