"""The hooks of simulation: what is asked of pytest, and when."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_llm_devops_mongodb.simulation import marks
from pytest_llm_devops_mongodb.simulation.findings import Findings, RunFindings, orphans
from pytest_llm_devops_mongodb.simulation.modules import CollectedModule, Collection
from pytest_llm_devops_mongodb.simulation.paths import recording_path
from pytest_llm_devops_mongodb.simulation.settings import Mode, settings_of
from pytest_llm_devops_mongodb.simulation.simulated_test import SimulatedTest, simulated_test

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from pytest_llm_devops_mongodb.simulation.settings import SimulationSettings

TEST = pytest.StashKey[SimulatedTest]()
"""Where a marked test that runs has how it is simulated."""
_IS_AS_EXPECTED = pytest.StashKey[bool]()
_FINDINGS = pytest.StashKey[Findings]()
_SENT = "mongo_simulation"
"""The name under which a report, and the output of a worker of pytest-xdist, carry what this plugin has to tell."""


def run_of(config: pytest.Config) -> SimulationRun:
    """Return the simulation of a run."""
    return cast("SimulationRun", config.pluginmanager.get_plugin(SimulationRun.NAME))


class SimulationRun:
    """The simulation of one run: its settings, what was collected, the test that runs and what is to be told."""

    NAME = "mongo_simulation_run"

    def __init__(self, config: pytest.Config) -> None:
        self.settings: SimulationSettings = settings_of(config)
        self.current: SimulatedTest | None = None
        self._collection = Collection(self.settings.folder)
        self._findings = RunFindings()
        self._modules: dict[Path, CollectedModule] = {}

    @property
    def has_server(self) -> bool:
        """Whether there is a server for what runs now."""
        return self.current is None or not self.current.is_replayed

    def has_marked_tests(self, session: pytest.Session) -> bool:
        """Whether the run has a test for which there may be no server."""
        return self.settings.mode is not Mode.LIVE and any(
            item.get_closest_marker(marks.NAME) for item in session.items
        )

    def folder_of(self, item: pytest.Item) -> Path:
        """Return the folder of recordings beside a test's file."""
        return item.path.parent / self.settings.folder

    def pytest_report_header(self) -> str | None:
        """Tell that a real server may be spoken to."""
        return None if self.settings.mode is Mode.REPLAY else f"mongo simulation: {self.settings.mode.value}"

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note what a file or a class holds; innermost, for `--lf` takes tests away here."""
        report = yield
        if isinstance(collector, (pytest.Module, pytest.Class)):
            self._collection.add(collector, report.result if report.passed else None)
        return report

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Find out how a marked test is to run; after the hook that skips tests, before the fixtures."""
        self.current = None
        try:
            mark = marks.mark_of(item)
        except marks.MarkError as error:
            pytest.fail(str(error), pytrace=False)
        if mark is None or self.settings.mode is Mode.LIVE:
            return
        path = recording_path(item, self.settings.folder, name=mark.name)
        others = self._users.get(str(path).casefold(), set()) - {item.nodeid}
        if others:
            pytest.fail(f"{path} would be the recording of this test and of {', '.join(sorted(others))}", pytrace=False)
        self.current = simulated_test(path, mark, self.settings.mode, node_id=item.nodeid)
        item.stash[TEST] = self.current
        item.stash[_IS_AS_EXPECTED] = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Keep the clients of fixtures that outlive a replayed test from a server, and from the test's recording."""
        if self.current is None or fixturedef.scope == "function":
            return (yield)
        with self.current.shared():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Keep or drop what was recorded, once the fixtures have told whether they came down well."""
        test = item.stash.get(TEST, None)
        is_passed = test is not None and item.stash[_IS_AS_EXPECTED]
        try:
            yield
        except BaseException:
            is_passed = False
            raise
        finally:
            self.current = None
            if test is not None:
                del item.stash[TEST]
                item.stash[_FINDINGS] = test.end(is_passed=is_passed)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note whether the test does what is expected, and give its last report what it told."""
        report = yield
        if _IS_AS_EXPECTED in item.stash:
            item.stash[_IS_AS_EXPECTED] &= report.passed or hasattr(report, "wasxfail")
        if call.when == "teardown" and _FINDINGS in item.stash:
            setattr(report, _SENT, item.stash[_FINDINGS].as_plain())
            del item.stash[_FINDINGS]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test told, here or on a worker of pytest-xdist."""
        told: dict[str, Any] | None = getattr(report, _SENT, None)
        if told is not None:
            self._findings.add(report.nodeid, told)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker of pytest-xdist has collected; they all collect the same."""
        for plain in getattr(node, "workeroutput", {}).get(_SENT, ()):
            self._add(CollectedModule.from_plain(plain))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look for recordings that no test uses; under pytest-xdist that is for the controller to do."""
        config = session.config
        if self.current is not None:  # the run was interrupted in the middle of a test
            self.current.end(is_passed=False)
        for module in self._collection.whole_modules(config.args, directory=config.invocation_params.dir):
            self._add(module)
        output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        if output is not None:
            output[_SENT] = [module.as_plain() for module in self._modules.values()]
            return
        self._findings.orphans = orphans(self._modules.values(), patterns=config.getini("python_files"))
        if self.settings.is_strict and self._findings.fail_a_strict_run and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell it."""
        self._findings.write(terminalreporter, is_strict=self.settings.is_strict)

    @cached_property
    def _users(self) -> dict[str, set[str]]:
        return self._collection.users()

    def _add(self, module: CollectedModule) -> None:
        self._modules[module.file] = module
