"""What a strict pydantic model takes from Python and BSON does not have.

A strict model takes an enum's member but not its value, a tuple but no list. Read as it is, what it was written as
would be refused, so exactly those values are made before pydantic looks at them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from llm_devops_mongodb.codecs.conversions import to_date
from llm_devops_mongodb.codecs.values import is_dict, is_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import Enum

    from llm_devops_mongodb.codecs.conversions import Conversion


def _from_text(kind: Any) -> Conversion:
    def convert(value: Any) -> Any:
        try:
            return msgspec.convert(value, kind) if isinstance(value, str) else value
        except msgspec.ValidationError:
            return value

    return convert


LEAVES: dict[str, Conversion] = {
    "date": to_date,
    "time": _from_text(dt.time),
    "timedelta": _from_text(dt.timedelta),
}
"""Conversions by kind of core schema."""

COLLECTIONS: dict[str, Callable[[Iterable[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
"""Collections that are stored as arrays, by kind of core schema."""


def to_member(members: Iterable[Enum]) -> Conversion:
    """The member of an enum that has the value."""
    by_value = {member.value: member for member in members}
    return lambda value: by_value.get(value, value) if isinstance(value, (str, int, float)) else value


def to_collection(kind: Callable[[Iterable[Any]], Any], items: Conversion | None) -> Conversion:
    """The collection of a list whose items are converted first; a list that cannot be one is left."""

    def convert(value: Any) -> Any:
        if not is_list(value):
            return value
        try:
            return kind(value if items is None else items(value))
        except TypeError:
            return value

    return convert


def to_int_names(value: Any) -> Any:
    """The dict with int keys of one with their text."""
    try:
        return {int(name): item for name, item in value.items()} if is_dict(value) else value
    except ValueError:
        return value
