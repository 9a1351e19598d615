"""The drivers' own suites, as far as the server at hand may run them. Their data stays outside this repository.

Every case is run on a server and recorded. What passed is run again from its recording when the server has been
stopped, by clients that have no driver, and without sockets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from llm_devops_mongodb.simulation.cassette import Recording, write_recording
from llm_devops_mongodb.testing import MongoServer
from tests.conformance.__main__ import main, run
from tests.conformance.report import Outcome, Report

_SUITES = Path(__file__).parents[3] / "shared" / "spec-tests"

# How many cases a replica set of server 6.0 passed when this was written. More is fine, fewer never is.
_FLOORS = {"change-streams": 33, "crud": 184, "sessions": 28, "transactions": 131, "transactions-convenient-api": 29}


@dataclass(frozen=True, slots=True)
class _Run:
    """All suites, run once.

    Attributes:
        reports: What became of them, by their names.
        recordings: The directory that holds what was recorded.
    """

    reports: dict[str, Report]
    recordings: Path


@pytest.fixture(scope="module")
async def suites(tmp_path_factory: pytest.TempPathFactory) -> _Run:
    """Runs all suites at once: starting three members for each would take longer than most of them."""
    places = {suite: _SUITES / suite for suite in _FLOORS}
    if missing := [str(place) for place in places.values() if not place.is_dir()]:
        pytest.skip(f"the drivers' specification tests are not here: {', '.join(missing)}")
    recordings = tmp_path_factory.mktemp("recordings")
    report = await run(list(places.values()), recordings=recordings)
    return _Run({suite: report.beneath(place) for suite, place in places.items()}, recordings)


@pytest.mark.timeout(240)  # the first of them waits for all suites
@pytest.mark.parametrize("suite", _FLOORS)
async def test_every_case_of_a_suite_passes_that_the_server_may_run(suites: _Run, suite: str) -> None:
    report = suites.reports[suite]

    assert report.failures == []
    assert report.count(Outcome.PASSED) >= _FLOORS[suite]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("suite", _FLOORS)
async def test_every_case_that_passed_passes_in_replay_with_no_server(suites: _Run, suite: str) -> None:
    report = suites.reports[suite]

    assert report.failures_in_replay == []
    assert report.count_replayed(Outcome.PASSED) == report.count(Outcome.PASSED)
    assert report.count_replayed(Outcome.PASSED) >= _FLOORS[suite]


@pytest.mark.timeout(240)
async def test_the_recordings_of_all_cases_verify_and_are_the_same_when_written_again(
    suites: _Run, tmp_path: Path
) -> None:
    paths = sorted(suites.recordings.glob("*.jsonl"))
    again = tmp_path / "again.jsonl"

    for path in paths:
        recording = Recording.load(path)
        assert recording.is_finished
        write_recording(again, recording.header, recording.interactions)
        assert again.read_bytes() == path.read_bytes()

    assert len(paths) == sum(report.count(Outcome.PASSED) for report in suites.reports.values())
    assert sorted(suites.recordings.iterdir()) == paths


def test_the_command_tells_that_nothing_is_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_the_command_fails_where_a_case_does_and_writes_the_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mongo_server: MongoServer
) -> None:
    (tmp_path / "broken.json").write_text("{")

    status = main([str(tmp_path / "broken.json"), "--json", str(tmp_path / "report.out"), "--uri", mongo_server.uri])

    assert status == 1
    assert capsys.readouterr().out.endswith("live:   0 passed, 1 failed, 0 skipped\nreplay: 0 passed, 0 failed\n")
    assert json.loads((tmp_path / "report.out").read_text())["summary"] == {"passed": 0, "failed": 1, "skipped": 0}
