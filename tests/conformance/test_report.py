"""The report for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.report import CaseReport, Outcome, Report

_REPORT = Report.of(
    [
        CaseReport("a.json", "one", Outcome.PASSED, replay=Outcome.PASSED, set_aside={"outcome": 2}),
        CaseReport("a.json", "five", Outcome.PASSED, replay=Outcome.FAILED, replay_reason="find: nothing was recorded"),
        CaseReport("a.json", "two", Outcome.FAILED, "find: expected 1, found 2"),
        CaseReport("b.json", "three", Outcome.SKIPPED, "needs server 8.0 or newer"),
        CaseReport("b.json", "four", Outcome.SKIPPED, "needs server 8.0 or newer"),
    ]
)


def test_the_json_holds_numbers_and_cases(tmp_path: Path) -> None:
    _REPORT.write_json(tmp_path / "report.json")

    written = json.loads((tmp_path / "report.json").read_text())

    assert written.keys() == {"summary", "replay", "set_aside", "cases"}
    assert written["summary"] == {"passed": 2, "failed": 1, "skipped": 2}
    assert written["replay"] == {"passed": 1, "failed": 1}
    assert written["set_aside"] == {"outcome": 2}
    assert written["cases"][2] == {
        "file": "a.json",
        "test": "two",
        "outcome": "failed",
        "reason": "find: expected 1, found 2",
        "replay": None,
        "replay_reason": "",
        "set_aside": {},
    }
    assert len(written["cases"]) == 5


def test_the_text_tells_failures_reasons_and_numbers() -> None:
    assert list(_REPORT.lines()) == [
        "FAILED a.json: two\n       find: expected 1, found 2",
        "FAILED IN REPLAY a.json: five\n       find: nothing was recorded",
        "SKIPPED 2 x needs server 8.0 or newer",
        "SET ASIDE IN REPLAY 2 x outcome: there is no server that holds anything in the end",
        "live:   2 passed, 1 failed, 2 skipped",
        "replay: 1 passed, 1 failed",
    ]
