"""What became of each case, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """What became of one case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CaseReport:
    """One case.

    Attributes:
        file: The file as it was given or found.
        test: The case's description, `""` where the report is about the file as a whole.
        outcome: What became of it.
        reason: Why it failed or was skipped, `""` where it passed.
    """

    file: str
    test: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Every case of a run, in the order in which they were run."""

    cases: tuple[CaseReport, ...]

    @classmethod
    def of(cls, cases: Sequence[CaseReport]) -> Report:
        """Make a report of all `cases`."""
        return cls(tuple(cases))

    def count(self, outcome: Outcome) -> int:
        """Return how many cases ended so."""
        return sum(case.outcome is outcome for case in self.cases)

    @property
    def summary(self) -> dict[str, int]:
        """The number of cases by outcome."""
        return {outcome.value: self.count(outcome) for outcome in Outcome}

    def write_json(self, path: Path) -> None:
        """Write the report as JSON: `summary` and `cases`."""
        written = {"summary": self.summary, "cases": [asdict(case) for case in self.cases]}
        path.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """Tell every failure, how often each reason to skip came up, and the numbers."""
        for case in self.cases:
            if case.outcome is Outcome.FAILED:
                yield f"FAILED {case.file}: {case.test or 'the file'}\n       {case.reason}"
        skipped = Counter(case.reason for case in self.cases if case.outcome is Outcome.SKIPPED)
        for reason, times in skipped.most_common():
            yield f"SKIPPED {times} x {reason}"
        yield ", ".join(f"{number} {outcome}" for outcome, number in self.summary.items())
