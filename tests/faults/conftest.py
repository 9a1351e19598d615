"""What the fault tests share: the client whose commands fail, one whose commands do not, and a count of leaks."""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import Database, MongoClient
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import EmbeddedMongo, Member, MongoServer
from llm_devops_mongodb.testing.connections import database_name
from llm_devops_mongodb.testing.leaks import ResourceCounts, count_resources
from tests.faults.attempts import Attempts
from tests.faults.fail_points import FailPoints
from tests.faults.operations import SEED, Sides, Things
from tests.faults.proxy import Proxy

_CLEANUP = timedelta(seconds=10)
_HEARTBEAT = timedelta(milliseconds=500)


@pytest.fixture(scope="package")
async def three_members() -> AsyncIterator[EmbeddedMongo]:
    """A server of three members, for the tests of this folder alone."""
    async with EmbeddedMongo(members=3) as started:
        yield started


@pytest.fixture(scope="module")
def server(mongo_server: MongoServer) -> MongoServer:
    """The server that suffers; a module may put its own in its place."""
    return mongo_server


@pytest.fixture
def attempts() -> Attempts:
    """What the clients under test have sent."""
    return Attempts()


@pytest.fixture(scope="module")
async def names(server: MongoServer) -> AsyncIterator[list[str]]:
    """The names of the databases to empty after the module's tests: a cursor that was left is gone with its data."""
    names: list[str] = []
    yield names
    async with MongoClient.connect(server.uri, min_pool_size=0) as client:
        # What a test left open would hold up the drop for a minute.
        await client.database("admin").run_command({"killAllSessions": []})
        for database in map(client.database, names):
            # Quicker than to drop the database, which is gone with its last collection.
            for collection in await database.list_collection_names():
                await database.drop_collection(collection)


@pytest.fixture
def database(admin: MongoClient, names: list[str], request: pytest.FixtureRequest) -> Database:
    """A database that no other test has, as the client that looks on sees it."""
    names.append(database_name(request.node.name))
    return admin.database(names[-1])


@pytest.fixture(autouse=True)
async def nothing_left_behind(server: MongoServer, names: list[str], attempts: Attempts) -> AsyncIterator[None]:
    """Compare what is open before a test and after it, when its clients are closed.

    The driver discards a session whose connection broke or whose server was no primary; the server ends it after half
    an hour (https://github.com/mongodb/specifications/blob/master/source/sessions/driver-sessions.md). A primary that
    died has told nobody which sessions had ended, so they are not compared with those of its successor.
    """
    before, first = await _open_on(server)
    yield
    end = time.monotonic() + _CLEANUP.total_seconds()
    while True:
        now, primary = await _open_on(server)
        discarded = attempts.doubtful if primary is first else now.sessions
        left = now.since(replace(before, sessions=before.sessions + discarded))
        if not left:
            return
        assert time.monotonic() < end, f"left behind: {left}"
        gc.collect()


async def _open_on(server: MongoServer) -> tuple[ResourceCounts, Member | None]:
    """Count what is open on the primary, and tell which of several members that is."""
    counts = await count_resources(server.uri)
    if not isinstance(server, EmbeddedMongo) or len(server.members) == 1:
        return counts, None
    # The server's own number of cursors counts those too by which members follow each other.
    cursors: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleCursors": True}},
        {"$match": {"cursor": {"$exists": True}, "ns": {"$ne": "local.oplog.rs"}}},
    ]
    async with MongoClient.connect(server.uri, min_pool_size=0) as client:
        of_clients = len(await client.database("admin").aggregate(cursors))
    return replace(counts, cursors=of_clients), await server.primary()


@pytest.fixture
async def admin(server: MongoServer) -> AsyncIterator[MongoClient]:
    """A client that looks on, and whose commands never fail."""
    async with MongoClient.connect(server.uri, min_pool_size=0, heartbeat_frequency=_HEARTBEAT) as client:
        yield client


@pytest.fixture
def settings(attempts: Attempts) -> ConfigSettings:
    """The configuration of a client that notices a fault soon, under a name of its own."""
    return {
        "app_name": f"faults-{secrets.token_hex(4)}",
        "min_pool_size": 0,
        "heartbeat_frequency": _HEARTBEAT,
        "connect_timeout": timedelta(seconds=1),
        "server_selection_timeout": timedelta(seconds=10),
    }


@pytest.fixture
async def client(server: MongoServer, settings: ConfigSettings, attempts: Attempts) -> AsyncIterator[MongoClient]:
    """The client whose commands fail."""
    async with MongoClient.connect(server.uri, event_listeners=[attempts], **settings) as client:
        yield client


@pytest.fixture
def fail_points(admin: MongoClient, settings: ConfigSettings) -> FailPoints:
    """What makes the commands of the client fail."""
    return FailPoints(admin, str(settings.get("app_name")))


@pytest.fixture
async def stored(database: Database) -> Things:
    """A collection of five documents, as the client that looks on sees it."""
    stored = database.collection("things")
    await stored.insert_many(SEED)
    return stored


@pytest.fixture
async def twin(database: Database) -> Things:
    """Another collection with the same documents, which no fault reaches."""
    twin = database.collection("twins")
    await twin.insert_many(SEED)
    return twin


@pytest.fixture
def things(client: MongoClient, stored: Things) -> Things:
    """The same collection, as the client whose commands fail sees it."""
    return client.collection(stored.namespace.database, stored.name)


@pytest.fixture
def near(things: Things, stored: Things, twin: Things) -> Sides:
    """Both sides of the collection, and another to compare it with."""
    return Sides(things, stored, twin)


@pytest.fixture
async def proxy(admin: MongoClient) -> AsyncIterator[Proxy]:
    """A proxy in front of the primary."""
    status = await admin.health_check()
    assert status.primary is not None
    async with Proxy(status.primary) as proxy:
        yield proxy


@pytest.fixture
async def far_client(proxy: Proxy, settings: ConfigSettings, attempts: Attempts) -> AsyncIterator[MongoClient]:
    """A client that reaches the server through the proxy."""
    async with MongoClient.connect(proxy.uri, event_listeners=[attempts], **settings) as client:
        yield client


@pytest.fixture
def far_things(far_client: MongoClient, stored: Things) -> Things:
    """The same collection, through the proxy."""
    return far_client.collection(stored.namespace.database, stored.name)


@pytest.fixture
def far(far_things: Things, stored: Things, twin: Things) -> Sides:
    """Both sides of the collection, one of them through the proxy, and another to compare it with."""
    return Sides(far_things, stored, twin)
