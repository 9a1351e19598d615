"""Runs files, case by case, and tells what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.case import run_case
from tests.conformance.deployment import Deployment
from tests.conformance.loading import LoadingError, NotUnifiedError, TestFile, find_files, load
from tests.conformance.report import CaseReport, Outcome, Report
from tests.conformance.requirements import Facts, unmet
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
    """

    deployment: Deployment
    facts: Facts
    limit: float = _LIMIT

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
        outcome, reason = await self._verdict(test, file)
        if outcome is Outcome.FAILED or (outcome is Outcome.PASSED and Traits.of(test).has_transactions):
            # A transaction that was left open would block the next test.
            await self.deployment.kill_sessions()
        return CaseReport(str(file.path), str(test.get("description", "")), outcome, reason)

    async def _verdict(self, test: Mapping[str, Any], file: TestFile) -> tuple[Outcome, str]:
        try:
            if (reason := self._reason_to_skip(test, file)) is not None:
                return Outcome.SKIPPED, reason
            async with asyncio.timeout(self.limit):
                await run_case(test, file, self.deployment)
        except UnsupportedError as reason:
            return Outcome.SKIPPED, str(reason)
        except MismatchError as mismatch:
            return Outcome.FAILED, str(mismatch)
        except TimeoutError:
            return Outcome.FAILED, f"it took longer than {self.limit:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a case raises, the next one is run
            return Outcome.FAILED, f"{type(error).__name__}: {error}"
        return Outcome.PASSED, ""

    def _reason_to_skip(self, test: Mapping[str, Any], file: TestFile) -> str | None:
        if (reason := test.get("skipReason")) is not None:
            return f"the file says: {reason}"
        own = test.get("runOnRequirements", [])
        return unmet(file.requirements, self.facts) or unmet(own, self.facts)


@asynccontextmanager
async def runner_on(uri: str) -> AsyncIterator[Runner]:
    """Make a runner for the deployment at `uri`."""
    deployment = Deployment(uri)
    try:
        yield Runner(deployment, await deployment.facts())
    finally:
        await deployment.aclose()
