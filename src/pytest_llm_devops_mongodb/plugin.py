"""The pytest plugin: a server for the run, a client and a database for each test.

Fixtures:
    mongo_server: The server of the run: a real one, started for it, or the one that `--mongodb-uri` names. Has `uri`.
    mongo_client: A `MongoClient` connected to it on the test's own event loop, and closed after the test.
    mongo_database: A `Database` of that client that no other test has, dropped after the test.

The asynchronous test runs under pytest-asyncio, in either mode and with any loop scope, or under anyio's plugin with
asyncio. Under pytest-xdist every worker starts a server of its own; given `--mongodb-uri` they share that one, and
the databases keep them apart.

With `--mongodb-query-guard=warn`, or the setting `mongodb_query_guard = warn` of a configuration file, the client has
the query guard on: collection scans and their like appear among pytest's warnings, each at the test's line, and
`filterwarnings` chooses which fail the run. `raise` makes them errors.

A test marked `mongo_simulation` is recorded once, with `--mongo-simulation=record`, and replayed from then on: the
fixtures and every client that it connects answer from its recording, and no server is started or spoken to.

Everything heavy is imported where it is used: pytest imports this module in every run, whether its fixtures are used
or not, and before coverage is measured.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_llm_devops_mongodb.connecting import database_for
from pytest_llm_devops_mongodb.simulation import marks, settings
from pytest_llm_devops_mongodb.simulation.run import SimulationRun, run_of
from pytest_llm_devops_mongodb.simulation.server import SharedServer
from pytest_llm_devops_mongodb.simulation.simulated_test import finished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_devops_mongodb.client import MongoClient
    from llm_devops_mongodb.database import Database
    from llm_devops_mongodb.testing.connections import Connection
    from llm_devops_mongodb.testing.given import MongoServer
    from pytest_llm_devops_mongodb.simulation.simulated_test import SimulatedTest

_GUARD_HELP = "tell slow queries of the fixtures' client: warn or raise"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name a server and switch the query guard on."""
    group = parser.getgroup("mongodb", "MongoDB (llm-devops-mongodb)")
    group.addoption(
        "--mongodb-uri", metavar="URI", help="use the server at this connection string instead of starting one"
    )
    group.addoption("--mongodb-query-guard", choices=("warn", "raise"), help=_GUARD_HELP)
    parser.addini("mongodb_query_guard", help=_GUARD_HELP, default="")
    settings.add_options(parser, group)


def pytest_configure(config: pytest.Config) -> None:
    """Add simulation, and the fixtures for the asynchronous plugins that are there."""
    config.addinivalue_line("markers", marks.LINE)
    config.pluginmanager.register(SimulationRun(config), SimulationRun.NAME)
    package = "pytest_llm_devops_mongodb"
    if _setting(config, "asyncio_mode") is not None:
        config.pluginmanager.import_plugin(f"{package}.asyncio_fixtures")
    config.pluginmanager.import_plugin(f"{package}.anyio_fixtures")
    config.pluginmanager.import_plugin(f"{package}.simulation.fixtures")


@pytest.fixture(scope="session")
def mongo_server(request: pytest.FixtureRequest) -> Iterator[MongoServer]:
    """The server of the run: one embedded member, or the server that `--mongodb-uri` names.

    In a run with tests marked `mongo_simulation` it is started for the first test that needs it. While a test is
    replayed its `uri` is an address where nobody listens.
    """
    run = run_of(request.config)
    with ExitStack() as resources:
        start = partial(_started, request.config, resources)
        yield SharedServer(run, start) if run.has_marked_tests(request.session) else start()


def _started(config: pytest.Config, resources: ExitStack) -> MongoServer:
    given = config.getoption("--mongodb-uri")
    if given:
        from llm_devops_mongodb.testing.given import GivenServer

        return GivenServer(given)
    from llm_devops_mongodb.testing.embedded import EmbeddedMongo

    server = EmbeddedMongo()
    finished(server.start())
    resources.callback(lambda: finished(server.stop()))
    return server


@pytest.fixture
def mongo_client(request: pytest.FixtureRequest, _mongo_simulation: SimulatedTest | None) -> MongoClient:
    """A client connected to `mongo_server` on the test's own event loop, closed after the test."""
    return _connection(request, _mongo_simulation).client


@pytest.fixture
def mongo_database(request: pytest.FixtureRequest, _mongo_simulation: SimulatedTest | None) -> Database:
    """A database that no other test has, of the same client as `mongo_client`; dropped after the test."""
    return database_for(request, _connection(request, _mongo_simulation), _mongo_simulation)


def _connection(request: pytest.FixtureRequest, simulated: SimulatedTest | None) -> Connection:
    """Return the test's connection, opened on the event loop that the test will run on."""
    if simulated is None or not simulated.is_replayed:
        # Here, outside any loop: a project's own server may be an asynchronous fixture.
        request.getfixturevalue("mongo_server")
    if "anyio_backend" in request.fixturenames:
        if request.getfixturevalue("anyio_backend_name") != "asyncio":
            raise pytest.UsageError("the client runs on asyncio: have the fixture anyio_backend return 'asyncio'")
        name = "_mongo_connection_anyio"
    elif _setting(request.config, "asyncio_mode") is not None:
        name = f"_mongo_connection_{_loop_scope(request)}"
    else:
        raise pytest.UsageError("the fixture needs a plugin that runs asynchronous tests: pytest-asyncio or anyio")
    connection: Connection = request.getfixturevalue(name)
    return connection


def _loop_scope(request: pytest.FixtureRequest) -> str:
    """Return the scope of the event loop that pytest-asyncio runs the test on.

    Source: https://pytest-asyncio.readthedocs.io/en/stable/reference/markers/ and `…/reference/configuration.html`
    """
    marker = request.node.get_closest_marker("asyncio")
    default = "asyncio_default_fixture_loop_scope" if marker is None else "asyncio_default_test_loop_scope"
    named = (marker and marker.kwargs.get("loop_scope")) or _setting(request.config, default)
    return "function" if named in {None, "", "fixture-scope"} else str(named)


def _setting(config: pytest.Config, name: str) -> str | None:
    """Return a setting of the configuration, None where no plugin knows it."""
    try:
        value: str | None = config.getini(name)
    except (KeyError, ValueError):
        return None
    return value
