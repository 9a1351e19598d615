from __future__ import annotations

import asyncio
import os
import signal
import textwrap
from pathlib import Path

import pytest

from llm_devops_mongodb import MongoClient

ROOT = Path(__file__).parents[2]
ASYNCIO = ["-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=auto"]
ANYIO = ["-p", "anyio.pytest_plugin"]
# pytest-asyncio warns where a project says nothing about the loops of its fixtures; these projects say nothing.
WARNINGS = ["-W", "error", "-W", "ignore:The configuration option:pytest.PytestDeprecationWarning"]
ARGUMENTS = ["-p", "pytest_llm_devops_mongodb.plugin", *WARNINGS]

# In the same process, where the plugin is loaded already.
HERE = ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]

# Loaded before everything else in processes of their own that replay: nothing is spoken to, no program is started.
ALONE = """
import sys

FORBIDDEN = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.posix_spawn"}

def refuse(event, arguments):
    if event in FORBIDDEN:
        raise RuntimeError(f"{event} while a test is replayed")

sys.addaudithook(refuse)
"""

WORK = """
import asyncio
import os
import pytest
from llm_devops_mongodb import MongoClient

async def add(database, number=1):
    await database.run_command({"insert": "things", "documents": [{"_id": number}]})

async def count(database):
    return (await database.run_command({"count": "things"}))["n"]

async def round_trip(database):
    await add(database)
    return await count(database)

simulated = pytest.mark.mongo_simulation
"""


@pytest.fixture(autouse=True)
def environment(pytester, monkeypatch):
    """Leave out the other plugins that are installed, and what this run tells its own."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{pytester.path / 'alone'}", prepend=os.pathsep)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    (pytester.path / "alone").mkdir()
    (pytester.path / "alone" / "alone_in_the_world.py").write_text(ALONE)


@pytest.fixture
def write(pytester):
    """Write a test file."""

    def write(source, name="test_things"):
        pytester.makepyfile(**{name: WORK + textwrap.dedent(source)})

    return write


@pytest.fixture
def replay(pytester):
    """Run pytest without a server."""

    def replay(*arguments, plugins=ASYNCIO):
        return pytester.runpytest_inprocess(*ARGUMENTS, *HERE, *plugins, *arguments)

    return replay


@pytest.fixture
def replay_alone(pytester):
    """Run pytest in a process that can speak to nobody."""

    def replay(*arguments, plugins=ASYNCIO):
        return pytester.runpytest_subprocess("-p", "alone_in_the_world", *ARGUMENTS, *plugins, *arguments)

    return replay


@pytest.fixture
def with_server(pytester, mongo_server):
    """Run pytest with the server of this run."""

    def run(mode, *arguments, plugins=ASYNCIO, run=pytester.runpytest_inprocess):
        given = ["--mongodb-uri", mongo_server.uri, f"--mongo-simulation={mode}"]
        return run(*ARGUMENTS, *HERE, *plugins, *given, *arguments)

    return run


@pytest.fixture
def recordings(pytester):
    """Tell the recordings that are there, with what they hold."""

    def recordings(folder="recordings"):
        below = pytester.path / folder
        return {str(path.relative_to(below)): path.read_bytes() for path in below.rglob("[!.]*") if path.is_file()}

    return recordings


EVERY_WAY = """
pytestmark = simulated

async def test_asynchronous(mongo_client, mongo_database):
    assert await round_trip(mongo_database) == 1
    assert await count(mongo_client.database(mongo_database.name)) == 1

def test_deep_in_synchronous_code(mongo_server):
    async def work():
        for number in range(2):
            async with MongoClient.connect(mongo_server.uri) as client:
                await add(client.database("deep"), number)
                assert await count(client.database("deep")) == number + 1
                await client.database("deep").run_command({"ping": number})
                if number:
                    await client.database("deep").run_command({"dropDatabase": 1})
    asyncio.run(work())

@pytest.fixture
async def things(mongo_database):
    await add(mongo_database, 1)
    yield mongo_database
    await mongo_database.run_command({"drop": "things"})

@pytest.mark.parametrize("number", [2, 3])
class TestScopes:
    @pytest.mark.asyncio(loop_scope="function")
    async def test_function(self, things, number):
        await add(things, number)
        assert await count(things) == 2

    @pytest.mark.asyncio(loop_scope="class")
    async def test_class(self, mongo_database, number):
        await add(mongo_database, number)
        assert await count(mongo_database) == 1

    @pytest.mark.asyncio(loop_scope="session")
    async def test_session(self, mongo_database, number):
        await add(mongo_database, number)
        assert await count(mongo_database) == 1
"""


def test_what_was_recorded_is_replayed_with_no_server_to_speak_to(write, with_server, replay_alone, recordings):
    write(EVERY_WAY)
    with_server("record").assert_outcomes(passed=8)

    result = replay_alone()

    result.assert_outcomes(passed=8)
    result.stdout.no_fnmatch_line("*MongoDB simulation*")
    assert set(recordings()) == {
        "test_things/test_asynchronous.jsonl",
        "test_things/test_deep_in_synchronous_code.jsonl",
        *(
            f"test_things/TestScopes/test_{scope}-{number}.jsonl"
            for scope in ("function", "class", "session")
            for number in (2, 3)
        ),
    }


def test_in_the_strict_mode_of_pytest_asyncio(write, with_server, replay):
    plugins = ["-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=strict"]
    write("""
        @simulated
        @pytest.mark.asyncio
        async def test_it(mongo_database):
            assert await round_trip(mongo_database) == 1
    """)
    with_server("record", plugins=plugins).assert_outcomes(passed=1)

    replay(plugins=plugins).assert_outcomes(passed=1)


def test_under_anyio(write, with_server, replay):
    write("""
        pytestmark = [simulated, pytest.mark.anyio]

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def test_it(mongo_database):
            assert await round_trip(mongo_database) == 1
    """)
    with_server("record", plugins=ANYIO).assert_outcomes(passed=1)

    replay(plugins=ANYIO).assert_outcomes(passed=1)


MARKED = """
@simulated
async def test_it(mongo_database):
    assert await round_trip(mongo_database) == 1
"""


def test_without_a_recording_a_test_fails_and_says_how_to_record_it(write, replay_alone, mongo_server, recordings):
    write(MARKED)

    result = replay_alone("--mongodb-uri", mongo_server.uri)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "no recording of this test: *recordings/test_things/test_it.jsonl is not there",
            "*: pytest --mongo-simulation=record test_things.py::test_it",
        ]
    )
    assert recordings() == {}


def test_a_skipped_test_needs_no_recording(write, replay):
    write("@simulated\n@pytest.mark.skip\ndef test_it(): pass")

    replay().assert_outcomes(skipped=1)


def test_an_operation_that_was_not_recorded_is_not_asked_of_a_server(write, with_server, replay):
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    write(MARKED + "    await add(mongo_database, 2)\n")

    result = replay()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*SimulationMismatchError*"])


def test_record_leaves_alone_what_is_recorded(write, with_server, recordings):
    write(MARKED)
    with_server("record").stdout.fnmatch_lines(["recorded: 1"])
    before = recordings()
    write(MARKED + "@simulated\ndef test_new(): pass\n")

    result = with_server("record")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["recorded: 1"])
    after = recordings()
    assert after.keys() - before.keys() == {"test_things/test_new.jsonl"}
    assert before.items() <= after.items()


def test_rewrite_records_all_anew(write, with_server, recordings, replay):
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    before = recordings()
    write(MARKED + "    await add(mongo_database, 2)\n")

    with_server("rewrite").assert_outcomes(passed=1)

    after = recordings()
    assert after.keys() == before.keys()
    assert after != before
    replay().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "failure",
    [
        "    raise ValueError\n",
        "    pytest.skip()\n",
        "@pytest.fixture(autouse=True)\ndef failing(mongo_database):\n    yield\n    raise ValueError\n",
    ],
    ids=["failed", "skipped", "failed-at-its-end"],
)
def test_the_old_recording_is_kept_where_the_test_does_not_pass(write, with_server, recordings, failure):
    write(MARKED + failure)
    with_server("record")
    assert recordings() == {}, "a test that did not pass was recorded"
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    before = recordings()
    write(MARKED + failure)

    with_server("rewrite")

    assert recordings() == before


def test_a_test_that_fails_as_expected_is_recorded(write, with_server, replay):
    write("@pytest.mark.xfail(strict=True)" + MARKED + "    assert await count(mongo_database) == 2\n")
    with_server("record").assert_outcomes(xfailed=1)

    replay().assert_outcomes(xfailed=1)


def test_live_neither_records_nor_replays(write, with_server, recordings):
    write(MARKED)

    result = with_server("live")

    result.assert_outcomes(passed=1)
    assert recordings() == {}


def test_a_project_may_choose_the_mode(write, pytester, replay, recordings, mongo_server):
    pytester.makeini("[pytest]\nmongo_simulation = record\nmongo_simulation_folder = data/tapes\n")
    write(MARKED)

    result = replay("--mongodb-uri", mongo_server.uri)

    result.assert_outcomes(passed=1)
    assert set(recordings("data/tapes")) == {"test_things/test_it.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--mongo-simulation=recrod"], "--mongo-simulation: 'recrod' is none of *; did you mean 'record'?"),
        (["-o", "mongo_simulation=replya"], "mongo_simulation: 'replya' is none of *; did you mean 'replay'?"),
        (["-o", "mongo_simulation_max_age=90"], "mongo_simulation_max_age: '90' is no age; write 90d*"),
        (["-o", "mongo_simulation_max_age_action=fial"], "*_action: 'fial' is none of *; did you mean 'fail'?"),
        (["-o", "mongo_simulation_folder=../elsewhere"], "mongo_simulation_folder: must be a folder under *"),
    ],
)
def test_a_wrong_setting_is_refused(replay, arguments, told):
    result = replay(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {told}"])


def test_a_wrong_argument_of_the_marker_is_refused(write, replay):
    write("""
        @pytest.mark.mongo_simulation(ignore_field=["at"])
        def test_unknown(): pass

        @pytest.mark.mongo_simulation("one", "two")
        def test_too_many(): pass

        @pytest.mark.mongo_simulation(name=3)
        def test_no_name(): pass
    """)

    result = replay("-p", "no:randomly")

    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(
        [
            "mongo_simulation has no argument 'ignore_field'; did you mean 'ignore_fields'?; it knows *",
            "mongo_simulation: too many positional arguments",
            "mongo_simulation: name must be text that is not empty",
        ]
    )


def test_recordings_have_safe_names_that_tell_tests_apart(write, with_server, recordings, replay):
    write("""
        @simulated
        @pytest.mark.parametrize("text", ["plain", "a/b", "a b", "../up", "long" * 50, "ünï"])
        def test_it(text): pass

        @simulated(name="other")
        def test_named(): pass

        @simulated
        class TestOuter:
            class TestInner:
                @pytest.mark.mongo_simulation(name="other", strict=True)
                def test_nested(self): pass
    """)
    with_server("record").assert_outcomes(passed=8)

    names = set(recordings())

    assert {
        "test_things/test_it-plain.jsonl",
        "test_things/other.jsonl",
        "test_things/TestOuter/TestInner/other.jsonl",
    } < names
    assert len(names) == 8
    assert all(len(name) < 120 and name.isascii() and not set(name) & set(' \\:*?"<>|[]') for name in names)
    replay().assert_outcomes(passed=8)


def test_two_tests_cannot_have_one_recording(write, with_server):
    write("""
        @simulated(name="one")
        class TestIt:
            def test_a(self): pass
            def test_b(self): pass
    """)

    result = with_server("record")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*/TestIt/one.jsonl would be the recording of this test and of *::test_b"])


TWO = """
@simulated
class TestA:
    def test_one(self): pass

@simulated
def test_two(): pass
"""
ORPHANS = ["recordings that no test uses: 2", "*recordings/test_gone/test_three.jsonl", "*test_things/test_old.jsonl"]


@pytest.fixture
def orphans(write, with_server, pytester):
    """Leave recordings of a test and of a file that are gone, and what is somebody's own."""
    write(TWO)
    with_server("record").assert_outcomes(passed=2)
    recording = pytester.path / "recordings/test_things/test_two.jsonl"
    for name in ("test_things/test_old", "test_gone/test_three", "own/data"):
        path = pytester.path / "recordings" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(recording.read_bytes())


@pytest.mark.parametrize("selection", [[], ["-k", "two"], ["-m", "nothing"], ["test_things.py", "--doctest-modules"]])
def test_recordings_that_no_test_uses_are_told(orphans, replay, selection):
    result = replay(*selection)

    assert result.ret in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    result.stdout.fnmatch_lines(ORPHANS)
    result.stdout.no_fnmatch_line("*own/data*")
    result.stdout.no_fnmatch_line("*TestA/test_one.jsonl*")


@pytest.mark.parametrize("how", [["--mongo-simulation-strict"], ["-o", "mongo_simulation_strict=true"]])
def test_a_strict_run_fails_for_them(orphans, replay, how):
    result = replay(*how)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(ORPHANS)


def test_where_a_part_of_a_file_is_asked_for_nothing_is_called_unused(orphans, replay):
    for part in ("test_things.py::test_two", "test_things.py::TestA::test_one"):
        result = replay(part, "--mongo-simulation-strict")

        assert result.ret == pytest.ExitCode.OK
        result.stdout.no_fnmatch_line("*MongoDB simulation*")


def test_where_last_failures_are_run_again_nothing_is_wrongly_called_unused(write, with_server, replay):
    # pytest takes the passed tests out of a file while it is collected where a function of it, not of a class, failed.
    source = TWO + "@simulated\ndef test_three(): pass\n"
    write(source)
    with_server("record").assert_outcomes(passed=3)
    write(source.replace("test_two(): pass", "test_two(): raise ValueError"))
    replay().assert_outcomes(passed=2, failed=1)

    result = replay("--lf", "--mongo-simulation-strict")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*run-last-failure: rerun previous 1 failure*"])
    result.stdout.no_fnmatch_line("*no test uses*")


UNUSED = [
    "tests that did not ask for all that is recorded: 1",
    "  test_things.py::test_it: 1 of 2: *(line *",
]


def test_operations_that_are_not_asked_for_are_told(write, with_server, replay):
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    write(MARKED.replace("await round_trip(mongo_database) == 1", "await count(mongo_database) == 1"))

    result = replay()
    strict = replay("--mongo-simulation-strict")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(UNUSED)
    assert (result.ret, strict.ret) == (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    strict.stdout.fnmatch_lines(UNUSED)


def test_a_strict_test_fails_for_them(write, with_server, replay):
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    write(
        MARKED.replace("await round_trip(mongo_database) == 1", "True").replace("simulated", "simulated(strict=True)")
    )

    replay().assert_outcomes(passed=1, errors=1)


def test_a_test_that_failed_is_not_said_to_have_asked_for_too_little(write, with_server, replay):
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    write(MARKED.replace("await round_trip(mongo_database) == 1", "False"))

    result = replay()

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*MongoDB simulation*")


CLOCK = """
from datetime import UTC, datetime, timedelta
import pytest

@pytest.fixture(scope="session")
def mongo_simulation_clock():
    return lambda: datetime.now(UTC) + timedelta(days=91)
"""


@pytest.fixture
def old(write, with_server, pytester):
    """Record a test, and let 91 days pass."""
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    pytester.makeconftest(CLOCK)


def test_an_old_recording_is_warned_of(old, replay):
    category = "default::pytest_llm_devops_mongodb.OldRecordingWarning"

    result = replay("-W", category, "-o", "mongo_simulation_max_age=90d")

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*test_things.py:*: OldRecordingWarning: test_it.jsonl was recorded on 20*, longer ago than *"]
    )


def test_an_old_recording_may_fail_its_test(old, replay):
    result = replay("-o", "mongo_simulation_max_age=1w5d", "-o", "mongo_simulation_max_age_action=fail")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.jsonl was recorded on 20*, longer ago than mongo_simulation_max_age",
            "*--mongo-simulation=rewrite test_things.py::test_it",
        ]
    )


@pytest.mark.parametrize("arguments", [[], ["-o", "mongo_simulation_max_age=92d"]])
def test_a_younger_recording_is_not(old, replay, arguments):
    replay(*arguments).assert_outcomes(passed=1, warnings=0)


def test_under_xdist_the_controller_tells_all(orphans, write, with_server, pytester):
    write(MARKED, "test_more")
    distributed = ["-p", "xdist.plugin", "-n", "2", "--dist"]
    result = with_server("record", *distributed, "load", run=pytester.runpytest_subprocess)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["recorded: 1", *ORPHANS])
    write(MARKED.replace("await round_trip(mongo_database) == 1", "await count(mongo_database) == 1"), "test_more")

    arguments = [*ARGUMENTS, *ASYNCIO, *distributed, "loadfile", "--mongo-simulation-strict"]
    result = pytester.runpytest_subprocess(*arguments)

    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([*ORPHANS, UNUSED[0], UNUSED[1].replace("things", "more")])


SHUFFLED = ["-p", "pytest_randomly"]


def test_the_order_of_tests_does_not_matter(write, with_server, replay):
    write(EVERY_WAY)
    with_server("record", *SHUFFLED, "--randomly-seed=1").assert_outcomes(passed=8)

    replay(*SHUFFLED, "--randomly-seed=2", "--mongo-simulation-strict").assert_outcomes(passed=8)


AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(2):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""


def test_a_test_that_is_run_again_is_recorded_and_replayed_again(write, with_server, replay, pytester):
    pytester.makeconftest(AGAIN)
    write("attempts = []\n" + MARKED + "    attempts.append(1)\n    assert len(attempts) == 2\n")
    with_server("record").assert_outcomes(passed=1)

    replay("--mongo-simulation-strict").assert_outcomes(passed=1)


def test_a_recording_whose_test_was_killed_is_not_taken_for_a_finished_one(
    write, with_server, replay, recordings, pytester
):
    killed = MARKED + f"    os.kill(os.getpid(), {signal.SIGKILL})\n"
    write(killed)
    with_server("record", run=pytester.runpytest_subprocess)
    begun = recordings()
    assert set(begun) == {"test_things/test_it.jsonl.new"}

    result = replay()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no recording of this test: *; test_it.jsonl.new beside it was never finished"])
    result.stdout.fnmatch_lines(["recordings that no test uses: 1", "*test_it.jsonl.new"])

    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    finished = recordings()
    assert set(finished) == {"test_things/test_it.jsonl"}
    write(killed)
    with_server("rewrite", run=pytester.runpytest_subprocess)
    assert finished.items() < recordings().items()


def test_an_unfinished_recording_in_the_place_of_one_is_refused_and_recorded_anew(write, with_server, replay, pytester):
    write(MARKED + f"    os.kill(os.getpid(), {signal.SIGKILL})\n")
    with_server("record", run=pytester.runpytest_subprocess)
    folder = pytester.path / "recordings/test_things"
    (folder / "test_it.jsonl.new").rename(folder / "test_it.jsonl")
    write(MARKED)

    refused = replay()
    refused.assert_outcomes(errors=1)
    refused.stdout.fnmatch_lines(["*test_it.jsonl was never finished: *", "*--mongo-simulation=rewrite *::test_it"])

    with_server("record").assert_outcomes(passed=1)
    replay().assert_outcomes(passed=1)


def test_a_damaged_recording_is_told(write, with_server, replay, pytester):
    write(MARKED)
    with_server("record").assert_outcomes(passed=1)
    path = pytester.path / "recordings/test_things/test_it.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    result = replay()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["this test cannot be replayed: *test_it.jsonl*", "*--mongo-simulation=rewrite *"])


MIXED = """
@simulated(strict=True)
async def test_marked(mongo_server, mongo_database):
    assert await round_trip(mongo_database) == 1
    if os.environ.get("REPLAYED"):
        assert ".invalid" in mongo_server.uri
        with pytest.raises(AttributeError, match="no server while a test is replayed"):
            mongo_server.members

async def test_live(mongo_server, mongo_database):
    assert await round_trip(mongo_database) == 1
    assert ".invalid" not in mongo_server.uri
    assert len(mongo_server.members) == 1

@simulated(strict=True)
async def test_marked_too(mongo_database):
    assert await round_trip(mongo_database) == 1
"""


def test_marked_and_other_tests_share_a_run_and_its_own_server(write, replay, replay_alone, monkeypatch):
    write(MIXED)
    replay("--mongo-simulation=record").assert_outcomes(passed=3)
    monkeypatch.setenv("REPLAYED", "1")

    replay().assert_outcomes(passed=3)

    replay_alone("-k", "marked").assert_outcomes(passed=2, deselected=1)


def test_the_database_of_a_recorded_test_is_empty_at_first_and_dropped_at_last(write, with_server, mongo_server):
    write("""
        pytestmark = simulated

        async def test_that_leaves_something(mongo_database):
            assert await round_trip(mongo_database) == 1

        async def test_that_fails(mongo_database):
            assert await round_trip(mongo_database) == 2

        async def test_that_closes_its_client(mongo_client, mongo_database):
            assert await round_trip(mongo_database) == 1
            await mongo_client.close()
    """)

    for _ in range(2):
        with_server("rewrite").assert_outcomes(passed=2, failed=1)

    assert not [name for name in asyncio.run(databases(mongo_server.uri)) if name.startswith("test_that_")]


async def databases(uri):
    async with MongoClient.connect(uri) as client:
        return [database["name"] for database in await client.list_databases()]


def test_what_the_marker_says_of_matching_holds_for_the_replay(write, with_server, replay):
    source = """
        @pytest.mark.mongo_simulation(ignore_fields=["of"], latency=timedelta(milliseconds=300), strict=True)
        class TestIt:
            @simulated("named", matchers={"any": lambda recorded, asked: True})
            async def test_it(self, mongo_database):
                started = time.monotonic()
                await mongo_database.collection("things").insert_one({"of": os.getpid(), "n": NUMBER})
                assert time.monotonic() - started > 0.3 * (NUMBER - 1)
    """
    write("import time\nfrom datetime import timedelta\nNUMBER = 1\n" + textwrap.dedent(source))
    with_server("record").assert_outcomes(passed=1)
    write("import time\nfrom datetime import timedelta\nNUMBER = 2\n" + textwrap.dedent(source))

    replay().assert_outcomes(passed=1)


def test_a_strict_test_may_use_several_clients(write, with_server, replay):
    write("""
        @simulated(strict=True)
        async def test_it(mongo_server, mongo_database):
            for number in range(2):
                async with MongoClient.connect(mongo_server.uri) as client:
                    await add(client.database(mongo_database.name), number)
            assert await count(mongo_database) == 2
    """)
    with_server("record").assert_outcomes(passed=1)

    replay().assert_outcomes(passed=1)


def test_a_run_without_marked_tests_does_not_load_the_library(pytester, replay_alone):
    pytester.makepyfile("import sys\ndef test_it(): assert 'llm_devops_mongodb' not in sys.modules")

    replay_alone("-o", "mongo_simulation_max_age=90d", "--mongo-simulation=record").assert_outcomes(passed=1)


def test_a_client_that_tests_share_never_speaks_to_a_server_while_a_test_is_replayed(write, with_server, replay_alone):
    write("""
        @pytest.fixture(scope="session")
        def uri(mongo_server):
            return mongo_server.uri

        @pytest.fixture(scope="module")
        def client(uri):
            return asyncio.run(connected(uri))

        async def connected(uri):
            client = await MongoClient.connect(uri)
            await client.database("admin").run_command({"ping": 1})
            await client.close()

        @simulated
        def test_it(client): pass
    """)
    with_server("record").assert_outcomes(passed=1)

    result = replay_alone()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*SimulationError: run_command of a client that several tests share cannot be *"])
