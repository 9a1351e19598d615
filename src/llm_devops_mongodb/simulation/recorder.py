"""What records: it numbers what is asked, leaves out what is secret, and writes as it goes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import SimulationError
from llm_devops_mongodb.security.redaction import DEFAULT_SENSITIVE_FIELDS, SensitiveFields
from llm_devops_mongodb.simulation.bindings import this_process
from llm_devops_mongodb.simulation.cassette import Header, Interaction, Journal, Part, write_recording
from llm_devops_mongodb.simulation.finishing import finished
from llm_devops_mongodb.simulation.placeholders import Redactor

if TYPE_CHECKING:
    import os

    from llm_devops_mongodb.simulation.cassette import Recording

BeforeRecord = Callable[[dict[str, Any]], "dict[str, Any] | None"]
"""Gets what is about to be written, with its documents decoded, and returns what to write; None writes nothing."""

_DRIVER = "pymongo"
_LIBRARY = "llm-devops-mongodb"


class SimulationRecorder:
    """Records every operation of the clients that it is given to.

    What was asked and answered is written as soon as it is known, so that a process that is killed loses nothing that
    it finished. When the recording is finished it is written anew, for people to read; until then a file of that
    name that was there before is kept beside it.

    Args:
        path: The file; None records into a temporary file, and `save` keeps it.
        redacted_fields: The fields whose values are replaced, wherever they are in a document.
        before_record: Gets each interaction, and each batch of a stream, before it is written; see `BeforeRecord`.

    Example:
        ```python
        async with MongoClient.connect(uri, simulation_mode="record", simulation_path="orders.jsonl") as client:
            await run(client)
        ```
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        redacted_fields: Iterable[str] = DEFAULT_SENSITIVE_FIELDS,
        before_record: BeforeRecord | None = None,
    ) -> None:
        self._given = None if path is None else Path(path)
        self._fields = SensitiveFields(redacted_fields)
        self._before_record = before_record
        self._redactor = Redactor(self._fields)
        self._journal: Journal | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._numbers = count(1)
        self._clients = count(1)
        self._written = 0
        self._finished: Recording | None = None

    @property
    def path(self) -> Path | None:
        """The file; None where none was given."""
        return self._given

    @property
    def interactions(self) -> int:
        """How many operations were recorded so far."""
        return self._written

    @property
    def redactor(self) -> Redactor:
        """What keeps secrets out of the file."""
        return self._redactor

    def begin(self, *, server_version: str | None = None) -> int:
        """Begin to record a client, and return its number; the first one opens the file.

        Raises:
            SimulationError: The file cannot be made, or somebody records to it.
        """
        if self._journal is None:
            self._journal = Journal.begun(self._file(), _header(self._fields, server_version))
        return next(self._clients)

    def next_number(self) -> int:
        """Return the number of an operation that begins now."""
        return next(self._numbers)

    def write(self, content: Interaction | Part) -> None:
        """Write an operation that was answered, or what a stream gave. What comes after the end is passed over."""
        if self._journal is None or self._finished is not None:
            return
        try:
            self._journal.write(content)
        except OSError as error:
            raise SimulationError(f"cannot record any further to {self._journal.path}: {error.strerror}") from error
        if isinstance(content, Interaction):
            self._written += 1

    def changed(self, told: dict[str, Any]) -> dict[str, Any] | None:
        """Return what `before_record` makes of what is about to be written."""
        return told if self._before_record is None else self._before_record(told)

    @property
    def has_hook(self) -> bool:
        """Whether there is a `before_record`."""
        return self._before_record is not None

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was recorded so far as a finished recording; recording goes on.

        Args:
            path: The file; one that is there is replaced.
        """
        await asyncio.to_thread(self._save, Path(path))

    async def finish(self) -> None:
        """End the recording and make it readable. May be called again; a client that records for itself calls it."""
        await asyncio.to_thread(self._finish)

    async def discard(self) -> None:
        """End the recording and remove it; a file of that name that was there before is there again."""
        if self._journal is not None and self._finished is None:
            self._finished = finished(self._journal.read())
            self._journal.close(keep=False)
            self._clean()

    def _file(self) -> Path:
        if self._given is not None:
            return self._given
        self._folder = tempfile.TemporaryDirectory(prefix="llm-devops-mongodb-")
        return Path(self._folder.name) / "recording.jsonl"

    def _save(self, path: Path) -> None:
        recording = self._recording()
        write_recording(path, recording.header, recording.interactions)

    def _recording(self) -> Recording:
        if self._finished is not None:
            return self._finished
        if self._journal is None:
            self.begin()
        journal = self._journal
        assert journal is not None  # noqa: S101  # `begin` has made it
        return finished(journal.read())

    def _finish(self) -> None:
        if self._journal is None or self._finished is not None:
            return
        self._finished = self._recording()
        if self._given is not None:
            write_recording(self._given, self._finished.header, self._finished.interactions)
        self._journal.close()
        self._clean()

    def _clean(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _header(fields: SensitiveFields, server_version: str | None) -> Header:
    return Header(
        library_version=version(_LIBRARY),
        driver_version=version(_DRIVER),
        server_version=server_version,
        recorded_at=datetime.now(UTC),
        id_process=this_process().hex(),
        redacted_fields=fields.names,
    )
