"""Turning what BSON gives into what a model's library takes, in place, and only where a model asks for it.

Neither msgspec nor pydantic knows BSON's own types, and BSON has no dates without a time. Which fields need a
conversion is decided once from the model; a model that needs none pays nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bson import Binary, Decimal128, Int64, Regex

from llm_devops_mongodb.codecs.values import is_dict, is_list

Conversion = Callable[[Any], Any]
"""Returns what is to stand in a value's place: the same, changed or not, where it is of no concern."""

_MIDNIGHT = dt.time()
_EPOCH_IN_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH = _EPOCH_IN_UTC.replace(tzinfo=None)


def to_utc(value: Any) -> Any:
    """The datetime in UTC of one without a time zone.

    Adding to the epoch takes a tenth of the time of `replace(tzinfo=...)`, which is what `bson` does.
    """
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return _EPOCH_IN_UTC + (value - _EPOCH)
    return value


def to_date(value: Any) -> Any:
    """The day of a datetime at midnight; one with a time of day is left, since a date would lose it."""
    return value.date() if isinstance(value, dt.datetime) and value.time() == _MIDNIGHT else value


def to_decimal(value: Any) -> Any:
    """The Decimal of a Decimal128."""
    return value.to_decimal() if isinstance(value, Decimal128) else value


def to_int64(value: Any) -> Any:
    """The Int64 of an int: BSON's shorter integers are read as int."""
    return Int64(value) if type(value) is int else value


def to_binary(value: Any) -> Any:
    """The Binary of bytes: BSON's generic binary is read as bytes."""
    return Binary(value) if type(value) is bytes else value


def to_pattern(value: Any) -> Any:
    """The compiled pattern of a Regex, where it is one in Python too."""
    if not isinstance(value, Regex):
        return value
    try:
        return cast("Regex[str]", value).try_compile()
    except re.error:
        return cast("Regex[str]", value)


TO_CLASS: dict[type[Any], Conversion] = {Int64: to_int64, Binary: to_binary, re.Pattern: to_pattern}
"""Conversions to the types of BSON that are not always read as such."""


def of_items(conversion: Conversion) -> Conversion:
    """Apply `conversion` to each item of a list."""

    def convert(value: Any) -> Any:
        if is_list(value):
            value[:] = [conversion(item) for item in value]
        return value

    return convert


def of_positions(conversions: Sequence[Conversion | None]) -> Conversion:
    """Apply to each item of a list the conversion of its position."""
    steps = [(index, conversion) for index, conversion in enumerate(conversions) if conversion is not None]

    def convert(value: Any) -> Any:
        if is_list(value):
            for index, conversion in steps:
                if index < len(value):
                    value[index] = conversion(value[index])
        return value

    return convert


def of_values(conversion: Conversion) -> Conversion:
    """Apply `conversion` to each value of a dict."""

    def convert(value: Any) -> Any:
        if is_dict(value):
            for key in value:
                value[key] = conversion(value[key])
        return value

    return convert


def of_fields(conversions: Mapping[str, Conversion]) -> Conversion:
    """Apply to each field of a dict the conversion of its name."""
    steps = tuple(conversions.items())

    def convert(value: Any) -> Any:
        if is_dict(value):
            for name, conversion in steps:
                if name in value:
                    value[name] = conversion(value[name])
        return value

    return convert


def of_tagged(conversion: Conversion, field: str, tag: object) -> Conversion:
    """Apply `conversion` to a dict whose `field` is `tag`, or is not there."""

    def convert(value: Any) -> Any:
        return conversion(value) if is_dict(value) and value.get(field, tag) == tag else value

    return convert


def one_after_another(conversions: Sequence[Conversion]) -> Conversion:
    """Apply each of `conversions`; those a value is no concern of leave it."""

    def convert(value: Any) -> Any:
        for conversion in conversions:
            value = conversion(value)
        return value

    return convert if len(conversions) > 1 else conversions[0]


class Later:
    """A conversion that is made while it is already referred to: a model that holds itself."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made: Conversion | None = None

    def __call__(self, value: Any) -> Any:
        """Apply what was made."""
        return value if self.made is None else self.made(value)
