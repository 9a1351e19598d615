"""What became of each case, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.conformance.set_aside import REASONS


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
        replay: What became of it when it was replayed; None where it was not.
        replay_reason: Why it failed then.
        set_aside: How often each kind of check was not made then.
    """

    file: str
    test: str
    outcome: Outcome
    reason: str = ""
    replay: Outcome | None = None
    replay_reason: str = ""
    set_aside: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """Every case of a run, in the order in which they were run."""

    cases: tuple[CaseReport, ...]

    @classmethod
    def of(cls, cases: Sequence[CaseReport]) -> Report:
        """Make a report of all `cases`."""
        return cls(tuple(cases))

    def count(self, outcome: Outcome) -> int:
        """Return how many cases ended so live."""
        return sum(case.outcome is outcome for case in self.cases)

    def count_replayed(self, outcome: Outcome) -> int:
        """Return how many cases ended so in replay."""
        return sum(case.replay is outcome for case in self.cases)

    @property
    def failures(self) -> list[str]:
        """Every failure live."""
        return [_told(case, case.reason) for case in self.cases if case.outcome is Outcome.FAILED]

    @property
    def failures_in_replay(self) -> list[str]:
        """Every failure in replay."""
        return [_told(case, case.replay_reason) for case in self.cases if case.replay is Outcome.FAILED]

    def beneath(self, place: Path) -> Report:
        """Return what the report tells of the files beneath `place`."""
        return Report(tuple(case for case in self.cases if Path(case.file).is_relative_to(place)))

    @property
    def summary(self) -> dict[str, int]:
        """The number of cases by outcome."""
        return {outcome.value: self.count(outcome) for outcome in Outcome}

    @property
    def replay_summary(self) -> dict[str, int]:
        """The number of cases that were replayed, by outcome."""
        return {outcome.value: self.count_replayed(outcome) for outcome in (Outcome.PASSED, Outcome.FAILED)}

    @property
    def set_aside(self) -> Counter[str]:
        """How often each kind of check was not made in replay."""
        counts: Counter[str] = Counter()
        for case in self.cases:
            counts.update(case.set_aside)
        return counts

    def write_json(self, path: Path) -> None:
        """Write the report as JSON: the numbers live and in replay, what was set aside in replay, and the cases."""
        written = {
            "summary": self.summary,
            "replay": self.replay_summary,
            "set_aside": self.set_aside,
            "cases": [asdict(case) for case in self.cases],
        }
        path.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """Tell every failure, what was skipped or set aside and why, and the numbers live and in replay."""
        yield from (f"FAILED {failure}" for failure in self.failures)
        yield from (f"FAILED IN REPLAY {failure}" for failure in self.failures_in_replay)
        skipped = Counter(case.reason for case in self.cases if case.outcome is Outcome.SKIPPED)
        for reason, times in skipped.most_common():
            yield f"SKIPPED {times} x {reason}"
        for kind, times in self.set_aside.most_common():
            yield f"SET ASIDE IN REPLAY {times} x {kind}: {REASONS[kind]}"
        yield f"live:   {_numbers(self.summary)}"
        yield f"replay: {_numbers(self.replay_summary)}"


def _told(case: CaseReport, reason: str) -> str:
    return f"{case.file}: {case.test or 'the file'}\n       {reason}"


def _numbers(summary: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in summary.items())
