"""What the failover tests share: replica set, clients, fail points, the faults to endure, and a count of leaks."""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from llm_devops_mongodb import Database, MongoClient
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import EmbeddedMongo
from llm_devops_mongodb.testing.connections import database_name
from llm_devops_mongodb.testing.leaks import count_resources, leaked_since
from tests.failover.accounts import Accounts
from tests.failover.faults import Fault, in_place
from tests.failover.remains import SessionsUsed, cursors_and_transactions
from tests.faults.attempts import Attempts
from tests.faults.fail_points import FailPoints

_CLEANUP_SECONDS = 15
_POLL_SECONDS = 0.1
_SOAK_LENGTH = 10
_SOAK_SECONDS = 900
# So many seconds a secondary waits for a member it copies from and that hangs, before it looks for another. Until then
# no write is acknowledged by a majority of three, whoever is the primary. The defaults, 5 and 2, make that 12 s.
_QUICK_REPLICATION = {"oplogNetworkTimeoutBufferSeconds": 1, "oplogRetriedFindMaxSeconds": 1}
_FIGURES = pytest.StashKey[list[str]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each fault to a test of its own, or many to one in the long form."""
    if "faults" not in metafunc.fixturenames:
        return
    if metafunc.config.getoption("--soak"):
        # The seed is in pytest's first lines, and given by `--randomly-seed` the same faults come again.
        mixed = random.Random(metafunc.config.getoption("randomly_seed")).choices(list(Fault), k=_SOAK_LENGTH)
        patience = pytest.mark.timeout(_SOAK_SECONDS)
        metafunc.parametrize(
            "faults",
            [
                pytest.param([Fault.KILLED] * _SOAK_LENGTH, id="ten kills", marks=patience),
                pytest.param(mixed, id="ten of any kind", marks=patience),
            ],
        )
    else:
        metafunc.parametrize("faults", [[fault] for fault in Fault], ids=list(Fault))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell the figures of the long form."""
    if config.getoption("--soak"):
        terminalreporter.section("failover")
        for line in config.stash.setdefault(_FIGURES, []):
            terminalreporter.line(line)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a line for the summary of the long form."""
    lines = request.config.stash.setdefault(_FIGURES, [])
    return lambda line: lines.append(f"{request.node.name}: {line}")


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[EmbeddedMongo]:
    """Three members, of which two elect a new primary soon and replicate from it soon."""
    async with EmbeddedMongo(members=3, set_parameters=_QUICK_REPLICATION) as server:
        yield server


@pytest.fixture
def attempts() -> Attempts:
    """What the client under test has sent."""
    return Attempts()


@pytest.fixture
def sessions() -> SessionsUsed:
    """The sessions of the client under test."""
    return SessionsUsed()


@pytest.fixture(autouse=True)
async def nothing_left_behind(server: EmbeddedMongo, sessions: SessionsUsed) -> AsyncIterator[None]:
    """Compare what is open before a test and after it, when its clients are closed."""
    await in_place(server)
    before = replace(await count_resources(server.uri), sessions=sys.maxsize, cursors=sys.maxsize)
    yield
    gc.collect()
    async with asyncio.timeout(_CLEANUP_SECONDS):
        while await sessions.open_on(server) or await cursors_and_transactions(server):
            await asyncio.sleep(_POLL_SECONDS)
    left = await leaked_since(before, server.uri, within=timedelta(seconds=_CLEANUP_SECONDS))
    assert not left, f"left behind: {left}"


@pytest.fixture
def settings() -> ConfigSettings:
    """The configuration of a client that notices a fault soon, under a name of its own."""
    return {
        "app_name": f"failover-{secrets.token_hex(4)}",
        "min_pool_size": 0,
        "heartbeat_frequency": timedelta(milliseconds=500),
        "connect_timeout": timedelta(seconds=1),
        "server_selection_timeout": timedelta(seconds=10),
    }


@pytest.fixture
async def client(
    server: EmbeddedMongo, settings: ConfigSettings, attempts: Attempts, sessions: SessionsUsed
) -> AsyncIterator[MongoClient]:
    """The client under test."""
    async with MongoClient.connect(server.uri, event_listeners=[attempts, sessions], **settings) as client:
        yield client


@pytest.fixture
async def admin(server: EmbeddedMongo) -> AsyncIterator[MongoClient]:
    """A client that looks on, and whose commands never fail."""
    async with MongoClient.connect(server.uri, min_pool_size=0) as client:
        yield client


@pytest.fixture
def fail_points(admin: MongoClient, settings: ConfigSettings) -> FailPoints:
    """What makes the commands of the client under test fail."""
    return FailPoints(admin, str(settings.get("app_name")))


@pytest.fixture
async def database(admin: MongoClient, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database that no other test has, as the client that looks on sees it."""
    database = admin.database(database_name(request.node.name))
    yield database
    # What a test left open would hold up the drop for a minute.
    await admin.database("admin").run_command({"killAllSessions": []})
    # Quicker than to drop the database, which is gone with its last collection.
    for name in await database.list_collection_names():
        await database.drop_collection(name)


@pytest.fixture
async def open_transactions(admin: MongoClient) -> Callable[[], Awaitable[int]]:
    """Tells how many transactions are open on the primary."""

    async def count() -> int:
        status = await admin.database("admin").run_command({"serverStatus": 1})
        return int(status["transactions"]["currentOpen"])

    return count


@pytest.fixture
async def accounts(client: MongoClient, database: Database) -> Accounts:
    """Two accounts, of which one has money."""
    accounts = Accounts(client, database)
    await accounts.open()
    return accounts
