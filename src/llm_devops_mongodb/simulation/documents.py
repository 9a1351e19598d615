"""Documents as JSON: canonical Extended JSON v2, for people to read; their bytes where that would not bring them back.

Sources: https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/, and
https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, TypeGuard

import bson
from bson import json_util
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.operations import RawDocument

FAITHFUL: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS, uuid_representation=UuidRepresentation.UNSPECIFIED
)
"""Reads every value as a type that is written back as the same bytes."""

UNREADABLE = (BSONError, ValueError, TypeError, KeyError, OverflowError, RecursionError, AttributeError)
"""What reading a damaged document, or damaged Extended JSON, may raise."""

_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
)
_PACKED = "$bson"


def is_document(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value that was read is a document."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Tell whether a value that was read is an array."""
    return isinstance(value, list)


def packed(raw: RawDocument) -> dict[str, str]:
    """Return a document as JSON that costs little to make: its bytes in base64."""
    return {_PACKED: base64.b64encode(raw).decode()}


def is_packed(value: object) -> bool:
    """Tell whether `value` is a document as `packed` makes it."""
    return is_mapping(value) and len(value) == 1 and isinstance(value.get(_PACKED), str)


def readable(raw: RawDocument) -> str:
    """Return a document as JSON text for people: Extended JSON, or packed where that is not the same document."""
    try:
        text = json_util.dumps(decoded(raw), json_options=_JSON, ensure_ascii=False)
        if raw_of(parsed(text)) == raw:
            return text
    except UNREADABLE:
        pass
    return json.dumps(packed(raw))


def parsed(text: str | bytes) -> Any:
    """Read JSON in which documents are Extended JSON."""
    return json_util.loads(text, json_options=_JSON)


def raw_of(value: Mapping[str, Any]) -> RawDocument:
    """Return the bytes of a document that `parsed` read, whichever form it has.

    Raises:
        ValueError: It is not one.
    """
    if is_packed(value):
        try:
            return base64.b64decode(value[_PACKED], validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
    return encoded(value)


def decoded(raw: RawDocument) -> dict[str, Any]:
    """Read a document; every value comes back as a type that is written as the same bytes."""
    return read(raw, FAITHFUL)


def read(raw: RawDocument, options: CodecOptions[Any]) -> dict[str, Any]:
    """Read a document."""
    return bson.decode(raw, options)  # pyright: ignore[reportUnknownMemberType]  # bson's own annotation


def encoded(document: Mapping[str, Any]) -> RawDocument:
    """Write a document."""
    return bson.encode(document, codec_options=FAITHFUL)


def text_of(value: Any) -> str:
    """Return JSON in which the documents are Extended JSON."""
    return json_util.dumps(value, json_options=_JSON, ensure_ascii=False)
