"""What the survival tests share: replica set, database, and how much is to be survived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from llm_devops_mongodb import MongoClient
from llm_devops_mongodb.testing import EmbeddedMongo
from llm_devops_mongodb.testing.connections import database_name
from tests.survival.job import DELIVERIES, Job

_FIGURES = pytest.StashKey[list[str]]()
_SOAK_SECONDS = 1800
_OPLOG = 512


@dataclass(frozen=True)
class Trial:
    """How much is to be survived.

    Attributes:
        events: How many events there are.
        kills: How often a consumer's process is killed.
        failovers: How often the primary is killed.
        patience: How many seconds it may all take.
    """

    events: int
    kills: int
    failovers: int
    patience: int


SHORT = Trial(events=400, kills=3, failovers=1, patience=50)
LONG = Trial(events=50_000, kills=20, failovers=3, patience=_SOAK_SECONDS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every delivery to one process and to three; in the short form each delivery once."""
    if "delivery" in metafunc.fixturenames:
        cases = [(delivery, processes) for delivery in DELIVERIES for processes in (1, 3)]
        if not metafunc.config.getoption("--soak"):
            cases = [("at_least_once", 1), ("exactly_once", 3)]
        metafunc.parametrize(("delivery", "processes"), cases)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the long form its time."""
    if config.getoption("--soak"):
        for item in items:
            if item.path.parent.name == "survival":
                item.add_marker(pytest.mark.timeout(_SOAK_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell the figures of the long form."""
    if config.getoption("--soak"):
        terminalreporter.section("survival")
        for line in config.stash.setdefault(_FIGURES, []):
            terminalreporter.line(line)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a line for the summary of the long form."""
    lines = request.config.stash.setdefault(_FIGURES, [])
    return lambda line: lines.append(f"{request.node.name}: {line}")


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Trial:
    """How much is to be survived."""
    return LONG if request.config.getoption("--soak") else SHORT


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[EmbeddedMongo]:
    """Three members, whose history outlasts the slowest consumer: the writers do not wait for it."""
    async with EmbeddedMongo(members=3, oplog_size=_OPLOG) as server:
        yield server


@pytest.fixture
async def client(server: EmbeddedMongo) -> AsyncIterator[MongoClient]:
    """The client of the writers and of those who look on."""
    async with MongoClient.connect(
        server.uri,
        min_pool_size=0,
        heartbeat_frequency=timedelta(milliseconds=500),
        connect_timeout=timedelta(seconds=1),
        server_selection_timeout=timedelta(seconds=10),
    ) as client:
        yield client


@pytest.fixture
async def job(client: MongoClient, trial: Trial, request: pytest.FixtureRequest) -> AsyncIterator[Job]:
    """The job, in a database of its own."""
    job = Job(client.database(database_name(request.node.name)), trial.events)
    yield await job.prepared()
    async with asyncio.timeout(60):
        await client.database("admin").run_command({"killAllSessions": []})
        for name in await job.database.list_collection_names():
            await job.database.drop_collection(name)
