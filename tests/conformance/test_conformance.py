"""The drivers' own suites, as far as the server at hand may run them. Their data stays outside this repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.__main__ import main, run
from tests.conformance.report import Outcome

_SUITES = Path(__file__).parents[3] / "shared" / "spec-tests"

# How many cases a replica set of server 6.0 passed when this was written. More is fine, fewer never is.
_FLOORS = {"change-streams": 33, "crud": 184, "sessions": 28, "transactions": 131, "transactions-convenient-api": 29}


def _places(suite: str) -> Path:
    place = _SUITES / suite
    if not place.is_dir():
        pytest.skip(f"the drivers' specification tests are not here: {place}")
    return place


@pytest.mark.parametrize("suite", _FLOORS)
async def test_every_case_of_a_suite_passes_that_the_server_may_run(suite: str) -> None:
    report = await run([_places(suite)])

    failed = [f"{case.file}: {case.test}: {case.reason}" for case in report.cases if case.outcome is Outcome.FAILED]
    assert failed == []
    assert report.count(Outcome.PASSED) >= _FLOORS[suite]


def test_the_command_tells_that_nothing_is_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_the_command_fails_where_a_case_does_and_writes_the_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")

    status = main([str(tmp_path / "broken.json"), "--json", str(tmp_path / "report.out")])

    assert status == 1
    assert capsys.readouterr().out.endswith("0 passed, 1 failed, 0 skipped\n")
    assert json.loads((tmp_path / "report.out").read_text())["summary"] == {"passed": 0, "failed": 1, "skipped": 0}
