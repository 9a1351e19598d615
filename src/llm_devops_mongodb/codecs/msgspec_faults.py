"""Why msgspec refused a document: its texts taken apart, without the values some of them hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from llm_devops_mongodb.codecs.faults import MISSING, UNKNOWN, expected, follow, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.codecs.faults import Path

_PLACE = re.compile(r" - at (`key` in )?`\$([^`]*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_MISMATCH = re.compile(r"Expected `([^`]+)`(?:, got `[^`]+`)?\Z")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `([^`]*)`\Z")
_ANY_NAME = "..."
_NAMES = {"array": "list", "object": "dict", "null": "None", "decimal": "Decimal", "uuid": "UUID"}

# Texts that msgspec never adds a value to. Those that begin with "Expected" hold limits of the model at most.
_PLAIN_TEXTS = frozenset(
    {
        "Invalid UUID",
        "Invalid decimal string",
        "Invalid RFC3339 encoded date",
        "Invalid RFC3339 encoded datetime",
        "Invalid RFC3339 encoded time",
        "Invalid ISO8601 duration",
        "Integer value out of range",
    }
)


def fault_of(root: list[Any], error: Exception, read: Callable[[list[Any]], object]) -> tuple[Path, str]:
    """Tell where and why msgspec refused `root`: it stops at the first fault.

    Args:
        root: What was refused.
        error: What msgspec raised.
        read: Reads `root` once more, to find out a name that msgspec does not tell.
    """
    text = str(error)
    place = _PLACE.search(text)
    path: Path = ()
    for step in _steps(place) if place else ():
        path = (*path, *(_failing_name(root, path, text, read) if step == _ANY_NAME else (step,)))
    path, value = follow(root, path)
    # A cause is an error of the model's own code, and its text may hold anything.
    reason = "" if error.__cause__ else _PLACE.sub("", text)
    if found := _FIELD.match(reason):
        return (*path, found[2]), MISSING if found[1] == "missing required" else UNKNOWN
    of_name = place is not None and place[1] is not None
    return path, _message(reason, path[-1] if of_name else value)


def _steps(place: re.Match[str]) -> list[str | int]:
    steps: list[str | int] = [
        name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(place[2])
    ]
    return [*steps, _ANY_NAME] if place[1] else steps


def _failing_name(root: list[Any], path: Path, text: str, read: Callable[[list[Any]], object]) -> Path:
    """Find the first name of the dict at `path` that fails alone with the same text."""
    _, names = follow(root, path)
    items = dict(names)
    try:
        for name, item in items.items():
            names.clear()
            names[name] = item
            if _refusal(root, read) == text:
                return (name,)
    finally:
        names.clear()
        names.update(items)
    return ()


def _refusal(root: list[Any], read: Callable[[list[Any]], object]) -> str:
    try:
        read(root)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _message(reason: str, value: object) -> str:
    if found := _MISMATCH.match(reason):
        return expected(" or ".join(_NAMES.get(name, name) for name in found[1].split(" | ")), value)
    if reason.startswith("Expected `"):
        return reason.replace("`", "").replace("Expected", "expected")
    if reason in _PLAIN_TEXTS:
        return f"{reason[0].lower()}{reason[1:]}, found {kind(value)}"
    if reason.startswith(("Invalid enum value", "Invalid value")):
        return expected("one of the allowed values", value)
    return f"the model refuses this {kind(value)}"
