"""The test files that were collected, and the recordings that belong to their tests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_devops_mongodb.simulation.marks import MarkError, mark_of
from pytest_llm_devops_mongodb.simulation.paths import module_folder, recording_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class CollectedModule:
    """A test file all of whose tests are known.

    Attributes:
        file: The file.
        folder: The folder of its recordings.
        used: The recordings of its tests.
    """

    file: Path
    folder: Path
    used: frozenset[Path]

    def folders_of_missing_modules(self, patterns: Iterable[str]) -> Iterator[Path]:
        """Yield the folders beside that of its recordings whose test files are gone.

        Args:
            patterns: How test files are named. A folder that none of them could have is somebody's own.
        """
        for folder in self.folder.parent.glob("*/"):
            file = f"{folder.name}.py"
            if any(fnmatch(file, pattern) for pattern in patterns) and not self.file.with_name(file).exists():
                yield folder

    def as_plain(self) -> dict[str, Any]:
        """Return it as what a worker of pytest-xdist sends."""
        return {"file": str(self.file), "folder": str(self.folder), "used": sorted(map(str, self.used))}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> CollectedModule:
        """Return what `as_plain` was made from."""
        return cls(Path(plain["file"]), Path(plain["folder"]), frozenset(map(Path, plain["used"])))


class Collection:
    """What a run has collected, before anything was deselected.

    Taken from what each file and class holds, as the collector tells it: what is left out afterwards, by `-k`, `-m`,
    `--lf` or a plugin, is not in the run's items but has its recording all the same.
    """

    def __init__(self, folder: PurePath) -> None:
        self._folder = folder
        self._held: dict[pytest.Collector, tuple[pytest.Item | pytest.Collector, ...] | None] = {}

    def add(self, collector: pytest.Collector, held: Iterable[pytest.Item | pytest.Collector] | None) -> None:
        """Take what a file or a class holds; None where that could not be found out."""
        self._held[collector] = None if held is None else tuple(held)

    def path_of(self, item: pytest.Item) -> Path | None:
        """Return the recording that a test uses; None for a test that uses none, or whose marker is wrong."""
        try:
            mark = mark_of(item)
        except MarkError:
            return None
        return None if mark is None else recording_path(item, self._folder, name=mark.name)

    def users(self) -> dict[str, set[str]]:
        """Return the tests by their recording, in small letters: a file system may not tell letters' case apart."""
        users: dict[str, set[str]] = defaultdict(set)
        for held in self._held.values():
            for item in held or ():
                path = self.path_of(item) if isinstance(item, pytest.Item) else None
                if path is not None:
                    users[str(path).casefold()].add(item.nodeid)
        return users

    def whole_modules(self, arguments: Iterable[str], *, directory: Path) -> Iterator[CollectedModule]:
        """Yield the files of which every test is known.

        Args:
            arguments: What pytest was asked to collect. A file that one of them names a part of is left out.
            directory: Where pytest was called.
        """
        named = {argument.partition("::")[0] for argument in arguments if "::" in argument}
        in_part = {(directory / name).resolve() for name in named}
        if any(not file.exists() for file in in_part):
            return  # parts of modules that were named as packages are: their files are not told
        for file, items in self._items_by_file().items():
            if items is not None and file.resolve() not in in_part:
                used = {path for path in map(self.path_of, items) if path is not None}
                yield CollectedModule(file, module_folder(file, self._folder), frozenset(used))

    def _items_by_file(self) -> dict[Path, list[pytest.Item] | None]:
        """All tests of each file; a file may be collected twice, for its tests and for its doctests."""
        by_file: dict[Path, list[pytest.Item] | None] = {}
        for module in self._held:
            if isinstance(module, pytest.Module):
                before = by_file.get(module.path, [])
                items = self._items(module)
                by_file[module.path] = None if before is None or items is None else before + items
        return by_file

    def _items(self, collector: pytest.Collector) -> list[pytest.Item] | None:
        """All tests of a file or class; None where it, or one of its classes, was not looked into."""
        contents = self._held.get(collector)
        if contents is None:
            return None
        items: list[pytest.Item] = []
        for held in contents:
            below = [held] if isinstance(held, pytest.Item) else self._items(held)
            if below is None:
                return None
            items += below
        return items
