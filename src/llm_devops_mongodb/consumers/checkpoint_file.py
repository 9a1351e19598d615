"""One checkpoint in one file, and the one before it beside it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bson import json_util
from bson.errors import BSONError

from llm_devops_mongodb.consumers.checkpoint import Checkpoint
from llm_devops_mongodb.consumers.errors import CheckpointError
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
_PRIVATE = 0o600
_CHECKSUM = "sha256"
_JSON = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True, tzinfo=UTC)

_log = logging.getLogger("llm_devops_mongodb.consumers")


class CheckpointFile:
    """A checkpoint as canonical Extended JSON with a checksum, which a crash leaves whole at every moment.

    The new one is written to a file of its own and made durable, then the present one is renamed to `.previous` and
    the new one to its name. A present one that is not whole is not kept: the one before it is worth more.

    Args:
        path: The file.
        name: The checkpoint's name.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._previous = path.with_name(f"{path.name}.previous")
        self._fresh = path.with_name(f"{path.name}.new")
        self._name = name

    def read(self) -> Checkpoint | None:
        """Return the checkpoint, or the one before it where it is damaged; None where there is none.

        Raises:
            CheckpointError: There is one and none can be read, or it is of a format that is not known.
            OSError: The system does not let it be read.
        """
        content = self._content()
        if content is None:
            return None
        # Two names may be one file where a file system does not tell capitals.
        if content.get("name") != self._name:
            raise CheckpointError(f"{self._path} is the checkpoint of another name than {self._name!r}")
        return Checkpoint.from_document(self._name, content)

    def write(self, checkpoint: Checkpoint) -> None:
        """Put `checkpoint` in place of the one that is there; it is durable when this returns.

        Raises:
            OSError: The system does not let it be written.
        """
        stored = {"name": self._name, **checkpoint.to_document(), "updated_at": datetime.now(UTC)}
        _write(self._fresh, _sealed(stored))
        if _opened(self._path) is not None:
            self._path.replace(self._previous)
        self._fresh.replace(self._path)
        _settle(self._path.parent)

    def _content(self) -> dict[str, Any] | None:
        there = [path for path in (self._path, self._previous) if path.exists()]
        for path in there:
            if (content := _opened(path)) is not None:
                if path != self._path:
                    _log.warning("%s is damaged or missing; going on from the checkpoint before it", self._path)
                return content
        if not there:
            return None
        raise CheckpointError(
            f"{self._path} is damaged, and there is no whole checkpoint before it; restore it, or remove it and "
            f"{self._previous.name} to begin anew"
        )


def _sealed(document: dict[str, Any]) -> bytes:
    content = json.loads(json_util.dumps(document, json_options=_JSON))
    return (json.dumps({_CHECKSUM: _checksum(content), "checkpoint": content}, indent=1) + "\n").encode()


def _opened(path: Path) -> dict[str, Any] | None:
    """Return what is in a sealed file; None where it is not whole, or not there."""
    try:
        sealed: Any = json.loads(path.read_bytes())
        if not is_mapping(sealed) or sealed.get(_CHECKSUM) != _checksum(sealed.get("checkpoint")):
            return None
        content = json_util.loads(json.dumps(sealed["checkpoint"]), json_options=_JSON)
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError, BSONError):
        return None
    return dict(content) if is_mapping(content) else None


def _checksum(content: Any) -> str:
    """The checksum of what JSON means, not of how it is written: to look at the file with an editor breaks nothing."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, _FLAGS, _PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        # It may be there already, from a process that was killed.
        os.fchmod(descriptor, _PRIVATE)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _settle(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
