"""The opt-in policy that asks again, on a real server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from llm_devops_mongodb import Collection, ConfigError, MongoClient, MongoConnectionError, Session
from llm_devops_mongodb.testing import EmbeddedMongo

Documents = Collection[dict[str, Any]]


@pytest.fixture
async def patient(mongo_server: EmbeddedMongo) -> AsyncIterator[MongoClient]:
    retry = {"enabled": True, "initial_delay": "5ms"}
    async with MongoClient.connect(mongo_server.uri, app_name="patient", retry=retry, retry_writes=False) as client:
        yield client


@pytest.fixture
def rows(patient: MongoClient, mongo_database: Any) -> Documents:
    return patient.collection(mongo_database.name, "rows")


async def fail(server: EmbeddedMongo, times: int, **failure: Any) -> None:
    data = {"appName": "patient", **failure}
    await server.run_command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})


async def test_a_read_outlasts_more_than_the_drivers_one_retry(rows: Documents, mongo_server: EmbeddedMongo) -> None:
    await fail(mongo_server, 3, failCommands=["find"], closeConnection=True)
    assert await rows.find_one({}) is None


async def test_a_write_that_no_primary_took_is_asked_again(rows: Documents, mongo_server: EmbeddedMongo) -> None:
    await fail(mongo_server, 1, failCommands=["update"], errorCode=10107)
    assert (await rows.update_one({"_id": 1}, {"$inc": {"n": 1}})).matched_count == 0


async def test_a_write_whose_reply_is_lost_is_not(rows: Documents, mongo_server: EmbeddedMongo) -> None:
    await fail(mongo_server, 1, failCommands=["insert"], closeConnection=True)
    with pytest.raises(MongoConnectionError) as caught:
        await rows.insert_one({})
    assert caught.value.outcome == "unknown"


async def test_a_transaction_is_run_again_as_a_whole(
    patient: MongoClient, rows: Documents, mongo_server: EmbeddedMongo
) -> None:
    await rows.insert_one({"_id": 1, "n": 0})
    runs = 0

    async def change(session: Session) -> None:
        nonlocal runs
        runs += 1
        await rows.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    await fail(mongo_server, 1, failCommands=["update"], closeConnection=True)
    await patient.with_transaction(change)
    assert (runs, await rows.find_one({"_id": 1})) == (2, {"_id": 1, "n": 1})


async def test_a_transaction_follows_writes_that_were_asked_again_without_a_number(
    patient: MongoClient, rows: Documents, mongo_server: EmbeddedMongo
) -> None:
    await rows.insert_one({"_id": 1, "n": 0})

    async def change(session: Session) -> None:
        await rows.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    await patient.with_transaction(change)
    await fail(mongo_server, 2, failCommands=["update"], errorCode=462, errorLabels=["RetryableError"])
    await rows.update_one({"_id": 1}, {"$inc": {"n": 1}})
    await patient.with_transaction(change)
    assert await rows.find_one({"_id": 1}) == {"_id": 1, "n": 3}


async def test_a_write_under_way_when_its_client_closes_tells_its_result(
    patient: MongoClient, rows: Documents, mongo_database: Any
) -> None:
    writing = asyncio.create_task(rows.insert_one({"_id": 1}))
    await asyncio.sleep(0)
    await patient.close()
    assert (await writing).inserted_id == 1
    assert await mongo_database.collection("rows").find_one({}) == {"_id": 1}


async def test_without_its_library_the_policy_says_what_to_install(
    mongo_server: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name.startswith("llm_devops_mongodb.transports.retrying"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tenacity", None)
    with pytest.raises(ConfigError, match=r"llm-devops-mongodb\[retry\]"):
        await MongoClient.connect(mongo_server.uri, retry=True)
