"""What kind of BSON value a Python value is: scalar, document, array, number."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from numbers import Number
from typing import Any, Protocol, TypeGuard, TypeVar
from uuid import UUID

from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

T_co = TypeVar("T_co", covariant=True)

kind_of: Callable[[object], type[object]] = type
"""`type`, under a name by which type checkers do not narrow to partly unknown types."""

SCALARS: frozenset[type] = frozenset(
    {
        *(str, int, float, bool, type(None), bytes, datetime, UUID),
        *(ObjectId, Int64, Decimal128, Binary, Timestamp, DatetimeMS, MinKey, MaxKey),
    },
)
"""Exact types that hold nothing to look into and may stand anywhere.

Regular expressions, code and references are left out: where they stand matters, or they hold a document.
"""


# So typed that checkers do not narrow to partly unknown types.
_QUEUES: tuple[type[Any], ...] = (deque,)
_MUTABLE_BYTES: tuple[type[Any], ...] = (bytearray, memoryview)


class Buildable(Protocol[T_co]):
    """A builder: something whose `build()` gives the plain value."""

    def build(self) -> T_co:
        """Give the plain value."""
        ...


def built(value: Any) -> Any:
    """Give what a builder builds, and anything else as it is."""
    if kind_of(value) is dict or kind_of(value) is list:
        return value
    build = None if isinstance(value, type) else getattr(value, "build", None)
    return build() if callable(build) else value


def written(value: Any) -> Any:
    """Give what is written in the place of an enum's member, a deque or mutable bytes, and anything else as it is."""
    while isinstance(value, Enum):
        value = value.value
    if isinstance(value, _QUEUES):
        return [*value]
    return bytes(value) if isinstance(value, _MUTABLE_BYTES) else value


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell a document, of whatever class: `dict`, `SON`, `RawBSONDocument`, `UserDict`, `ChainMap`, …."""
    return type(value) is dict or isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Tell a value that BSON writes as an array."""
    return isinstance(value, (list, tuple))


def is_text(value: object) -> TypeGuard[str]:
    """Tell what BSON writes as a string: `Code` is a `str` to Python, and none to BSON."""
    return isinstance(value, str) and not isinstance(value, Code)


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Tell a sequence of documents, such as a pipeline; a text or bytes is none."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def is_number(value: Any) -> bool:
    """Tell a number. A Boolean is none: the server tells the two apart."""
    return not isinstance(value, bool) and isinstance(value, (Number, Decimal128))


def is_regex(value: object) -> TypeGuard[re.Pattern[Any] | Regex[Any]]:
    """Tell a regular expression, the interpreter's or BSON's."""
    return isinstance(value, (re.Pattern, Regex))


def whole_number(value: Any) -> int | None:
    """Give the number as an integer where it is a whole one (`2`, `2.0`, `Decimal128("2")`), else None."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    whole = cut_number(number)
    return whole if whole == number else None


def cut_number(value: Any) -> int | None:
    """Give a finite number without its fraction (`1.9` gives 1), as the server often reads numbers, else None."""
    if not is_number(value):
        return None
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    try:
        return int(number) if math.isfinite(number) else None
    except (TypeError, ValueError, OverflowError):  # a complex number, a signalling NaN, more than a double holds
        return None


def nested(value: Any) -> Mapping[Any, Any] | list[Any] | tuple[Any, ...] | None:
    """Give the document or array that `value` is, or is written as (a reference, code with a scope), else None."""
    value = written(value)
    if is_mapping(value) or is_array(value):
        return value
    if isinstance(value, DBRef):
        return value.as_doc()
    return value.scope if isinstance(value, Code) else None
