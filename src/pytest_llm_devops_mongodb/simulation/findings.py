"""What a run tells at its end about its recordings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_llm_devops_mongodb.simulation.paths import SUFFIX, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pytest

    from pytest_llm_devops_mongodb.simulation.modules import CollectedModule


@dataclass(frozen=True, slots=True)
class Findings:
    """What one test told.

    Attributes:
        recorded: How many recordings were written.
        unused: By test, the recorded operations that it did not ask for.
    """

    recorded: int = 0
    unused: Mapping[str, str] = field(default_factory=dict[str, str])

    def as_plain(self) -> dict[str, Any]:
        """Return them as what a report carries from a worker of pytest-xdist."""
        return asdict(self)


class RunFindings:
    """What the tests of a run told, and the recordings that none of them uses."""

    def __init__(self) -> None:
        self._recorded: dict[str, int] = {}
        self._unused: dict[str, str] = {}
        self.orphans: tuple[Path, ...] = ()

    def add(self, node_id: str, told: Mapping[str, Any]) -> None:
        """Take what a test told; a test that is run again tells anew."""
        findings = Findings(**told)
        self._recorded[node_id] = max(findings.recorded, self._recorded.get(node_id, 0))
        self._unused.pop(node_id, None)
        self._unused.update(findings.unused)

    @property
    def fail_a_strict_run(self) -> bool:
        """Whether there is something that a strict run does not allow."""
        return bool(self._unused or self.orphans)

    def write(self, terminal: pytest.TerminalReporter, *, is_strict: bool) -> None:
        """Write what there is to tell."""
        recorded = sum(self._recorded.values())
        if not (recorded or self.fail_a_strict_run):
            return
        terminal.section("MongoDB simulation", "=")
        if recorded:
            terminal.write_line(f"recorded: {recorded}")
        colour = {"red" if is_strict else "yellow": True}
        if self.orphans:
            terminal.write_line(f"recordings that no test uses: {len(self.orphans)}", **colour)
            for orphan in self.orphans:
                terminal.write_line(f"  {_shown(orphan, terminal.config.rootpath)}")
        if self._unused:
            terminal.write_line(f"tests that did not ask for all that is recorded: {len(self._unused)}", **colour)
            for node_id, what in sorted(self._unused.items()):
                terminal.write_line(f"  {node_id}: {what}")


def orphans(modules: Iterable[CollectedModule], *, patterns: Iterable[str]) -> tuple[Path, ...]:
    """Return the recordings beside `modules` that none of their tests uses, those never finished included.

    Args:
        modules: Files whose tests are all known.
        patterns: How test files are named.
    """
    named = tuple(patterns)
    found: set[Path] = set()
    for module in modules:
        found |= _recordings(module.folder) - module.used
        for folder in module.folders_of_missing_modules(named):
            found |= _recordings(folder)
    return tuple(sorted(found))


def _recordings(folder: Path) -> set[Path]:
    return {path for ending in (SUFFIX, SUFFIX + UNFINISHED) for path in folder.rglob(f"*{ending}")}


def _shown(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
