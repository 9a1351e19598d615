"""Cases that are recorded and replayed: what is the same passes, and whatever differs is reported as a failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from llm_devops_mongodb.simulation.cassette import Interaction, Recording, write_recording
from llm_devops_mongodb.testing import MongoServer
from tests.conformance import set_aside
from tests.conformance.context import Context
from tests.conformance.entities import EntityMap
from tests.conformance.matching import Matcher
from tests.conformance.replaying import replayed
from tests.conformance.report import CaseReport, Outcome, Report
from tests.conformance.runner import Runner, runner_on
from tests.conformance.traces import Trace
from tests.conformance.verdicts import MismatchError

_DATABASE = "conformance_of_replaying"
_FIND = {"name": "find", "object": "collection0", "arguments": {"filter": {}, "sort": {"_id": 1}}}
_INSERT = {"name": "insertOne", "object": "collection0", "arguments": {"document": {"_id": 3}}}
_DUPLICATE = {**_INSERT, "expectError": {"errorCode": 11000}}
_CONTENT: dict[str, Any] = {
    "description": "a file",
    "schemaVersion": "1.0",
    "createEntities": [
        {"client": {"id": "client0", "observeEvents": ["commandStartedEvent"]}},
        {"database": {"id": "database0", "client": "client0", "databaseName": _DATABASE}},
        {"collection": {"id": "collection0", "database": "database0", "collectionName": "numbers"}},
        {"session": {"id": "session0", "client": "client0"}},
    ],
    "initialData": [{"collectionName": "numbers", "databaseName": _DATABASE, "documents": [{"_id": 1}, {"_id": 2}]}],
}

_NUMBERS = {"databaseName": _DATABASE, "collectionName": "numbers"}
_NO_TRANSACTION = {"session": "session0", "state": "none"}

Change = Callable[[Sequence[Interaction]], list[Interaction]]
Run = Callable[..., Awaitable[CaseReport]]


@pytest.fixture
async def runner(mongo_server: MongoServer, tmp_path: Path) -> AsyncIterator[Runner]:
    async with runner_on(mongo_server.uri, recordings=tmp_path) as runner:
        yield runner


@pytest.fixture
def run(runner: Runner, tmp_path: Path) -> Run:
    """Runs one test that is made of operations, live, and again from its recording, which may be changed before."""

    async def run_one(*operations: dict[str, Any], change: Change | None = None, **expectations: Any) -> CaseReport:
        path = tmp_path / "file.json"
        test = {"description": "a test", "operations": list(operations), **expectations}
        path.write_text(json.dumps({**_CONTENT, "tests": [test]}))
        live = Report.of(await runner.run_file(path))
        assert live.failures == []
        if change is not None:
            recording = Recording.load(runner.recorded[-1].recording)
            write_recording(runner.recorded[-1].recording, recording.header, change(recording.interactions))
        (report,) = (await replayed(live, runner.recorded)).cases
        return report

    return run_one


async def test_what_passed_live_passes_and_what_was_not_checked_is_counted(run: Run) -> None:
    report = await run(
        _FIND,
        _INSERT,
        {"name": "assertCollectionExists", "object": "testRunner", "arguments": _NUMBERS},
        {"name": "assertSessionTransactionState", "object": "testRunner", "arguments": _NO_TRANSACTION},
        {**_FIND, "expectResult": [{"_id": 1}, {"_id": 2}, {"_id": 3}]},
        _DUPLICATE,
        expectEvents=[{"client": "client0", "ignoreExtraEvents": True, "events": []}],
        outcome=[{**_NUMBERS, "documents": [{"_id": 1}, {"_id": 2}, {"_id": 3}]}],
    )

    assert (report.outcome, report.replay, report.replay_reason) == (Outcome.PASSED, Outcome.PASSED, "")
    assert report.set_aside == {
        set_aside.INITIAL_DATA: 1,
        set_aside.OPERATIONS["assertCollectionExists"]: 1,
        set_aside.TRANSACTION_STATE: 1,
        set_aside.EVENTS: 1,
        set_aside.OUTCOME: 1,
    }


def _without_the_last(interactions: Sequence[Interaction]) -> list[Interaction]:
    return list(interactions[:-1])


def _in_another_order(interactions: Sequence[Interaction]) -> list[Interaction]:
    find, insert, *rest = interactions
    parts = tuple(replace(part, of=2) for part in find.parts)
    return [replace(insert, number=1), replace(find, number=2, parts=parts), *rest]


def _with_one_more(interactions: Sequence[Interaction]) -> list[Interaction]:
    insert = interactions[1]
    return [*interactions, replace(insert, number=len(interactions) + 1)]


def _with_another_document(interactions: Sequence[Interaction]) -> list[Interaction]:
    find, *rest = interactions
    batch, *end = find.parts
    documents = bytes(batch.raw_documents).replace(b'"$numberInt": "2"', b'"$numberInt": "7"')
    return [replace(find, parts=(replace(batch, raw_documents=msgspec.Raw(documents)), *end)), *rest]


def _with_another_code(interactions: Sequence[Interaction]) -> list[Interaction]:
    return _changed_error(interactions, b'"code":11000', b'"code":112')


def _with_another_outcome(interactions: Sequence[Interaction]) -> list[Interaction]:
    return _changed_error(interactions, b'"outcome":"not_applied"', b'"outcome":"unknown"')


def _changed_error(interactions: Sequence[Interaction], before: bytes, after: bytes) -> list[Interaction]:
    *rest, failed = interactions
    assert before in bytes(failed.raw_error)
    return [*rest, replace(failed, raw_error=msgspec.Raw(bytes(failed.raw_error).replace(before, after)))]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without_the_last, "SimulationMismatchError"),
        (_in_another_order, "SimulationMismatchError"),
        (_with_one_more, "not asked for"),
        (_with_another_document, "find told "),
        (_with_another_code, "insertOne: errorCode 11000 expected"),
        (_with_another_outcome, "insertOne told "),
    ],
)
async def test_what_differs_is_a_failure_in_replay(run: Run, change: Change, reason: str) -> None:
    report = await run(_FIND, _INSERT, _DUPLICATE, change=change)

    assert (report.outcome, report.replay) == (Outcome.PASSED, Outcome.FAILED)
    assert reason in report.replay_reason


async def test_a_recording_that_is_damaged_is_a_failure_in_replay(run: Run, runner: Runner) -> None:
    await run(_FIND)
    (recorded,) = runner.recorded
    recorded.recording.write_text(recorded.recording.read_text().replace('"find"', '"fond"'))

    (report,) = (await replayed(Report.of([recorded.report]), [recorded])).cases

    assert report.replay is Outcome.FAILED
    assert "line 2" in report.replay_reason


async def test_what_fails_or_is_skipped_live_is_not_replayed_and_leaves_no_recording(
    runner: Runner, tmp_path: Path
) -> None:
    failing, skipped = {**_FIND, "expectResult": []}, {**_FIND, "name": "count"}
    tests = [{"description": str(index), "operations": [one]} for index, one in enumerate((failing, skipped))]
    (tmp_path / "file.json").write_text(json.dumps({**_CONTENT, "tests": tests}))

    live = Report.of(await runner.run_file(tmp_path / "file.json"))

    assert live.summary == {"passed": 0, "failed": 1, "skipped": 1}
    assert runner.recorded == []
    assert _files_in(tmp_path) == ["file.json"]
    assert await replayed(live, runner.recorded) == live


async def test_what_needs_a_server_and_is_not_listed_is_a_failure() -> None:
    async def nothing(_: Any) -> None: ...

    entities = EntityMap()
    context = Context(entities, Matcher(entities), Trace(), nothing, nothing)

    assert context.is_replay
    with pytest.raises(MismatchError, match="there is none in replay"):
        context.server  # noqa: B018 - the property raises


def _files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
