"""Where the recording of a test is, and the name of its database: the same on every machine and at every run."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path, PurePath

SUFFIX = ".jsonl"
UNFINISHED = ".new"
"""What follows the name of a recording while its test runs, and stays where the test's process was killed."""

_LONGEST = 80  # with the hashes and both suffixes below the 255 bytes that a name may have
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_DATABASE_BYTES = 50  # as the names of databases of other tests


def module_folder(file: Path, folder: PurePath) -> Path:
    """Return the folder of the recordings of a test file."""
    return file.parent / folder / file.stem


def recording_path(item: pytest.Item, folder: PurePath, *, name: str | None = None) -> Path:
    """Return the path of a test's recording.

    Args:
        item: The test.
        folder: The folder of recordings, as seen from that of the test file.
        name: Takes the place of the function's name.
    """
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    function = getattr(item, "originalname", None) or item.name
    parameters = item.name.removeprefix(function)
    stem = _safe(name or function)
    if parameters:
        # No function's name holds a dash, so that no other function's recording has this name.
        stem = f"{stem}-{_safe(parameters.removeprefix('[').removesuffix(']'))}"
    return module_folder(item.path, folder).joinpath(*map(_safe, classes), stem + SUFFIX)


def unfinished(path: Path) -> Path:
    """Return where a recording is while its test runs."""
    return path.with_name(path.name + UNFINISHED)


def database_name(path: Path, folder: Path) -> str:
    """Return the name of the database of a test that is recorded.

    Args:
        path: Its recording.
        folder: The folder of recordings. What lies above it does not count: a project may be moved.
    """
    start = re.sub("[^a-z0-9]+", "_", path.stem.lower())[:_DATABASE_BYTES].strip("_")
    return f"{start}_{_hash(path.relative_to(folder).as_posix())}"


def _safe(text: str) -> str:
    """Return `text` as a file's name; a short hash after `~` tells apart what would become the same."""
    if text and not _ODD.search(text) and len(text) <= _LONGEST and not text.startswith(".") and not text.endswith("."):
        return text
    return f"{_ODD.sub('_', text)[:_LONGEST].strip('.')}~{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
