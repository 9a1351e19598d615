"""Which Python values BSON holds, and what the others that make sense are written as."""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from typing import Any, TypeGuard
from uuid import UUID

import msgspec
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pydantic import AnyUrl

BSON_TYPES: tuple[type[Any], ...] = (
    ObjectId,
    Decimal128,
    Int64,
    Binary,
    Regex,
    re.Pattern,
    Timestamp,
    DatetimeMS,
    MinKey,
    MaxKey,
    Code,
    DBRef,
    RawBSONDocument,
)
"""BSON's own types, beyond what Python has."""

KEPT_TYPES: tuple[type[Any], ...] = (*BSON_TYPES, bytes, bytearray, memoryview, dt.datetime, dt.date, Decimal, UUID)
"""What a tree of plain values may hold besides None, bool, int, float, str, list and dict."""


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Tell a document, as `bson` decodes it."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell an array, as `bson` decodes it."""
    return isinstance(value, list)


def bson_value(value: Any) -> Any:
    """Return what a value that `bson` does not know is written as.

    A `Decimal` becomes a Decimal128, a date the midnight of its day in UTC, an enum's member its value; times of day
    and durations become ISO 8601 text; paths, internet addresses and URLs their text.

    Models are not taken: in a plain document or a filter, a model with a field named like an operator would become that
    operator unseen.

    Raises:
        TypeError: BSON has nothing for this type.
        decimal.DecimalException: A Decimal needs more than 34 digits.
    """
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    raise TypeError(f"BSON has no value for {type(value).__name__}")


def _of_member(member: Enum) -> Any:
    # bson asks once for each value, so what a member holds must be turned here.
    value: Any = member.value
    return bson_value(value) if isinstance(value, (Decimal, dt.date, dt.time, dt.timedelta)) else value


def _of_datetime(value: dt.datetime) -> dt.datetime:
    # Of a subclass, since bson and msgspec know the class itself.
    return dt.datetime.combine(value.date(), value.timetz())


def _of_date(value: dt.date) -> dt.datetime:
    return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)


_WRITTEN: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any], Any]], ...] = (
    (Enum, _of_member),
    (Decimal, Decimal128),
    (dt.datetime, _of_datetime),
    (dt.date, _of_date),
    ((dt.time, dt.timedelta), msgspec.to_builtins),
    ((bytearray, memoryview), bytes),
    (str, str.__str__),
    (int, int),
    (Mapping, dict),
    (deque, list),
    ((PurePath, IPv4Address, IPv4Network, IPv6Address, IPv6Network, AnyUrl), str),
)
