from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from llm_devops_mongodb.testing.connections import database_name

ROOT = Path(__file__).parents[2]
PLUGIN = "pytest_llm_devops_mongodb.plugin"
ASYNCIO = ["-p", "pytest_asyncio.plugin"]
ANYIO = ["-p", "anyio.pytest_plugin"]
# pytest-asyncio warns where a project says nothing about the loops of its fixtures; these projects say nothing.
WARNINGS = ["-W", "error", "-W", "ignore:The configuration option:pytest.PytestDeprecationWarning"]
ARGUMENTS = ["-p", PLUGIN, *WARNINGS, "-p", "no:cacheprovider", "-q"]

ROUND_TRIP = """
async def round_trip(database):
    await database.run_command({"insert": "things", "documents": [{"_id": 1}]})
    return (await database.run_command({"count": "things"}))["n"]
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Leave out the other plugins that are installed: they are many, and take longer than the run itself."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"), prepend=os.pathsep)


@pytest.fixture
def run(pytester, mongo_server):
    """Run pytest on a file, with the server of this run; give the outcome."""

    def run(source, *arguments, uri=mongo_server.uri):
        pytester.makepyfile(ROUND_TRIP + source)
        named = ["--mongodb-uri", uri] if uri else []
        return pytester.runpytest_subprocess(*ARGUMENTS, *named, *arguments)

    return run


async def databases(client):
    reply = await client.database("admin").run_command({"listDatabases": 1, "nameOnly": True})
    return {entry["name"] for entry in reply["databases"]}


PLAIN = """
import pytest

seen = []

@pytest.mark.asyncio
@pytest.mark.parametrize("length", [1, 200])
async def test_writes_PLAIN(mongo_client, mongo_database, length):
    assert await round_trip(mongo_database) == 1
    assert mongo_database.name in await names(mongo_client)
    assert len(mongo_database.name.encode()) <= 63
    seen.append(mongo_database.name)

@pytest.mark.asyncio
async def test_each_test_has_a_database_of_its_own_and_it_is_dropped(mongo_client):
    assert len(set(seen)) == 2
    assert not set(seen) & await names(mongo_client)

async def names(client):
    reply = await client.database("admin").run_command({"listDatabases": 1, "nameOnly": True})
    return {entry["name"] for entry in reply["databases"]}
"""


async def test_this_run_has_the_fixtures_too(mongo_client, mongo_database):
    await mongo_database.run_command({"insert": "things", "documents": [{}]})

    assert mongo_database.name in await databases(mongo_client)


def test_a_database_is_a_tests_own_and_dropped_after_it(run):
    run(PLAIN, *ASYNCIO, "-o", "asyncio_mode=strict").assert_outcomes(passed=3)


async def test_a_server_may_be_used_by_two_runs_at_once(pytester, mongo_server, mongo_client):
    before = await databases(mongo_client)
    pytester.makepyfile(ROUND_TRIP + PLAIN)
    command = [sys.executable, "-m", "pytest", *ARGUMENTS, *ASYNCIO, "--mongodb-uri", mongo_server.uri]

    runs = await asyncio.gather(*(asyncio.to_thread(subprocess.run, command, capture_output=True) for _ in range(2)))

    assert [run.returncode for run in runs] == [0, 0], [run.stdout for run in runs]
    assert await databases(mongo_client) == before


SCOPES = """
import pytest

@pytest.fixture
def database(mongo_database):
    return mongo_database

@pytest.mark.parametrize("number", [1, 2])
class TestScopes:
    @pytest.mark.asyncio(loop_scope="function")
    async def test_function(self, database, number):
        assert await round_trip(database) == 1

    @pytest.mark.asyncio(loop_scope="class")
    async def test_class(self, database, number):
        assert await round_trip(database) == 1

    @pytest.mark.asyncio(loop_scope="module")
    async def test_module(self, database, number):
        assert await round_trip(database) == 1

    @pytest.mark.asyncio(loop_scope="package")
    async def test_package(self, database, number):
        assert await round_trip(database) == 1

    @pytest.mark.asyncio(loop_scope="session")
    async def test_session(self, database, number):
        assert await round_trip(database) == 1

    async def test_default(self, database, number):
        assert await round_trip(database) == 1
"""


@pytest.mark.parametrize("default", ["function", "session"])
def test_the_client_is_on_the_tests_event_loop_whatever_its_scope(run, default):
    options = [*ASYNCIO, "-o", "asyncio_mode=auto", "-o", f"asyncio_default_test_loop_scope={default}"]

    run(SCOPES, *options).assert_outcomes(passed=12)


FIXTURES = """
import pytest

@pytest.fixture
async def things(mongo_database):
    await mongo_database.run_command({"insert": "things", "documents": [{"_id": 1}]})
    yield mongo_database
    await mongo_database.run_command({"drop": "things"})

async def test_uses_it(things):
    assert (await things.run_command({"count": "things"}))["n"] == 1

def test_without_a_loop_of_its_own(things):
    assert things.name
"""


def test_asynchronous_fixtures_may_use_the_database(run):
    run(FIXTURES, *ASYNCIO, "-o", "asyncio_mode=auto", "-W", "ignore::pytest.PytestWarning").assert_outcomes(passed=2)


UNDER_ANYIO = """
import pytest

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def things(mongo_database):
    await mongo_database.run_command({"insert": "things", "documents": [{"_id": 2}]})
    yield mongo_database

async def test_under_anyio(things):
    assert await round_trip(things) == 2

async def test_again(mongo_client):
    assert await mongo_client.database("admin").run_command({"ping": 1})
"""


@pytest.mark.parametrize("arguments", [ANYIO, [*ANYIO, *ASYNCIO]])
def test_it_works_under_anyio_with_and_without_pytest_asyncio(run, arguments):
    run(UNDER_ANYIO, *arguments).assert_outcomes(passed=2)


def test_another_backend_than_asyncio_is_refused(run):
    backend = '@pytest.fixture\ndef anyio_backend_name():\n    return "trio"\n'

    result = run(UNDER_ANYIO + backend, *ANYIO)

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*the client runs on asyncio*"])


def test_without_an_asynchronous_plugin_the_need_is_told(run):
    result = run("def test_it(mongo_client): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*needs a plugin that runs asynchronous tests*"])


CLOSED = """
async def test_that_closes_the_client(mongo_client, mongo_database):
    await round_trip(mongo_database)
    await mongo_client.close()

async def test_that_fails(mongo_database):
    await round_trip(mongo_database)
    raise ValueError
"""


async def test_the_database_is_dropped_though_the_test_closed_the_client_or_failed(run, mongo_client):
    before = await databases(mongo_client)

    run(CLOSED, *ASYNCIO, "-o", "asyncio_mode=auto").assert_outcomes(passed=1, failed=1)

    assert await databases(mongo_client) == before


OWN_SERVER = """
import pathlib

async def test_that_leaves_a_transaction_open(mongo_client, mongo_database):
    things = mongo_client.driver[mongo_database.name]["things"]
    await things.insert_one({"_id": 1})
    session = mongo_client.driver.start_session()
    await session.start_transaction()
    await things.insert_one({"_id": 2}, session=session)

async def test_one(mongo_server, mongo_database):
    assert await round_trip(mongo_database) == 1
    [member] = mongo_server.members
    pathlib.Path("seen").write_text(f"{member.pid} {member.log.path}")

async def test_two(mongo_server):
    assert pathlib.Path("seen").read_text().startswith(f"{mongo_server.members[0].pid} ")
"""


def test_without_an_address_one_server_is_started_for_the_run_and_stopped_after_it(run, pytester):
    result = run(OWN_SERVER, *ASYNCIO, "-o", "asyncio_mode=auto", uri=None)

    result.assert_outcomes(passed=3)
    assert result.duration < 30, "the server waited for the transaction that a test left open"

    pid, log = (pytester.path / "seen").read_text().split()
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(log).exists()


def test_a_given_address_is_not_shown(run):
    result = run("def test_it(mongo_server): assert mongo_server is None", uri="mongodb://ada:hidden@127.0.0.1:1/")

    result.assert_outcomes(failed=1)
    assert "hidden" not in result.stdout.str()


GUARDED = """
async def test_it(mongo_database):
    things = mongo_database.collection("things")
    await things.insert_one({"n": 1})
    assert await things.find_one({"n": 1})
"""
ON = ["-W", "default::llm_devops_mongodb.errors.QueryGuardWarning", "-o", "asyncio_mode=auto"]


def test_the_query_guard_is_off_unless_it_is_asked_for(run):
    run(GUARDED, *ASYNCIO, *ON).assert_outcomes(passed=1, warnings=0)


@pytest.mark.parametrize("how", [["--mongodb-query-guard", "warn"], ["-o", "mongodb_query_guard=warn"]])
def test_the_query_guard_warns_at_the_tests_line(run, how):
    result = run(GUARDED, *ASYNCIO, *ON, *how)

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*.py:8: QueryGuardWarning: *.py:8: find_one on test_it_*.things reads the whole *"])


def test_the_query_guard_may_raise(run):
    result = run(GUARDED, *ASYNCIO, *ON, "--mongodb-query-guard=raise")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*QueryGuardError: *find_one on test_it_*"])


def test_the_plugin_is_declared_for_pytest():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    declared = project["entry-points"]["pytest11"]["llm_devops_mongodb"]

    assert declared == PLUGIN
    assert import_module(declared).mongo_client


@pytest.mark.parametrize(
    ("test_name", "start"),
    [
        ("test_it", "test_it_"),
        ("test_Upper[a/b c.d$e]", "test_upper_a_b_c_d_e_"),
        ("test_" + "long" * 50, "test_longlong"),
        ("тест", "_"),
    ],
)
def test_a_databases_name_comes_from_the_tests_and_is_one_the_server_takes(test_name, start):
    name = database_name(test_name)

    assert name.startswith(start)
    assert name == name.lower()
    assert len(name.encode()) <= 63
    assert not set(name) & set('/\\. "$\0')
    assert name != database_name(test_name)
