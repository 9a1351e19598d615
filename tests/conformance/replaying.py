"""Cases that passed live, run again from their recordings: no server, no driver, no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm_devops_mongodb.simulation import SimulationReplayer, simulating
from tests.conformance.case import replay_case
from tests.conformance.loading import TestFile
from tests.conformance.report import CaseReport, Outcome, Report
from tests.conformance.set_aside import SetAside
from tests.conformance.traces import Trace
from tests.conformance.verdicts import MismatchError
from tests.offline import offline

_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A case that passed live.

    Attributes:
        report: What became of it.
        test: The test.
        file: Where it is from.
        uri: Where the deployment was.
        recording: What was recorded.
        trace: What its operations told.
    """

    report: CaseReport
    test: Mapping[str, Any]
    file: TestFile
    uri: str
    recording: Path
    trace: Trace


async def replayed(report: Report, recorded: list[Recorded]) -> Report:
    """Replay every case of `recorded` and return the report with what became of them."""
    again = {id(case.report): await _replayed(case) for case in recorded}
    return Report.of([again.get(id(case), case) for case in report.cases])


async def _replayed(case: Recorded) -> CaseReport:
    try:
        async with asyncio.timeout(_LIMIT):
            aside = await _run(case)
    except MismatchError as mismatch:
        return _failed(case, str(mismatch))
    except TimeoutError:
        return _failed(case, f"it took longer than {_LIMIT:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a case raises, the next one is run
        return _failed(case, f"{type(error).__name__}: {error}")
    return replace(case.report, replay=Outcome.PASSED, set_aside=dict(aside.counts))


def _failed(case: Recorded, reason: str) -> CaseReport:
    return replace(case.report, replay=Outcome.FAILED, replay_reason=reason)


async def _run(case: Recorded) -> SetAside:
    # What was asked in another order, again, or not at all is a failure too.
    replayer = SimulationReplayer.load(case.recording, strict=True)
    with offline() as refused, simulating(replayer):
        trace, aside = await replay_case(case.test, case.file, case.uri)
    if refused:
        raise MismatchError(f"it asked for sockets: {', '.join(refused)}")
    case.trace.check_same(trace, case.test)
    replayer.check_complete()
    return aside
