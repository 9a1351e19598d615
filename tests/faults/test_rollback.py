"""The primary dies with writes that no other member has: what was acknowledged, and what is still there."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import MongoClient, WriteConcern
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.faults.operations import Things
from tests.faults.three_members import replication_stopped

BEFORE = range(100, 120)
DURING = range(120, 140)
LIMIT = timedelta(seconds=3)
PATIENCE = timedelta(seconds=20)


@pytest.fixture(scope="module")
def server(three_members: EmbeddedMongo) -> EmbeddedMongo:
    """A server that can lose its primary."""
    return three_members


async def acknowledged(things: Things, ids: range) -> set[int]:
    """Insert a document for each of `ids` at once, and return those whose insertion was acknowledged."""
    writes = [things.insert_one({"_id": number}, timeout=LIMIT) for number in ids]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {getattr(failure, "outcome", failure) for failure in failures} <= {"applied", "unknown"}
    return {number for number, outcome in zip(ids, outcomes, strict=True) if not isinstance(outcome, BaseException)}


async def acknowledged_although_the_primary_died(server: EmbeddedMongo, things: Things) -> set[int]:
    """Write before the secondaries stop to follow, while nothing is replicated, and after the primary died of it."""
    kept = await acknowledged(things, BEFORE)
    async with replication_stopped(server):
        kept |= await acknowledged(things, DURING)
        first = await server.primary()
        first.kill()
    second = await server.primary()
    assert second is not first
    await things.insert_one({"_id": "after"}, timeout=PATIENCE)
    # The first primary takes back what no other member has.
    await first.restart()
    return kept


async def found(server: EmbeddedMongo, things: Things) -> set[Any]:
    """Return the ids that are there."""
    async with MongoClient.connect(server.uri, min_pool_size=0) as client:
        majority = client.database(things.namespace.database).collection(things.name)
        return set(await majority.distinct("_id", {}))


async def test_with_the_defaults_nothing_that_was_acknowledged_is_lost(server: EmbeddedMongo, things: Things) -> None:
    kept = await acknowledged_although_the_primary_died(server, things)

    # While nothing is replicated nothing is acknowledged.
    assert kept == set(BEFORE)
    assert kept <= await found(server, things)


async def test_writes_that_one_member_alone_acknowledged_are_lost(server: EmbeddedMongo, things: Things) -> None:
    careless = things.with_options(write_concern=WriteConcern(w=1))

    kept = await acknowledged_although_the_primary_died(server, careless)

    lost = kept - await found(server, things)
    assert kept == {*BEFORE, *DURING}
    assert lost >= set(DURING)
