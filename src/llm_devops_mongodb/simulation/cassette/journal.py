"""A cassette while it is recorded: written line by line, so that a process that is killed loses nothing it finished."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import SimulationError
from llm_devops_mongodb.file_lock import FileLock
from llm_devops_mongodb.simulation.cassette.reading import Recording
from llm_devops_mongodb.simulation.cassette.writing import line_of

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from llm_devops_mongodb.simulation.cassette.content import Header, Interaction, Part


class Journal:
    """The lines of a recording that is under way.

    A recording of that name that is there already is kept beside it, as `NAME.before`, until the new one is finished.

    Args:
        path: The file.
        descriptor: The file, open.
        lock: What keeps others from recording to it.
    """

    def __init__(self, path: Path, descriptor: int, lock: FileLock) -> None:
        self.path = path
        self._descriptor = descriptor
        self._lock = lock
        self._before = path.with_name(f"{path.name}.before")

    @classmethod
    def begun(cls, path: Path, header: Header) -> Self:
        """Begin a recording.

        Raises:
            SimulationError: Somebody records to the file, or it cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock.taken(path.with_name(f".{path.name}.lock"))
            if lock is None:
                raise SimulationError(
                    f"a recording to {path} is under way already; give each client a simulation_path of its own, or "
                    "let them share a recorder, by `simulating`"
                )
            journal = cls(path, _made(path), lock)
        except OSError as error:
            raise SimulationError(f"cannot record to {path}: {error.strerror}") from error
        journal.write(header)
        return journal

    def write(self, content: Header | Interaction | Part) -> None:
        """Write a line: it is with the operating system when this returns."""
        line = line_of(content)
        written = os.write(self._descriptor, line)
        while written < len(line):
            written += os.write(self._descriptor, line[written:])

    def read(self) -> Recording:
        """Return what was written so far."""
        return Recording.read(self.path.read_bytes(), self.path)

    def close(self, *, keep: bool = True) -> None:
        """Close the file, and remove what was there before; `keep=False` puts that back instead."""
        os.close(self._descriptor)
        if keep:
            self._before.unlink(missing_ok=True)
        else:
            self.path.unlink(missing_ok=True)
            if self._before.exists():
                self._before.replace(self.path)
        self.path.with_name(f".{self.path.name}.lock").unlink(missing_ok=True)
        self._lock.release()


def _made(path: Path) -> int:
    if path.exists():
        path.replace(path.with_name(f"{path.name}.before"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
