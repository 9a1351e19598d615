"""The report for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.report import CaseReport, Outcome, Report

_REPORT = Report.of(
    [
        CaseReport("a.json", "one", Outcome.PASSED),
        CaseReport("a.json", "two", Outcome.FAILED, "find: expected 1, found 2"),
        CaseReport("b.json", "three", Outcome.SKIPPED, "needs server 8.0 or newer"),
        CaseReport("b.json", "four", Outcome.SKIPPED, "needs server 8.0 or newer"),
    ]
)


def test_the_json_holds_numbers_and_cases(tmp_path: Path) -> None:
    _REPORT.write_json(tmp_path / "report.json")

    written = json.loads((tmp_path / "report.json").read_text())

    assert written.keys() == {"summary", "cases"}
    assert written["summary"] == {"passed": 1, "failed": 1, "skipped": 2}
    assert written["cases"][1] == {
        "file": "a.json",
        "test": "two",
        "outcome": "failed",
        "reason": "find: expected 1, found 2",
    }
    assert len(written["cases"]) == 4


def test_the_text_tells_failures_reasons_and_numbers() -> None:
    assert list(_REPORT.lines()) == [
        "FAILED a.json: two\n       find: expected 1, found 2",
        "SKIPPED 2 x needs server 8.0 or newer",
        "1 passed, 1 failed, 2 skipped",
    ]
