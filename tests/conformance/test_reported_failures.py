"""The runner on a real server: what goes as expected passes, and whatever does not is reported as a failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.replaying import replayed
from tests.conformance.report import CaseReport, Outcome, Report
from tests.conformance.runner import Runner, runner_on

_DATABASE = "conformance_of_the_runner"
_INSERT = {"name": "insertOne", "object": "collection0", "arguments": {"document": {"_id": 3}}}
_FIND = {"name": "find", "object": "collection0", "arguments": {"filter": {}, "sort": {"_id": 1}}}
_BOTH = [{"_id": 1}, {"_id": 2}]
_CONTENT: dict[str, Any] = {
    "description": "a file",
    "schemaVersion": "1.0",
    "createEntities": [
        {"client": {"id": "client0", "observeEvents": ["commandStartedEvent"]}},
        {"database": {"id": "database0", "client": "client0", "databaseName": _DATABASE}},
        {"collection": {"id": "collection0", "database": "database0", "collectionName": "numbers"}},
        {"session": {"id": "session0", "client": "client0"}},
        {"thread": {"id": "thread0"}},
    ],
    "initialData": [{"collectionName": "numbers", "databaseName": _DATABASE, "documents": _BOTH}],
}


def _special(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "object": "testRunner", "arguments": arguments}


def _events(*names: str) -> list[dict[str, Any]]:
    return [{"client": "client0", "events": [{"commandStartedEvent": {"commandName": name}} for name in names]}]


def _outcome(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"collectionName": "numbers", "databaseName": _DATABASE, "documents": list(documents)}]


def _fail_point(**data: Any) -> dict[str, Any]:
    command = {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": {"failCommands": ["insert"], **data}}
    return _special("failPoint", client="client0", failPoint=command)


Run = Callable[..., Any]


@pytest.fixture
async def runner(mongo_server: Any, tmp_path: Path) -> AsyncIterator[Runner]:
    async with runner_on(mongo_server.uri, recordings=tmp_path) as runner:
        yield runner


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


async def test_what_goes_as_expected_passes(run: Run) -> None:
    report = await run(
        {**_INSERT, "expectResult": {"insertedId": 3}},
        {**_FIND, "expectResult": [*_BOTH, {"_id": 3}]},
        expectEvents=_events("insert", "find"),
        outcome=_outcome(*_BOTH, {"_id": 3}),
    )

    assert_passed(report)


@pytest.mark.parametrize(
    ("operations", "expectations", "reason"),
    [
        pytest.param([{**_FIND, "expectResult": [{"_id": 1}]}], {}, "expected 1 elements", id="another result"),
        pytest.param([_FIND], {"expectEvents": _events("aggregate")}, "commandName", id="another event"),
        pytest.param([_FIND, _FIND], {"expectEvents": _events("find")}, "1 command events", id="one event too many"),
        pytest.param([_FIND], {"expectEvents": _events("find", "find")}, "2 command events", id="an event is missing"),
        pytest.param([{**_FIND, "expectError": {"isError": True}}], {}, "there was none", id="no error"),
        pytest.param([_INSERT, _INSERT], {}, "DuplicateKeyError", id="an error"),
        pytest.param(
            [_INSERT, {**_INSERT, "expectError": {"errorCode": 1}}], {}, "errorCode 1 expected", id="another error"
        ),
        pytest.param([_INSERT], {"outcome": _outcome(*_BOTH)}, "outcome", id="another outcome"),
        pytest.param([{**_FIND, "name": "unheardOf"}], {}, "no operation unheardOf", id="no such operation"),
        pytest.param(
            [{**_FIND, "arguments": {"filter": {}, "wonders": 1}}], {}, "no argument wonders", id="no such argument"
        ),
        pytest.param([{**_FIND, "object": "nobody"}], {}, "no entity nobody", id="no such entity"),
        pytest.param([{**_FIND, "wonders": 1}], {}, "wonders", id="no such key"),
        pytest.param([{"name": "find"}], {}, "KeyError", id="a malformed operation"),
        pytest.param([_special("unheardOf")], {}, "no operation unheardOf", id="no such operation of the runner"),
        pytest.param(
            [_special("assertCollectionNotExists", databaseName=_DATABASE, collectionName="numbers")],
            {},
            "the collection is there",
            id="a failed assertion",
        ),
        pytest.param(
            [_special("assertSessionTransactionState", session="session0", state="in_progress")],
            {},
            "the transaction is none",
            id="another state of a transaction",
        ),
        pytest.param(
            [
                _special("runOnThread", thread="thread0", operation={**_FIND, "expectResult": []}),
                _special("waitForThread", thread="thread0"),
            ],
            {},
            "expected 0 elements",
            id="a failure in a thread",
        ),
        pytest.param(
            [
                {
                    "name": "withTransaction",
                    "object": "session0",
                    "arguments": {"callback": [{**_FIND, "expectResult": []}]},
                    "expectError": {"isError": True},
                }
            ],
            {},
            "expected 0 elements",
            id="a failure in a callback",
        ),
    ],
)
async def test_what_does_not_is_a_failure(
    run: Run, operations: list[Any], expectations: dict[str, Any], reason: str
) -> None:
    report = await run(*operations, **expectations)

    assert report.outcome is Outcome.FAILED
    assert reason in report.reason


async def test_what_is_left_out_on_purpose_is_skipped_with_its_reason(run: Run) -> None:
    report = await run({"name": "count", "object": "collection0", "arguments": {"filter": {}}})

    assert report.outcome is Outcome.SKIPPED
    assert report.reason.startswith("collection.count: ")


async def test_the_files_own_reason_to_skip_is_told(run: Run) -> None:
    report = await run(_FIND, skipReason="DRIVERS-1")

    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "the file says: DRIVERS-1")


async def test_requirements_that_are_not_met_skip(run: Run) -> None:
    report = await run(_FIND, runOnRequirements=[{"topologies": ["sharded"]}])

    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "needs topology sharded")


async def test_a_fail_point_is_gone_after_its_test(run: Run) -> None:
    failing = await run(_fail_point(errorCode=8), {**_INSERT, "expectError": {"errorCode": 8, "isClientError": False}})
    after = await run(_INSERT)

    assert_passed(failing)
    assert_passed(after)


async def test_a_transaction_that_was_left_open_does_not_block_the_next_test(run: Run) -> None:
    insert = {**_INSERT, "arguments": {"document": {"_id": 3}, "session": "session0"}}
    left_open = await run({"name": "startTransaction", "object": "session0"}, insert, outcome=_outcome())
    after = await run(_INSERT, outcome=_outcome(*_BOTH, {"_id": 3}))

    assert left_open.outcome is Outcome.FAILED
    assert_passed(after)


async def test_a_callbacks_error_goes_through_the_transaction(run: Run) -> None:
    duplicate = {
        "name": "insertOne",
        "object": "collection0",
        "arguments": {"document": {"_id": 1}, "session": "session0"},
        "expectError": {"errorCode": 11000},
    }
    transaction = {"name": "withTransaction", "object": "session0", "arguments": {"callback": [duplicate]}}

    expected = await run({**transaction, "expectError": {"errorCode": 11000}}, outcome=_outcome(*_BOTH))
    unexpected = await run(transaction)

    assert_passed(expected)
    assert unexpected.outcome is Outcome.FAILED


async def test_threads_loops_cursors_and_events_run(run: Run) -> None:
    update = {"name": "updateOne", "object": "collection0", "arguments": {"filter": {}, "update": {"$inc": {"n": 1}}}}
    cursor = {**_FIND, "name": "createFindCursor", "saveResultAsEntity": "cursor0"}
    next_of_cursor = {"name": "iterateUntilDocumentOrError", "object": "cursor0"}
    inserted = {"commandStartedEvent": {"commandName": "insert"}}
    report = await run(
        _special("runOnThread", thread="thread0", operation=_INSERT),
        _special("waitForEvent", client="client0", event=inserted, count=1),
        _special("waitForThread", thread="thread0"),
        _special("assertEventCount", client="client0", event=inserted, count=1),
        cursor,
        {**next_of_cursor, "expectResult": {"_id": 1}},
        {**next_of_cursor, "expectResult": {"_id": 2}},
        {"name": "close", "object": "cursor0"},
        _special("loop", operations=[update], storeIterationsAsEntity="rounds", storeErrorsAsEntity="errors"),
        {**_FIND, "arguments": {"filter": {"_id": 1}}, "expectResult": [{"n": {"$$matchesEntity": "rounds"}}]},
        _special("assertNumberConnectionsCheckedOut", client="client0", connections=0),
        _special("recordTopologyDescription", client="client0", id="topology0"),
        _special("assertTopologyType", topologyDescription="topology0", topologyType="ReplicaSetWithPrimary"),
    )

    assert_passed(report)


async def test_a_test_that_takes_too_long_fails(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "slow.json"
    slow = {"description": "slow", "operations": [_special("wait", ms=60_000)]}
    path.write_text(json.dumps({**_CONTENT, "tests": [slow, {"description": "next", "operations": [_FIND]}]}))

    reports = await replace(runner, limit=0.5).run_file(path)

    assert [report.outcome for report in reports] == [Outcome.FAILED, Outcome.PASSED]
    assert "longer than 0.5 s" in reports[0].reason


async def test_files_that_cannot_be_run_are_reported_among_the_others(runner: Runner, tmp_path: Path) -> None:
    good = {**_CONTENT, "tests": [{"description": "good", "operations": [_FIND]}]}
    files = {
        "1-broken.json": "{",
        "2-good.json": json.dumps(good),
        "3-newer.json": json.dumps(good | {"schemaVersion": "2.0"}),
        "4-other.json": "[]",
        "5-malformed.json": json.dumps(good | {"runOnRequirements": [1]}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    report = await runner.run([tmp_path])

    assert [case.outcome.value for case in report.cases] == ["failed", "passed", "failed", "skipped", "failed"]
    assert all(case.reason for case in report.cases if case.outcome is not Outcome.PASSED)
