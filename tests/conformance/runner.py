"""Runs files, case by case, and tells what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_devops_mongodb.simulation import SimulationRecorder, simulating
from tests.conformance.case import run_case
from tests.conformance.deployment import Deployment
from tests.conformance.impatience import impatient
from tests.conformance.loading import LoadingError, NotUnifiedError, TestFile, find_files, load
from tests.conformance.replaying import Recorded
from tests.conformance.report import CaseReport, Outcome, Report
from tests.conformance.requirements import Facts, unmet
from tests.conformance.traces import Trace
from tests.conformance.traits import Traits
from tests.conformance.verdicts import MismatchError, UnsupportedError

_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs cases on one deployment, one at a time: fail points are the whole server's.

    Attributes:
        deployment: What they run on.
        facts: What that is.
        limit: Seconds that one case may take.
        recordings: The directory where to record each case; None records nothing.
        recorded: The cases that passed while they were recorded.
    """

    deployment: Deployment
    facts: Facts
    limit: float = _LIMIT
    recordings: Path | None = None
    recorded: list[Recorded] = field(default_factory=list)

    async def run(self, places: Iterable[Path]) -> Report:
        """Run every file in `places`.

        Raises:
            FileNotFoundError: A place does not exist.
        """
        await self.deployment.kill_sessions()
        reports = [report for path in find_files(places) for report in await self.run_file(path)]
        return Report.of(reports)

    async def run_file(self, path: Path) -> list[CaseReport]:
        """Run one file; what cannot be run is reported."""
        try:
            file = load(path)
        except NotUnifiedError as error:
            return [CaseReport(str(path), "", Outcome.SKIPPED, str(error))]
        except LoadingError as error:
            return [CaseReport(str(path), "", Outcome.FAILED, str(error))]
        return [await self.run_test(test, file) for test in file.tests]

    async def run_test(self, test: Mapping[str, Any], file: TestFile) -> CaseReport:
        """Run one test, or tell why not."""
        recording = self._recording_of(file)
        outcome, reason, trace = await self._verdict(test, file, recording)
        if outcome is Outcome.FAILED or (outcome is Outcome.PASSED and Traits.of(test).has_transactions):
            # A transaction that was left open would block the next test.
            await self.deployment.kill_sessions()
        report = CaseReport(str(file.path), str(test.get("description", "")), outcome, reason)
        if recording is not None and trace is not None:
            self.recorded.append(Recorded(report, test, file, self.deployment.uri, recording, trace))
        return report

    def _recording_of(self, file: TestFile) -> Path | None:
        if self.recordings is None:
            return None
        return self.recordings / f"{len(self.recorded):04}-{file.path.stem}.jsonl"

    async def _verdict(
        self, test: Mapping[str, Any], file: TestFile, recording: Path | None
    ) -> tuple[Outcome, str, Trace | None]:
        try:
            if (reason := self._reason_to_skip(test, file)) is not None:
                return Outcome.SKIPPED, reason, None
            async with asyncio.timeout(self.limit), _recorded_to(recording):
                trace = await run_case(test, file, self.deployment)
        except UnsupportedError as reason:
            return Outcome.SKIPPED, str(reason), None
        except MismatchError as mismatch:
            return Outcome.FAILED, str(mismatch), None
        except TimeoutError:
            return Outcome.FAILED, f"it took longer than {self.limit:g} s", None
        except Exception as error:  # noqa: BLE001 - whatever a case raises, the next one is run
            return Outcome.FAILED, f"{type(error).__name__}: {error}", None
        return Outcome.PASSED, "", trace

    def _reason_to_skip(self, test: Mapping[str, Any], file: TestFile) -> str | None:
        if (reason := test.get("skipReason")) is not None:
            return f"the file says: {reason}"
        own = test.get("runOnRequirements", [])
        return unmet(file.requirements, self.facts) or unmet(own, self.facts)


@asynccontextmanager
async def _recorded_to(recording: Path | None) -> AsyncIterator[None]:
    """Record all clients of one case to a file, unless there is none; what fails is not kept."""
    if recording is None:
        yield
        return
    recorder = SimulationRecorder(recording)
    try:
        with simulating(recorder):
            yield
    except BaseException:
        await recorder.discard()
        raise
    await recorder.finish()


@asynccontextmanager
async def runner_on(uri: str, *, recordings: Path | None = None) -> AsyncIterator[Runner]:
    """Make a runner for the deployment at `uri`, which records where it is told to."""
    deployment = Deployment(uri)
    try:
        with impatient():
            yield Runner(deployment, await deployment.facts(), recordings=recordings)
    finally:
        await deployment.aclose()
