"""One marked test that runs: recorded or replayed, and what becomes of its recording."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self

import pytest

from pytest_llm_devops_mongodb.old_recordings import OldRecordingWarning
from pytest_llm_devops_mongodb.simulation.findings import Findings
from pytest_llm_devops_mongodb.simulation.paths import unfinished
from pytest_llm_devops_mongodb.simulation.settings import AgeAction, Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from pathlib import Path

    from llm_devops_mongodb.simulation import SimulationRecorder, SimulationReplayer
    from pytest_llm_devops_mongodb.simulation.marks import SimulationMark
    from pytest_llm_devops_mongodb.simulation.settings import SimulationSettings

_SHOWN = 5


class SimulatedTest(Protocol):
    """A marked test, from its setup to the end of its teardown."""

    path: Path

    @property
    def is_replayed(self) -> bool:
        """Whether there is no server for it."""
        ...

    def begin(self, item: pytest.Item, *, settings: SimulationSettings, clock: Callable[[], datetime]) -> None:
        """Check what can be told before the first operation."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def aside(self) -> AbstractContextManager[None]:
        """Have clients that are connected meanwhile speak to the real server, unrecorded."""
        ...

    def shared(self) -> AbstractContextManager[None]:
        """Have clients that are connected meanwhile outlive the test."""
        ...

    def end(self, *, is_passed: bool) -> Findings:
        """Keep or drop what was recorded, and tell what is worth telling.

        Args:
            is_passed: Whether the test did what was expected of it, its teardown included.
        """
        ...


def simulated_test(path: Path, mark: SimulationMark, mode: Mode, *, node_id: str) -> SimulatedTest:
    """Return how a test is to run. A test that cannot be replayed, and is not to be recorded, fails here."""
    if mode is Mode.REWRITE:
        return RecordedTest(path)
    if not path.exists():
        if mode is Mode.RECORD:
            return RecordedTest(path)
        begun = f"; {unfinished(path).name} beside it was never finished" if unfinished(path).exists() else ""
        _fail(f"no recording of this test: {path} is not there{begun}", advice=_advice(Mode.RECORD, node_id))
    replayed = ReplayedTest(path, mark, node_id=node_id)
    if replayed.is_finished:
        return replayed
    if mode is not Mode.RECORD:
        advice = _advice(Mode.REWRITE, node_id)
        _fail(f"{path} was never finished: the process that recorded it was killed", advice=advice)
    return RecordedTest(path)


class _Simulated:
    """The block in which every client that connects goes to the cassette."""

    def __init__(self, path: Path, simulation: SimulationRecorder | SimulationReplayer) -> None:
        self.path = path
        self._simulation = simulation
        self._block = ExitStack()

    def __enter__(self) -> Self:
        from llm_devops_mongodb.simulation import simulating

        self._block.enter_context(simulating(self._simulation))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._block.close()

    def aside(self) -> AbstractContextManager[None]:
        """Have clients that are connected meanwhile speak to the real server, unrecorded."""
        from llm_devops_mongodb.simulation import simulating

        return simulating(None)


class RecordedTest(_Simulated):
    """A test that is recorded.

    It is written beside the recording that may be there, and takes its place once the test has passed: a test that
    fails, or whose process is killed, leaves the old one as it was.
    """

    is_replayed = False

    def __init__(self, path: Path) -> None:
        from llm_devops_mongodb.simulation import SimulationRecorder

        self._recorder = SimulationRecorder(unfinished(path))
        super().__init__(path, self._recorder)

    def shared(self) -> AbstractContextManager[None]:
        """Leave them alone: what they do is no part of this recording."""
        return nullcontext()

    def begin(self, item: pytest.Item, *, settings: SimulationSettings, clock: Callable[[], datetime]) -> None:
        """Do nothing: what is not there yet is not old."""

    def end(self, *, is_passed: bool) -> Findings:
        """Put the new recording in the old one's place, or drop it."""
        if not is_passed:
            finished(self._recorder.discard())
            return Findings()
        if not self._recorder.interactions:
            # A test that connects to nothing has an empty recording: that it is there tells that it was recorded.
            self._recorder.begin()
        finished(self._recorder.finish())
        unfinished(self.path).replace(self.path)
        return Findings(recorded=1)


class ReplayedTest(_Simulated):
    """A test that is replayed: nothing is spoken to."""

    is_replayed = True

    def __init__(self, path: Path, mark: SimulationMark, *, node_id: str) -> None:
        from llm_devops_mongodb.errors import MongoError
        from pytest_llm_devops_mongodb.simulation.replayers import TestReplayer

        try:
            self._replayer = TestReplayer.load(path, **mark.matching)
        except (MongoError, TypeError, ValueError) as error:
            _fail(f"this test cannot be replayed: {error}", advice=_advice(Mode.REWRITE, node_id))
        self._is_strict = mark.is_strict
        self._node_id = node_id
        super().__init__(path, self._replayer)

    def shared(self) -> AbstractContextManager[None]:
        """Have them answer nothing: they are no part of this recording, and there is no server."""
        from llm_devops_mongodb.simulation import simulating
        from pytest_llm_devops_mongodb.simulation.replayers import SharedClients

        return simulating(SharedClients(self._replayer.recording))

    @property
    def is_finished(self) -> bool:
        """Whether the recording is whole."""
        return self._replayer.recording.is_finished

    def begin(self, item: pytest.Item, *, settings: SimulationSettings, clock: Callable[[], datetime]) -> None:
        """Tell a recording that is old."""
        if settings.max_age is None:
            return
        recorded_at = self._replayer.recording.header.recorded_at
        if clock() - recorded_at <= settings.max_age:
            return
        told = f"{self.path.name} was recorded on {recorded_at:%Y-%m-%d}, longer ago than mongo_simulation_max_age"
        if settings.max_age_action is AgeAction.FAIL:
            _fail(told, advice=_advice(Mode.REWRITE, self._node_id))
        item.warn(OldRecordingWarning(told))

    def end(self, *, is_passed: bool) -> Findings:
        """Tell the recorded operations that were not asked for."""
        from llm_devops_mongodb.errors import MongoError

        if not is_passed:
            # A test that ended early asked for less; that it failed is told already.
            return Findings()
        if self._is_strict:
            try:
                self._replayer.check_test()
            except MongoError as error:
                _fail(str(error), advice=_advice(Mode.REWRITE, self._node_id))
        unused = self._replayer.unused
        if not unused:
            return Findings()
        named = [f"{entry.operation} {entry.namespace or ''}".rstrip() + f" (line {entry.line})" for entry in unused]
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        count = f"{len(unused)} of {len(self._replayer.recording.interactions)}"
        return Findings(unused={self._node_id: f"{count}: {', '.join(named[:_SHOWN])}{more}"})


def finished(work: Coroutine[Any, Any, Any]) -> None:
    """Run `work` to its end on an event loop and a thread of its own: the present thread's loop may be in use."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, work).result()


def _advice(mode: Mode, node_id: str) -> str:
    return f"to record it against a real server: pytest --mongo-simulation={mode.value} {_quoted(node_id)}"


def _quoted(node_id: str) -> str:
    return f"'{node_id}'" if set(node_id) & set(' []()*?;&|<>$"\\') else node_id


def _fail(what: str, *, advice: str) -> NoReturn:
    pytest.fail(f"{what}\n{advice}", pytrace=False)
