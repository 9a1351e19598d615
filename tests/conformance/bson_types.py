"""The names of BSON types, and plain values of one kind for comparing.

https://www.mongodb.com/docs/manual/reference/operator/query/type/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import bson
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=UuidRepresentation.STANDARD)
_INT32 = range(-(2**31), 2**31)


def plain(value: Any) -> Any:
    """Return `value` as BSON would give it back: mappings as dictionaries, integers by their width."""
    return bson.decode(bson.encode({"": value}, codec_options=_PLAIN), _PLAIN)[""]


def decoded(raw: bytes) -> dict[str, Any]:
    """Return a document as the same plain values."""
    return bson.decode(raw, _PLAIN)


def has_type(value: object, name: str) -> bool:
    """Tell whether `value` is of the BSON type called `name`.

    Raises:
        KeyError: There is no such type.
    """
    return _TYPES[name](value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, (bool, Int64)) and value in _INT32


def _is_long(value: object) -> bool:
    return isinstance(value, Int64) or (isinstance(value, int) and value not in _INT32)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal128)) and not isinstance(value, bool)


def _of(*kinds: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kinds)


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "double": _of(float),
    "string": lambda value: isinstance(value, str) and not isinstance(value, Code),
    "object": _of(Mapping),
    "array": _of(list, tuple),
    "binData": _of(bytes, Binary, UUID),
    "undefined": _of(type(None)),
    "objectId": _of(ObjectId),
    "bool": _of(bool),
    "date": _of(datetime),
    "null": _of(type(None)),
    "regex": _of(Regex, re.Pattern),
    "dbPointer": _of(DBRef),
    "javascript": lambda value: isinstance(value, Code) and value.scope is None,
    "symbol": _of(str),
    "javascriptWithScope": lambda value: isinstance(value, Code) and value.scope is not None,
    "int": _is_int,
    "timestamp": _of(Timestamp),
    "long": _is_long,
    "decimal": _of(Decimal128),
    "minKey": _of(MinKey),
    "maxKey": _of(MaxKey),
    "number": _is_number,
}
