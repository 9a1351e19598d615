"""Documents that are to be stored: names, depth, `_id` and size."""

from __future__ import annotations

import datetime as dt
import decimal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import bson
from bson import CodecOptions
from bson.binary import UuidRepresentation
from bson.errors import BSONError

from llm_devops_mongodb.errors import DocumentTooLargeError, SerializationError
from llm_devops_mongodb.validation.fields import check_stored, descend
from llm_devops_mongodb.validation.limits import MAX_DOCUMENT_SIZE
from llm_devops_mongodb.validation.places import opening, walk
from llm_devops_mongodb.validation.shortcuts import is_plain
from llm_devops_mongodb.validation.values import built, is_array, is_mapping, is_regex, nested

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.validation.places import Place
    from llm_devops_mongodb.validation.values import Buildable

_STANDARD: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
_UNWRITABLE = (BSONError, OverflowError, ValueError, TypeError, AttributeError)
_ADVICE: tuple[tuple[type, str], ...] = (
    (int, "an integer has at most 64 bits"),
    (str, "a text must be valid Unicode"),
    (decimal.Decimal, "use bson.Decimal128"),
    (dt.datetime, "it lies outside what BSON can hold"),
    (dt.date, "use datetime.datetime"),
    (dt.timedelta, "store a number"),
    (set, "use a list"),
    (frozenset, "use a list"),
)


def validate_document(document: Mapping[str, Any] | Buildable[Mapping[str, Any]]) -> None:
    """Refuse a document that may not be stored.

    The rules on names are stricter than the server's (5.0 and later store an empty name, and names that begin with
    `$`): such fields cannot be reached by ordinary queries and updates, and a stored operator comes alive again when
    the value is used as a filter. A dotted name is taken, as the server and PyMongo take it, but a query for
    `"a.b"` looks for `b` in `a` and does not find a field literally named so.

    Args:
        document: A mapping of any class, or a builder of one. It is not changed.

    Raises:
        InvalidDocumentError: It is no mapping; it is nested deeper than 100 levels (a flat document has one level;
            arrays are looked through) or holds itself; a name at any depth is empty, no `str`, holds a NUL or
            begins with `$` (but for the keys of a DBRef); its `_id` is an array or a regular expression.
        DocumentTooLargeError: Its BSON is larger than 16 MiB.
        SerializationError: A value cannot be written as BSON.

    Example:
        >>> validate_document({"name": "Ada", "tags": ["mathematics"]})
    """
    plain = built(document)
    check_document(plain)
    _check_encoded(plain)


def validate_replacement(document: Mapping[str, Any] | Buildable[Mapping[str, Any]]) -> None:
    """Refuse a document that may not take another's place: what `validate_document` refuses, and an update.

    Raises:
        InvalidDocumentError: As `validate_document`; update operators get an error that names `update_one`.
        DocumentTooLargeError: As `validate_document`.
        SerializationError: As `validate_document`.
    """
    plain = built(document)
    walk(_check_replacement, plain)
    _check_encoded(plain)


def check_document(document: Mapping[str, Any]) -> None:
    """Check the names, the depth and the `_id` of a document; the part of `validate_document` that needs no BSON.

    Raises:
        InvalidDocumentError: As `validate_document`.
    """
    if is_plain(document) and type(document.get("_id")) is not list:
        return
    walk(_check_whole, document)


def check_size(raw: bytes) -> None:
    """Refuse the BSON of a document that is larger than the server takes.

    Raises:
        DocumentTooLargeError: It has more than 16 MiB.
    """
    if len(raw) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(size=len(raw))


def _check_whole(document: Any, place: Place) -> None:
    if not is_mapping(document):
        raise place.refuse(f"a document is a mapping of names to values, not {type(document).__name__}")
    check_stored(document, place)
    # The server refuses these two kinds (codes 53 and 2), as array and pattern could not be told from a query.
    identity = document.get("_id")
    if is_array(identity) or is_regex(identity):
        kind = "an array" if is_array(identity) else "a regular expression"
        raise place.field("_id", identity).refuse(f"an _id may not be {kind}; leave it out to have one made")


def _check_replacement(document: Any, place: Place) -> None:
    if is_array(document) or (is_mapping(document) and any(str(name).startswith("$") for name in document)):
        raise place.refuse("a replacement is a document without operators; use update_one for an update")
    _check_whole(document, place)


def _check_encoded(document: Mapping[str, Any]) -> None:
    raw: bytes | None = None
    # Nothing is raised in here, so that no traceback shows the text of bson, which shows the value.
    with suppress(*_UNWRITABLE):
        raw = bson.encode(document, codec_options=_STANDARD)
    if raw is None:
        walk(_check_values, document)
        raise SerializationError("the document cannot be written as BSON")
    check_size(raw)


def _check_values(container: Any, place: Place) -> None:
    items = container.items() if is_mapping(container) else enumerate(container)
    for name, item in items:
        if nested(item) is None and not _is_writable(item):
            raise _unwritable(item, place.field(str(name), None).path)
    descend(_check_values, container, place)


def _is_writable(value: object) -> bool:
    try:
        bson.encode({"": value}, codec_options=_STANDARD)
    except _UNWRITABLE:
        return False
    return True


def _unwritable(value: object, path: str) -> SerializationError:
    kind = type(value).__name__
    advice = next((f"; {advice}" for cls, advice in _ADVICE if isinstance(value, cls)), "")
    return SerializationError(f"{opening(path)}a value of type {kind} cannot be written as BSON{advice}", path=path)
