"""Finding the server program, and the errors of not finding or not starting it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import MongoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VARIABLE = "MONGOD_BINARY"
_WAYS = (
    f"set {_VARIABLE} to a mongod, put a mongod on PATH, or on Linux x86-64 install one: "
    "pip install 'llm-devops-mongodb[embedded]'"
)


class MongodNotFoundError(MongoError):
    """There is no server program to start."""


class MongodStartError(MongoError):
    """A server did not start, or is not there any more.

    Attributes:
        exit_status: How the server ended, negative for a signal; None if it did not end.
        log: The last telling lines of the server's log.
    """

    def __init__(self, message: str, *, exit_status: int | None = None, log: str = "", **details: Any) -> None:
        super().__init__(f"{message}\n{log}" if log else message, **details)
        self.exit_status = exit_status
        self.log = log


def find_mongod(environment: Mapping[str, str] | None = None, *, package_folders: Iterable[str] | None = None) -> Path:
    """Find a mongod: the one `MONGOD_BINARY` names, else one on PATH, else the one of the extra `embedded`.

    Args:
        environment: Where `MONGOD_BINARY` and `PATH` are looked up; the process's own by default.
        package_folders: The folders of the package `fiftyone`, which the extra installs; looked up by default,
            without importing it.

    Raises:
        MongodNotFoundError: None of the three is there, or `MONGOD_BINARY` names a file that cannot be run.
    """
    environment = os.environ if environment is None else environment
    if named := environment.get(_VARIABLE):
        return _runnable(named)
    if found := shutil.which("mongod", path=environment.get("PATH", "")):
        return Path(found)
    for folder in _fiftyone_folders() if package_folders is None else package_folders:
        if found := shutil.which("mongod", path=str(Path(folder, "db", "bin"))):
            return Path(found)
    raise MongodNotFoundError(f"no mongod found: {_WAYS}")


def _runnable(named: str) -> Path:
    path = Path(named)
    if not path.is_file():
        raise MongodNotFoundError(f"{_VARIABLE} is set, but {path} is not a file: {_WAYS}")
    if not os.access(path, os.X_OK):
        raise MongodNotFoundError(f"{_VARIABLE} is set, but {path} is not executable")
    return path


def _fiftyone_folders() -> Iterable[str]:
    package = find_spec("fiftyone")
    return (package and package.submodule_search_locations) or ()
