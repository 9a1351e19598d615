"""Files of recordings, and what must not be written to."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from llm_devops_mongodb.cli.loading import Refusal
from llm_devops_mongodb.file_lock import FileLock

RECORDING = click.Path(exists=True, dir_okay=False, path_type=Path)
"""An argument that names a file that is there."""


def is_being_recorded(path: Path) -> bool:
    """Tell whether a process records to the file now."""
    beside = path.with_name(f".{path.name}.lock")
    if not beside.exists():
        return False
    lock = FileLock.taken(beside)
    if lock is None:
        return True
    lock.release()
    return False


def refuse_if_being_recorded(path: Path) -> None:
    """Raise where a process records to the file now.

    Raises:
        Refusal: One does.
    """
    if is_being_recorded(path):
        raise Refusal(f"{path}: a process records to it now")


def write_text(path: Path, text: str) -> None:
    """Write a file whole: into one beside it first, which then takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("x", encoding="utf-8") as fresh:
            fresh.write(text)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
