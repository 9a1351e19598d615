"""What the command line and the configuration file say about simulation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

_MODE_HELP = (
    "marked tests: replay (the default; no server is spoken to), record those that have no recording, "
    "rewrite every recording, or live (neither record nor replay)"
)
_STRICT_HELP = "fail the run for recordings that no test uses, and for recorded operations that no test asked for"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(?:\d+[smhdw])+")
_PART = re.compile(r"(\d+)([smhdw])")


class Mode(StrEnum):
    """What becomes of the marked tests."""

    REPLAY = "replay"
    RECORD = "record"
    REWRITE = "rewrite"
    LIVE = "live"


class AgeAction(StrEnum):
    """What an old recording leads to."""

    WARN = "warn"
    FAIL = "fail"


ChoiceT = TypeVar("ChoiceT", Mode, AgeAction)


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """The settings of a run.

    Attributes:
        mode: What becomes of the marked tests.
        folder: The folder of recordings, as seen from the folder of a test file.
        is_strict: Whether findings fail the run.
        max_age: The age from which a recording is old; None is never.
        max_age_action: What an old recording leads to.
    """

    mode: Mode
    folder: PurePath
    is_strict: bool
    max_age: timedelta | None
    max_age_action: AgeAction


def add_options(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """Add the options, and the settings of configuration files."""
    # Text and no member of `Mode`: pytest-xdist hands options to its workers, and knows only plain values.
    group.addoption("--mongo-simulation", metavar="MODE", help=_MODE_HELP)
    group.addoption("--mongo-simulation-strict", action="store_true", help=_STRICT_HELP)
    parser.addini("mongo_simulation", help=_MODE_HELP, default="")
    parser.addini("mongo_simulation_strict", help=_STRICT_HELP, type="bool", default=False)
    parser.addini(
        "mongo_simulation_folder", help="the folder of recordings beside each test file", default="recordings"
    )
    parser.addini("mongo_simulation_max_age", help="the age from which a recording is old, such as 90d", default="")
    parser.addini("mongo_simulation_max_age_action", help="old recordings: warn, or fail their tests", default="warn")


def settings_of(config: pytest.Config) -> SimulationSettings:
    """Read the settings.

    Raises:
        pytest.UsageError: One of them cannot be.
    """
    option: str | None = config.getoption("--mongo-simulation")
    mode = option if option is not None else (config.getini("mongo_simulation") or "replay")
    strict: bool = config.getoption("--mongo-simulation-strict") or config.getini("mongo_simulation_strict")
    return SimulationSettings(
        mode=_choice(Mode, mode, "--mongo-simulation" if option is not None else "mongo_simulation"),
        folder=_folder(config.getini("mongo_simulation_folder")),
        is_strict=strict,
        max_age=_age(config.getini("mongo_simulation_max_age")),
        max_age_action=_choice(
            AgeAction, config.getini("mongo_simulation_max_age_action"), "mongo_simulation_max_age_action"
        ),
    )


def hint(word: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for a misspelt word, or the empty string."""
    # Here and not above: the library is loaded where something went wrong.
    from llm_devops_mongodb.spelling import hint

    return hint(word, known)


def _choice(choices: type[ChoiceT], word: str, where: str) -> ChoiceT:
    if word in {choice.value for choice in choices}:
        return choices(word)
    known = [choice.value for choice in choices]
    raise pytest.UsageError(f"{where}: {word!r} is none of {', '.join(known)}{hint(word, known)}")


def _folder(given: str) -> PurePath:
    """A folder beside the tests: elsewhere two test files of one name would share recordings."""
    folder = PurePath(given)
    if folder.is_absolute() or ".." in folder.parts or not folder.parts:
        raise pytest.UsageError("mongo_simulation_folder: must be a folder under that of the test file")
    return folder


def _age(given: str) -> timedelta | None:
    """As the library reads durations; told here because reading a setting must not load it."""
    if not given:
        return None
    if not _AGE.fullmatch(given):
        raise pytest.UsageError(f"mongo_simulation_max_age: {given!r} is no age; write 90d, 12h or 1w3d")
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(given)), timedelta())
    except OverflowError as error:
        raise pytest.UsageError("mongo_simulation_max_age: is too long") from error
