"""Two updates in one transaction, one transaction after another: what a transaction costs beside its round trips.

Each entrant moves units between two accounts of its own, in a new session each time. As with `find_one`, a turn is a
few transactions and its figure their median, and a round has many turns.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient

from benchmarks.harness import REFERENCE, Arena, Case, Entrant, Measure, WrongResultError
from llm_devops_mongodb import MongoClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from pymongo.asynchronous.client_session import AsyncClientSession
    from pymongo.asynchronous.collection import AsyncCollection

    from llm_devops_mongodb import Session

    Transfer = Callable[[str, str], Awaitable[None]]
    Accounts = AsyncCollection[dict[str, Any]]

TARGET = 1.10
ACCOUNTS = "accounts"
TRANSFERS = 10


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncGenerator[list[Entrant]]:
    async with AsyncMongoClient[dict[str, Any]](arena.uri) as driver, MongoClient.connect(arena.uri) as client:
        accounts = driver[arena.database][ACCOUNTS]
        await accounts.drop()
        ours = await _measure(_ours(client, arena), owner="ours", accounts=accounts)
        theirs = await _measure(_theirs(driver, arena), owner=REFERENCE, accounts=accounts)
        yield [
            Entrant(name="ours", measure=ours, row="with_transaction", target=TARGET),
            Entrant(name=REFERENCE, measure=theirs),
        ]
        await accounts.drop()


def _ours(client: MongoClient, arena: Arena) -> Transfer:
    accounts = client.collection(arena.database, ACCOUNTS)

    async def transfer(source: str, target: str) -> None:
        async def move(session: Session) -> None:
            await accounts.update_one({"_id": source}, {"$inc": {"units": -1}}, session=session)
            await accounts.update_one({"_id": target}, {"$inc": {"units": 1}}, session=session)

        await client.with_transaction(move)

    return transfer


def _theirs(client: AsyncMongoClient[dict[str, Any]], arena: Arena) -> Transfer:
    accounts = client[arena.database][ACCOUNTS]

    async def transfer(source: str, target: str) -> None:
        async def move(session: AsyncClientSession) -> None:
            await accounts.update_one({"_id": source}, {"$inc": {"units": -1}}, session=session)
            await accounts.update_one({"_id": target}, {"$inc": {"units": 1}}, session=session)

        async with client.start_session() as session:
            await session.with_transaction(move)

    return transfer


async def _measure(transfer: Transfer, *, owner: str, accounts: Accounts) -> Measure:
    source, target = f"{owner}: source", f"{owner}: target"
    await accounts.insert_many([{"_id": source, "units": 0}, {"_id": target, "units": 0}])
    moved = 0

    async def once() -> float:
        started = perf_counter()
        await transfer(source, target)
        return perf_counter() - started

    async def measure() -> float:
        nonlocal moved
        figure = 1e6 * median([await once() for _ in range(TRANSFERS)])
        moved += TRANSFERS
        await _require_units(accounts, {source: -moved, target: moved})
        return figure

    return measure


async def _require_units(accounts: Accounts, expected: dict[str, int]) -> None:
    found = {each["_id"]: each["units"] async for each in accounts.find({"_id": {"$in": list(expected)}})}
    if found != expected:
        msg = f"the accounts hold {found} where {expected} was transferred"
        raise WrongResultError(msg)


CASE = Case(name="with_transaction", unit="µs", entrants=entrants, turns=25)
