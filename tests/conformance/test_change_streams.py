"""The runner's operations on change streams, and the rules by which one goes on, on a real server and in replay.

https://github.com/mongodb/specifications/blob/master/source/change-streams/change-streams.md
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb.testing import MongoServer
from tests.conformance.replaying import replayed
from tests.conformance.report import CaseReport, Outcome, Report
from tests.conformance.runner import Runner, runner_on

_DATABASE = "conformance_of_change_streams"
_LABEL = "ResumableChangeStreamError"
_OBSERVED = {"observeEvents": ["commandStartedEvent"]}
_CONTENT: dict[str, Any] = {
    "description": "a file",
    "schemaVersion": "1.7",
    "createEntities": [
        {"client": {"id": "client0", **_OBSERVED, "ignoreCommandMonitoringEvents": ["killCursors"]}},
        {"client": {"id": "client1"}},
        {"client": {"id": "client2", **_OBSERVED}},
        {"database": {"id": "database0", "client": "client0", "databaseName": _DATABASE}},
        {"database": {"id": "database1", "client": "client1", "databaseName": _DATABASE}},
        {"collection": {"id": "collection0", "database": "database0", "collectionName": "things"}},
        {"collection": {"id": "collection1", "database": "database1", "collectionName": "things"}},
    ],
    "initialData": [{"collectionName": "things", "databaseName": _DATABASE, "documents": []}],
}
_NEXT = {"name": "iterateUntilDocumentOrError", "object": "stream0"}
_TRY_NEXT = {"name": "iterateOnce", "object": "stream0"}
_CLOSE = {"name": "close", "object": "stream0"}


def _watch(on: str = "collection0", *stages: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    given = {"pipeline": list(stages), "maxAwaitTimeMS": 100, **arguments}
    return {"name": "createChangeStream", "object": on, "arguments": given, "saveResultAsEntity": "stream0"}


def _insert(identity: int) -> dict[str, Any]:
    return {"name": "insertOne", "object": "collection1", "arguments": {"document": {"_id": identity}}}


def _inserted(identity: int) -> dict[str, Any]:
    return {"expectResult": {"operationType": "insert", "fullDocument": {"_id": identity}}}


def _failing(command: str, **data: Any) -> dict[str, Any]:
    """Have the next `command` fail."""
    fail_point = {
        "configureFailPoint": "failCommand",
        "mode": {"times": 1},
        "data": {"failCommands": [command], **data},
    }
    return {"name": "failPoint", "object": "testRunner", "arguments": {"client": "client1", "failPoint": fail_point}}


def _sent(*names: str, by: str = "client0") -> list[dict[str, Any]]:
    return [{"client": by, "events": [{"commandStartedEvent": {"commandName": name}} for name in names]}]


def _opened(database: str = _DATABASE, **command: Any) -> list[dict[str, Any]]:
    event = {"commandName": "aggregate", "databaseName": database, "command": command}
    return [{"client": "client0", "ignoreExtraEvents": True, "events": [{"commandStartedEvent": event}]}]


@pytest.fixture
async def runner(mongo_server: MongoServer, tmp_path: Path) -> AsyncIterator[Runner]:
    async with runner_on(mongo_server.uri, recordings=tmp_path) as runner:
        yield runner


Run = Callable[..., Any]


@pytest.fixture
def run(runner: Runner, tmp_path: Path) -> Run:
    """Runs one test that is made of operations and expectations."""

    async def run_one(*operations: dict[str, Any], **expectations: Any) -> CaseReport:
        path = tmp_path / "file.json"
        test = {"description": "a test", "operations": list(operations), **expectations}
        path.write_text(json.dumps({**_CONTENT, "tests": [test]}))
        live = Report.of(await runner.run_file(path))
        (report,) = (await replayed(live, runner.recorded)).cases
        runner.recorded.clear()
        return report

    return run_one


def assert_passed(report: CaseReport) -> None:
    """Fail with the reason where it did not pass, live and in replay."""
    assert (report.outcome, report.reason) == (Outcome.PASSED, "")
    assert (report.replay, report.replay_reason) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("on", "database", "aggregate", "stage"),
    [
        ("collection0", _DATABASE, "things", {}),
        ("database0", _DATABASE, 1, {}),
        ("client0", "admin", 1, {"allChangesForCluster": True}),
    ],
)
async def test_what_is_watched_is_told_to_the_server(
    run: Run, on: str, database: str, aggregate: Any, stage: dict[str, Any]
) -> None:
    command = {"aggregate": aggregate, "pipeline": [{"$changeStream": stage}]}

    assert_passed(
        await run(_watch(on), _insert(1), {**_NEXT, **_inserted(1)}, expectEvents=_opened(database, **command))
    )


async def test_every_option_reaches_the_server(run: Run) -> None:
    stage = {"fullDocument": "updateLookup", "fullDocumentBeforeChange": "whenAvailable", "showExpandedEvents": True}
    given = {"batchSize": 3, "collation": {"locale": "de"}, "comment": {"who": "me"}}
    match = {"$match": {"operationType": "insert"}}
    sent = {
        "pipeline": [{"$changeStream": stage}, match],
        "cursor": {"batchSize": 3},
        "collation": given["collation"],
        "comment": given["comment"],
    }

    assert_passed(
        await run(
            _watch("collection0", match, **stage, **given),
            _insert(1),
            {**_NEXT, **_inserted(1)},
            expectEvents=_opened(**sent),
        )
    )


async def test_the_wait_for_an_event_is_told_with_each_request(run: Run) -> None:
    get_more = {"commandStartedEvent": {"command": {"getMore": {"$$type": "long"}, "maxTimeMS": 70}}}
    opening = {"commandStartedEvent": {"command": {"maxTimeMS": {"$$exists": False}}}}

    assert_passed(
        await run(
            _watch(maxAwaitTimeMS=70), _TRY_NEXT, expectEvents=[{"client": "client0", "events": [opening, get_more]}]
        )
    )


async def test_iterating_once_makes_one_request_and_tells_that_there_is_nothing(run: Run) -> None:
    nothing = {**_TRY_NEXT, "expectResult": {"$$unsetOrMatches": {}}}

    assert_passed(await run(_watch(), nothing, _insert(1), expectEvents=_sent("aggregate", "getMore")))


async def test_a_closed_stream_leaves_no_cursor(run: Run) -> None:
    assert_passed(await run(_watch("client2"), _CLOSE, expectEvents=_sent("aggregate", "killCursors", by="client2")))


async def test_an_event_that_differs_is_a_failure(run: Run) -> None:
    report = await run(_watch(), _insert(1), {**_NEXT, **_inserted(2)})

    assert report.outcome is Outcome.FAILED
    assert "expected 2, found 1" in report.reason


async def test_an_option_that_is_not_known_is_a_failure(run: Run) -> None:
    report = await run(_watch(wonders=1))

    assert report.outcome is Outcome.FAILED
    assert "no argument wonders" in report.reason


async def test_a_stream_ends_with_its_collection(run: Run) -> None:
    rename = {"name": "rename", "object": "collection1", "arguments": {"to": "renamed", "dropTarget": True}}
    renamed = {"operationType": "rename", "to": {"db": _DATABASE, "coll": "renamed"}}

    report = await run(
        _watch(),
        _insert(1),
        rename,
        {**_NEXT, **_inserted(1)},
        {**_NEXT, "expectResult": renamed},
        {**_NEXT, "expectResult": {"operationType": "invalidate"}},
        _NEXT,
    )

    assert report.outcome is Outcome.FAILED
    assert "the change stream ended" in report.reason


async def test_what_happens_to_collections_is_told_where_that_is_asked_for(run: Run) -> None:
    def done(name: str, **arguments: Any) -> dict[str, Any]:
        return {"name": name, "object": "database1", "arguments": {"collection": "others", **arguments}}

    kinds = ("create", "modify", "drop")
    assert_passed(
        await run(
            done("dropCollection"),
            _watch("database0", showExpandedEvents=True),
            done("createCollection"),
            done("modifyCollection", validator={"n": 1}),
            done("dropCollection"),
            *({**_NEXT, "expectResult": {"operationType": kind}} for kind in kinds),
        )
    )


@pytest.mark.parametrize("failure", [{"closeConnection": True}, {"errorCode": 43}], ids=str)
async def test_it_goes_on_after_what_is_no_servers_refusal(run: Run, failure: dict[str, Any]) -> None:
    assert_passed(
        await run(
            _watch(),
            _failing("getMore", **failure),
            _insert(1),
            {**_NEXT, **_inserted(1)},
            expectEvents=_resumed(),
        )
    )


def _resumed() -> list[dict[str, Any]]:
    """An opening, a request that fails, and an opening after the place where the first one was."""
    stage = {"$changeStream": {"resumeAfter": {"$$exists": True}, "startAfter": {"$$exists": False}}}
    opening = {"commandStartedEvent": {"commandName": "aggregate"}}
    get_more = {"commandStartedEvent": {"commandName": "getMore"}}
    again = {"commandStartedEvent": {"commandName": "aggregate", "command": {"pipeline": [stage]}}}
    return [{"client": "client0", "ignoreExtraEvents": True, "events": [opening, get_more, again]}]


@pytest.mark.parametrize("code", [1, 6, 50, 96, 262])
@pytest.mark.parametrize("operation", [_NEXT, _TRY_NEXT], ids=lambda operation: str(operation["name"]))
async def test_it_goes_on_after_any_error_that_the_server_calls_resumable(
    run: Run, code: int, operation: dict[str, Any]
) -> None:
    failing = _failing("getMore", errorCode=code, errorLabels=[_LABEL])

    assert_passed(await run(_watch(), failing, _insert(1), {**operation, **_inserted(1)}, expectEvents=_resumed()))


@pytest.mark.parametrize("code", [1, 6, 50, 96, 234, 262])
@pytest.mark.parametrize("operation", [_NEXT, _TRY_NEXT], ids=lambda operation: str(operation["name"]))
async def test_it_does_not_go_on_by_the_code_of_an_error_alone(run: Run, code: int, operation: dict[str, Any]) -> None:
    failing = _failing("getMore", errorCode=code, errorLabels=[])
    refused = {"expectError": {"errorCode": code, "errorLabelsOmit": [_LABEL]}}

    assert_passed(
        await run(_watch(), failing, _insert(1), {**operation, **refused}, expectEvents=_sent("aggregate", "getMore"))
    )


async def test_it_goes_on_again_and_again_without_events(run: Run) -> None:
    cut_off = _failing("getMore", closeConnection=True)

    assert_passed(await run(_watch(), cut_off, _TRY_NEXT, cut_off, _TRY_NEXT, _insert(1), {**_NEXT, **_inserted(1)}))


async def test_an_opening_that_the_server_refuses_is_not_a_reason_to_go_on(run: Run) -> None:
    opening = {**_watch(), "expectError": {"errorCode": 96}}
    del opening["saveResultAsEntity"]
    failing = _failing("aggregate", errorCode=96, errorLabels=[_LABEL])

    assert_passed(await run(failing, opening, expectEvents=_sent("aggregate")))
