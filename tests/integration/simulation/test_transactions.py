"""Sessions and transactions, with every attempt of a callback that is tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_devops_mongodb import CommitError, Database, MongoClient, Session, SimulatedFault
from tests.integration.simulation.conftest import Studio

LABELS = ["TransientTransactionError"]


@pytest.fixture
async def name(mongo_database: Database) -> str:
    await mongo_database.collection("things").insert_many([{"_id": "a", "n": 10}, {"_id": "b", "n": 0}])
    return mongo_database.name


async def move(client: MongoClient, name: str, *, attempts: list[int], amount: int = 1) -> None:
    """Move an amount in a transaction, and count the attempts."""
    things = client.collection(name, "things")

    async def callback(session: Session) -> None:
        attempts.append(len(attempts) + 1)
        await things.within(session).update_one({"_id": "a"}, {"$inc": {"n": -amount}})
        await things.within(session).update_one({"_id": "b"}, {"$inc": {"n": amount}})

    await client.with_transaction(callback)


async def balances(client: MongoClient, name: str) -> list[int]:
    return [document["n"] for document in await client.collection(name, "things").query().sort("_id").execute()]


async def fail(client: MongoClient, command: str, **how: Any) -> None:
    """Have the next command of a name fail."""
    data = {"failCommands": [command], "appName": client.config.app_name, **how}
    await client.database("admin").run_command(
        {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data}
    )


@pytest.mark.parametrize(
    ("command", "how", "attempts"),
    [
        ("update", {"errorCode": 251, "errorLabels": LABELS}, 2),
        ("commitTransaction", {"errorCode": 251, "errorLabels": LABELS}, 2),
        ("commitTransaction", {"errorCode": 64, "errorLabels": ["UnknownTransactionCommitResult"]}, 1),
    ],
)
async def test_every_attempt_is_recorded_and_tried_again_in_replay(
    studio: Studio, name: str, command: str, how: dict[str, Any], attempts: int
) -> None:
    async def job(client: MongoClient) -> Any:
        made: list[int] = []
        await fail(client, command, **how)
        await move(client, name, attempts=made)
        return made, await balances(client, name)

    recorded, replayed = await studio.both(job, app_name=f"simulated-{name}")

    assert replayed == recorded == (list(range(1, attempts + 1)), [9, 1])


async def test_a_transaction_that_is_aborted_is_replayed_so(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> list[int]:
        things = client.collection(name, "things")
        async with client.start_session() as session:
            await session.start_transaction()
            await things.within(session).delete_many({})
            inside = await things.within(session).count_documents({})
            outside = await things.count_documents({})
            await session.abort()
        return [inside, outside, await things.count_documents({})]

    recorded, replayed = await studio.both(job)

    assert replayed == recorded == [0, 2, 2]


async def test_transactions_at_once_find_each_its_own_session(studio: Studio, name: str) -> None:
    async def job(client: MongoClient, order: list[int]) -> list[int]:
        await client.collection(name, "things").insert_many([{"_id": number} for number in range(5)])

        async def change(number: int) -> int:
            things = client.collection(name, "things")
            async with client.start_session() as session, session.transaction():
                await things.within(session).update_one({"_id": number}, {"$set": {"n": number}})
                found = await things.within(session).find_by_id(number) or {}
                return int(found["n"])

        return sorted(await asyncio.gather(*(change(number) for number in order)))

    await studio.record(lambda client: job(client, [0, 1, 2, 3, 4]))

    assert await studio.replay(lambda client: job(client, [3, 1, 4, 0, 2])) == [0, 1, 2, 3, 4]


async def test_a_fault_is_put_into_a_replay(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> list[int]:
        made: list[int] = []
        for _ in range(3):
            await move(client, name, attempts=made)
        return made

    assert await studio.record(job) == [1, 2, 3]
    lost = CommitError("cut off", labels=LABELS, outcome="not_applied")
    faults = [SimulatedFault("commit_transaction", lost, nth=3)]

    assert await studio.replay(job, faults=faults) == [1, 2, 3, 4]


async def test_a_snapshot_session_is_replayed(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> list[int]:
        things = client.collection(name, "things")
        async with client.start_session(snapshot=True) as session:
            before = await things.within(session).count_documents({})
            await things.insert_one({"_id": "c"})
            return [before, await things.within(session).count_documents({})]

    recorded, replayed = await studio.both(job)

    assert replayed == recorded == [2, 2]


async def test_the_servers_name_of_a_session_is_replayed(studio: Studio, name: str) -> None:
    async def job(client: MongoClient) -> Any:
        async with client.start_session() as session:
            return await session.identify()

    recorded, replayed = await studio.both(job)

    assert replayed == recorded
    assert name
