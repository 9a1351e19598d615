"""The connection behind the fixtures: to the server of the run, or for a marked test to its recording."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from pytest_llm_devops_mongodb.guard_setting import query_guard_of
from pytest_llm_devops_mongodb.simulation.paths import database_name
from pytest_llm_devops_mongodb.simulation.run import run_of
from pytest_llm_devops_mongodb.simulation.server import NO_SERVER, SharedServer
from pytest_llm_devops_mongodb.simulation.simulated_test import finished

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    import pytest

    from llm_devops_mongodb.database import Database
    from llm_devops_mongodb.testing.connections import Connection
    from llm_devops_mongodb.testing.given import MongoServer
    from pytest_llm_devops_mongodb.simulation.simulated_test import SimulatedTest

_LIMIT = timedelta(seconds=10)


@asynccontextmanager
async def connection_for(request: pytest.FixtureRequest, simulated: SimulatedTest | None) -> AsyncGenerator[Connection]:
    """Connect, and when the test is over close and drop the databases that were handed out."""
    from llm_devops_mongodb.testing.connections import Connection, connection_to
    from llm_devops_mongodb.testing.given import GivenServer

    guard = query_guard_of(request.config)
    if simulated is None:
        async with connection_to(_server(request), query_guard=guard) as opened:
            yield opened
        return
    uri = NO_SERVER if simulated.is_replayed else _server(request).uri
    databases: list[str] = []
    try:
        # Handed out apart from what was opened: dropping them is no part of the recording.
        async with connection_to(GivenServer(uri), query_guard=guard) as opened:
            yield Connection(opened.client, databases)
    finally:
        if databases and not simulated.is_replayed:
            with simulated.aside():
                finished(_drop(_server(request), databases, is_over=True))


def database_for(request: pytest.FixtureRequest, connection: Connection, simulated: SimulatedTest | None) -> Database:
    """Return the test's own database; that of a marked test is empty and has the same name at every run."""
    if simulated is None:
        return connection.database_for(request.node.name)
    name = database_name(simulated.path, run_of(request.config).folder_of(request.node))
    if not simulated.is_replayed:
        # A run that was killed may have left it.
        with simulated.aside():
            finished(_drop(_server(request), [name], is_over=False))
    connection.databases.append(name)
    return connection.client.database(name)


def _server(request: pytest.FixtureRequest) -> MongoServer:
    """Return the server of the run itself."""
    server: MongoServer = request.getfixturevalue("mongo_server")
    return server.real if isinstance(server, SharedServer) else server


async def _drop(server: MongoServer, databases: Iterable[str], *, is_over: bool) -> None:
    from llm_devops_mongodb.testing.administration import run_command
    from llm_devops_mongodb.testing.given import GivenServer

    if is_over and not isinstance(server, GivenServer):
        # As after other tests: a transaction left open would hold up the drop, and others' must not be ended.
        await run_command(server.uri, {"killAllSessions": []}, within=_LIMIT)
    for name in databases:
        await run_command(server.uri, {"dropDatabase": 1}, database=name, within=_LIMIT)
