"""ObjectIds as callers write them."""

from __future__ import annotations

import re

from bson import ObjectId

from llm_devops_mongodb.errors import InvalidObjectIdError

_OBJECT_ID_BYTES = 12
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{24}")


def parse_object_id(value: ObjectId | str | bytes) -> ObjectId:
    """Give the ObjectId that `value` is or spells.

    Stricter than `bson.ObjectId`, which makes a new id of None and takes 24 characters with blanks among them for a
    shorter one.

    Args:
        value: An ObjectId, 24 hexadecimal digits in either case, or 12 bytes.

    Raises:
        InvalidObjectIdError: It is none of these. The error keeps the value, but not in its text.

    Example:
        >>> parse_object_id("64b7f3a2c1d4e5f60718293a")
        ObjectId('64b7f3a2c1d4e5f60718293a')
    """
    if isinstance(value, ObjectId):
        return value
    if isinstance(value, str) and _HEXADECIMAL.fullmatch(value):
        return ObjectId(value)
    if isinstance(value, bytes) and len(value) == _OBJECT_ID_BYTES:
        return ObjectId(value)
    raise InvalidObjectIdError(value=value)
