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

Everything heavy is imported where it is used: pytest imports this module in every run, whether its fixtures are used
or not, and before coverage is measured.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from llm_devops_mongodb.client import MongoClient
    from llm_devops_mongodb.database import Database
    from llm_devops_mongodb.testing.connections import Connection
    from llm_devops_mongodb.testing.given import MongoServer

_GUARD_HELP = "tell slow queries of the fixtures' client: warn or raise"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name a server and switch the query guard on."""
    group = parser.getgroup("mongodb", "MongoDB (llm-devops-mongodb)")
    group.addoption(
        "--mongodb-uri", metavar="URI", help="use the server at this connection string instead of starting one"
    )
    group.addoption("--mongodb-query-guard", choices=("warn", "raise"), help=_GUARD_HELP)
    parser.addini("mongodb_query_guard", help=_GUARD_HELP, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixtures for the asynchronous plugins that are there."""
    package = "pytest_llm_devops_mongodb"
    if _setting(config, "asyncio_mode") is not None:
        config.pluginmanager.import_plugin(f"{package}.asyncio_fixtures")
    config.pluginmanager.import_plugin(f"{package}.anyio_fixtures")


@pytest.fixture(scope="session")
def mongo_server(request: pytest.FixtureRequest) -> Iterator[MongoServer]:
    """The server of the run: one embedded member, or the server that `--mongodb-uri` names."""
    given = request.config.getoption("--mongodb-uri")
    if given:
        from llm_devops_mongodb.testing.given import GivenServer

        yield GivenServer(given)
        return
    from llm_devops_mongodb.testing.embedded import EmbeddedMongo

    server = EmbeddedMongo()
    _finished(server.start())
    try:
        yield server
    finally:
        _finished(server.stop())


@pytest.fixture
def mongo_client(request: pytest.FixtureRequest) -> MongoClient:
    """A client connected to `mongo_server` on the test's own event loop, closed after the test."""
    return _connection(request).client


@pytest.fixture
def mongo_database(request: pytest.FixtureRequest) -> Database:
    """A database that no other test has, of the same client as `mongo_client`; dropped after the test."""
    return _connection(request).database_for(request.node.name)


def _finished(work: Coroutine[Any, Any, Any]) -> None:
    """Run `work` to its end on an event loop and a thread of its own: the present thread's loop may be in use."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, work).result()


def _connection(request: pytest.FixtureRequest) -> Connection:
    """Return the test's connection, opened on the event loop that the test will run on."""
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
