"""Plain documents to BSON, and where and why one cannot be written."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import bson
from bson import ObjectId
from bson.errors import BSONError

from llm_devops_mongodb.codecs.decoding import decoded
from llm_devops_mongodb.codecs.faults import type_name
from llm_devops_mongodb.codecs.protocol import EncodedDocument
from llm_devops_mongodb.errors import SerializationError
from llm_devops_mongodb.validation.values import is_array, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_devops_mongodb.codecs.protocol import Check
    from llm_devops_mongodb.codecs.settings import BsonSettings

UNWRITABLE = (BSONError, ArithmeticError, ValueError, TypeError, AttributeError, struct.error)
"""What encoding raises for a value that BSON cannot hold."""

# Others may be read back as something else: a datetime loses its microseconds, a Decimal becomes a Decimal128.
_EXACT_IDS = frozenset({ObjectId, str, int, float, bool, bytes, UUID})

_REASONS: tuple[tuple[type[Any], str], ...] = (
    (int, "has more than the 64 bits of a BSON integer"),
    (str, "is not valid Unicode"),
    (Decimal, "has more than the 34 digits of a Decimal128, or too large an exponent"),
    (UUID, "cannot be written with uuid_representation 'unspecified'"),
    (dt.date, "lies outside what BSON can hold"),
    (set, "has no order; give a list"),
    (frozenset, "has no order; give a list"),
)


def encode_document(document: Mapping[str, Any], settings: BsonSettings) -> bytes:
    """Encode a plain document; its `_id`, where it has one, comes first.

    Raises:
        SerializationError: BSON cannot hold a value or a name; `path` tells where.
    """
    try:
        return bson.encode(document, codec_options=settings.codec_options)
    except RecursionError:
        raise too_deep() from None
    except UNWRITABLE:
        path, value = _culprit(document, settings)
        # From None: the texts of bson show values.
        raise unwritable(path, value) from None


def encode_with_id(
    document: Mapping[str, Any], settings: BsonSettings, *, check: Check | None = None
) -> EncodedDocument:
    """Check and encode a plain document that has an `_id`.

    Raises:
        SerializationError: As `encode_document`.
    """
    if check is not None:
        check(document)
    raw = encode_document(document, settings)
    identity = document["_id"]
    if type(identity) not in _EXACT_IDS:
        identity = decoded(raw, settings.codec_options)["_id"]
    return EncodedDocument(identity, raw)


def wrong_type(document_type: type[Any], value: object) -> SerializationError:
    """Make the error for a document that is not of its collection's type."""
    return SerializationError(f"expected {type_name(document_type)}, got {type(value).__name__}")


def too_deep() -> SerializationError:
    """Make the error for a document that encoding finds no end of."""
    return SerializationError("the document is nested too deeply, or holds itself")


def unwritable(path: Iterable[Any], value: object) -> SerializationError:
    """Make the error for `value` at `path`; its text names the type, never the value."""
    dotted = ".".join(map(str, path))
    return SerializationError(f"{dotted or 'the document'}: {_reason(value)}", path=dotted)


def _culprit(value: object, settings: BsonSettings) -> tuple[tuple[Any, ...], object]:
    """Go down from `value` by what cannot be encoded alone; return where that ends, and at what."""
    path: tuple[Any, ...] = ()
    while (found := _first_failing(value, settings)) is not None:
        key, value = found
        path = (*path, key)
    return path, value


def _first_failing(value: object, settings: BsonSettings) -> tuple[Any, object] | None:
    for key, item in _items(value):
        try:
            bson.encode({"": item}, codec_options=settings.codec_options)
        except UNWRITABLE:
            return key, item
    return None


def _items(value: object) -> Iterable[tuple[Any, object]]:
    if is_mapping(value):
        return value.items()
    return enumerate(value) if is_array(value) else ()


def _reason(value: object) -> str:
    if is_mapping(value):
        return _reason_of_names(value)
    for kind, reason in _REASONS:
        if isinstance(value, kind):
            return f"a value of type {type(value).__name__} {reason}"
    return f"a value of type {type(value).__name__} cannot be written as BSON"


def _reason_of_names(document: Mapping[Any, object]) -> str:
    for name in document:
        if not isinstance(name, str):
            return f"field names must be str, not {type(name).__name__}"
        if "\0" in name:
            return "a field name holds a NUL"
    return "a field name is not valid Unicode"
