"""Concerns and preferences as the format writes them, as this library's values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from llm_devops_mongodb import ReadConcern, ReadPreference, WriteConcern
from tests.conformance import unsupported
from tests.conformance.verdicts import MismatchError


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `with_options` takes for `readPreference`, `readConcern` and `writeConcern`.

    Raises:
        MismatchError: There is another key.
        UnsupportedError: A key is left out on purpose.
        ConfigError: A value cannot exist.
    """
    unsupported.refuse_in(unsupported.ARGUMENTS, given)
    if unknown := given.keys() - _READERS.keys():
        raise MismatchError(f"unknown settings: {', '.join(sorted(unknown))}")
    return {_READERS[name][0]: _READERS[name][1](value) for name, value in given.items()}


def read_concern(given: Mapping[str, Any]) -> ReadConcern | None:
    """Return a read concern; None where no level is given, which is the server's own."""
    level = _only(given, "level").get("level")
    return None if level is None else ReadConcern(level)


def write_concern(given: Mapping[str, Any]) -> WriteConcern | None:
    """Return a write concern; None where nothing is given, which is the server's own."""
    _only(given, "w", "journal", "wtimeoutMS")
    if not given:
        return None
    limit = given.get("wtimeoutMS")
    return WriteConcern(
        w=given.get("w"),
        journal=given.get("journal", False),
        timeout=None if limit is None else timedelta(milliseconds=limit),
    )


def read_preference(given: Mapping[str, Any]) -> ReadPreference:
    """Return a read preference."""
    unsupported.refuse_in(unsupported.ARGUMENTS, given)
    _only(given, "mode", "tagSets", "maxStalenessSeconds", "hedge")
    described: dict[str, Any] = {"mode": given.get("mode", "primary"), "tag_sets": given.get("tagSets")}
    if (limit := given.get("maxStalenessSeconds", -1)) != -1:
        described["max_staleness"] = timedelta(seconds=limit)
    return ReadPreference.of(described)


def timeout(milliseconds: int) -> timedelta:
    """Return a limit; 0 is the format's word for none."""
    return timedelta(milliseconds=milliseconds) if milliseconds else timedelta.max


def _only(given: Mapping[str, Any], *known: str) -> Mapping[str, Any]:
    if unknown := given.keys() - set(known):
        raise MismatchError(f"unknown settings: {', '.join(sorted(unknown))}")
    return given


_READERS: Mapping[str, tuple[str, Any]] = {
    "readConcern": ("read_concern", read_concern),
    "readPreference": ("read_preference", read_preference),
    "writeConcern": ("write_concern", write_concern),
    "timeoutMS": ("timeout", timeout),
}
