"""Files of the unified test format: where they are and what they hold.

https://github.com/mongodb/specifications/blob/master/source/unified-test-format/unified-test-format.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson import json_util
from bson.binary import UuidRepresentation
from bson.errors import BSONError

NEWEST_SCHEMA = (1, 28)
"""The newest schema whose every key this runner knows."""

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}")
_VALUES = json_util.JSONOptions(tz_aware=True, uuid_representation=UuidRepresentation.STANDARD, document_class=dict)
_TOP_KEYS = frozenset(
    {"description", "schemaVersion", "runOnRequirements", "createEntities", "initialData", "tests", "_yamlAnchors"}
)
_TEST_KEYS = frozenset(
    {
        "description",
        "runOnRequirements",
        "skipReason",
        "operations",
        "expectEvents",
        "expectLogMessages",
        "expectTracingMessages",
        "outcome",
    }
)


class NotUnifiedError(Exception):
    """The file is JSON, and of another format."""


class LoadingError(Exception):
    """The file should be of the unified test format and cannot be run."""


@dataclass(frozen=True, slots=True)
class TestFile:
    """One file, its values read as BSON.

    Attributes:
        path: Where it is.
        requirements: The file's `runOnRequirements`; one must be met, none is met everywhere.
        entities: What to create for every test.
        initial_data: What collections hold before every test.
        tests: The tests.
    """

    __test__ = False

    path: Path
    requirements: list[dict[str, Any]]
    entities: list[dict[str, Any]]
    initial_data: list[dict[str, Any]]
    tests: list[dict[str, Any]]


def find_files(places: Iterable[Path]) -> list[Path]:
    """Return the files given and the JSON files beneath the directories given, in order.

    Raises:
        FileNotFoundError: A place does not exist.
    """
    found: list[Path] = []
    for place in places:
        if not place.exists():
            raise FileNotFoundError(place)
        found += sorted(place.rglob("*.json")) if place.is_dir() else [place]
    return found


def load(path: Path) -> TestFile:
    """Read one file.

    Raises:
        NotUnifiedError: It is of another format.
        LoadingError: It cannot be read, or asks for a schema that this runner does not know.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text)
    except (OSError, ValueError) as error:
        raise LoadingError(f"no JSON: {error}") from error
    if not isinstance(raw, Mapping) or "schemaVersion" not in raw:
        raise NotUnifiedError("no file of the unified test format: it has no schemaVersion")
    check_schema_version(raw["schemaVersion"])
    try:
        return _read(path, json_util.loads(text, json_options=_VALUES))
    except (TypeError, ValueError, BSONError) as error:
        raise LoadingError(f"no Extended JSON: {error}") from error


def check_schema_version(version: object) -> None:
    """Refuse a schema that is newer than this runner, or of another major version.

    Raises:
        LoadingError: It is refused, or no version.
    """
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise LoadingError("schemaVersion is no version")
    major, minor, *_ = (*version_of(version), 0)
    if major != NEWEST_SCHEMA[0] or minor > NEWEST_SCHEMA[1]:
        raise LoadingError(f"schema {version} is not known; 1.0 to {'.'.join(map(str, NEWEST_SCHEMA))} are")


def version_of(text: str) -> tuple[int, int, int]:
    """Return the three numbers of a version; what is missing is 0, what comes after them is not looked at."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", text.partition("-")[0])[:3]]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch


def _read(path: Path, content: dict[str, Any]) -> TestFile:
    tests = content.get("tests")
    if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
        raise LoadingError("it has no tests")
    _check_keys(content, _TOP_KEYS, "the file")
    for test in tests:
        _check_keys(test, _TEST_KEYS, "a test")
        if not isinstance(test.get("operations"), list):
            raise LoadingError("a test has no operations")
    return TestFile(
        path,
        content.get("runOnRequirements", []),
        content.get("createEntities", []),
        content.get("initialData", []),
        tests,
    )


def _check_keys(content: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if unknown := content.keys() - known:
        raise LoadingError(f"{place} has keys that the schema does not know: {', '.join(sorted(unknown))}")
