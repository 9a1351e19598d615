"""Whoever waits may be cancelled at any moment, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Iterator

import pytest

from llm_devops_mongodb import FindOptions, MongoClient, Session
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import MongoServer
from llm_devops_mongodb.testing.leaks import count_resources
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, FailPoints
from tests.faults.operations import (
    ADD_ONE,
    MANY_WRITES,
    READS,
    SEED,
    SINGLE_WRITES,
    Operation,
    Sides,
    Things,
    contents,
    one_of_each_command,
)

# PyMongo 4.20 drops a socket without closing it when a connection is given up while it is being made.


POOL = 10
STORM = 2000
AT_ONCE = 200
LONGEST = 0.05


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


@pytest.fixture
def settings(settings: ConfigSettings) -> ConfigSettings:
    """A client with a small pool."""
    return {**settings, "max_pool_size": POOL}


async def in_use(client: MongoClient) -> int:
    """Return how many operations the client counts as under way."""
    pool = (await client.health_check()).pool
    assert pool is not None
    return pool.in_use


@pytest.mark.parametrize(
    "operation", [*one_of_each_command(READS), *one_of_each_command(SINGLE_WRITES), MANY_WRITES[0]], ids=str
)
async def test_an_operation_that_is_cancelled_in_flight_ends_at_once_and_frees_its_place(
    operation: Operation, client: MongoClient, near: Sides, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on(operation.command, BLOCKED):
        calling = asyncio.ensure_future(operation.call(near.things))
        await attempts.until(operation.command)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

        assert await in_use(client) == 0
        assert await contents(near.things) == SEED

    assert await contents(near.stored) == SEED


async def test_an_insert_that_is_cancelled_in_flight_may_still_be_applied(
    things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("insert", {**BLOCKED, "blockTimeMS": 200}):
        inserting = asyncio.create_task(things.insert_one({"_id": "late"}))
        await attempts.until("insert")
        inserting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inserting

        async with asyncio.timeout(10):
            while await stored.find_one({"_id": "late"}) is None:
                pass


async def test_a_pool_does_not_grow_nor_shrink_by_cancelled_operations(
    server: MongoServer, client: MongoClient, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    before = await count_resources(server.uri)
    for cancelled in range(1, 2 * POOL + 1):
        async with fail_points.on("insert", {**BLOCKED, "blockTimeMS": 20}):
            inserting = asyncio.create_task(things.insert_one({"n": 0}))
            await attempts.until("insert", cancelled)
            inserting.cancel()
            await asyncio.gather(inserting, return_exceptions=True)

    # All of the pool's connections can be had at once.
    assert await asyncio.gather(*(things.find_by_id(1) for _ in range(2 * POOL))) == [SEED[1]] * 2 * POOL
    assert await in_use(client) == 0
    assert (await count_resources(server.uri)).since(before).connections <= POOL


async def read(things: Things) -> None:
    await things.find({})


async def write(things: Things) -> None:
    await things.update_one({"_id": 1}, ADD_ONE)


async def insert(things: Things) -> None:
    await things.insert_many([{"n": 1}, {"n": 2}])


async def stream(things: Things) -> None:
    async with things.find_stream({}, FindOptions(batch_size=2)) as documents:
        async for _ in documents:
            await asyncio.sleep(0)


async def aggregate(things: Things) -> None:
    async for _ in things.aggregate_stream([{"$match": {}}]):
        await asyncio.sleep(0)


def transfer(client: MongoClient) -> Callable[[Things], Awaitable[None]]:
    """Return a call that changes two documents in one transaction."""

    async def both(things: Things) -> None:
        async def change(session: Session) -> None:
            await things.update_one({"_id": 2}, {"$inc": {"n": -1}}, session=session)
            await things.update_one({"_id": 3}, {"$inc": {"n": 1}}, session=session)

        await client.with_transaction(change)

    return both


async def test_two_thousand_cancelled_operations_leave_a_client_that_works(
    server: MongoServer, client: MongoClient, things: Things, stored: Things
) -> None:
    before = await count_resources(server.uri)
    chance = random.Random(2000)
    calls = [read, write, insert, stream, aggregate, transfer(client)]
    cancelled = 0

    async def call_for_a_moment() -> bool:
        try:
            async with asyncio.timeout(chance.uniform(0, LONGEST)):
                await chance.choice(calls)(things)
        except TimeoutError:
            return True
        return False

    while cancelled < STORM:
        cancelled += sum(await asyncio.gather(*(call_for_a_moment() for _ in range(AT_ONCE))))

    async with asyncio.timeout(10):
        assert await asyncio.gather(*(things.find_by_id(0) for _ in range(50))) == [SEED[0]] * 50
    assert await in_use(client) == 0
    async with asyncio.timeout(10):
        while (left := (await count_resources(server.uri)).since(before)).cursors or left.transactions:
            pass
    assert left.connections <= POOL
    moved = [(await stored.find({"_id": number}))[0]["n"] for number in (2, 3)]
    assert sum(moved) == 0
