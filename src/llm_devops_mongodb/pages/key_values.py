"""A document's values at the keys of an order, read from its BSON (https://bsonspec.org).

Decoding the whole document would lose what matters here: which text is a symbol, which null is undefined.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bson import CodecOptions
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import DeserializationError, QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.pages.sort_keys import SortKey

LOSSLESS: CodecOptions[RawBSONDocument] = CodecOptions(
    RawBSONDocument,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
)
"""Values come back as they were written: documents as bytes, dates as milliseconds, UUIDs as binary."""

_DOCUMENT, _ARRAY, _REGEX = 0x03, 0x04, 0x0B
_REFUSED = {
    _ARRAY: "an array, which has no one place in an order",
    0x06: "the deprecated type undefined",
    0x0C: "the deprecated type DBPointer",
    0x0E: "the deprecated type symbol",
}
_FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}
_BESIDE_LENGTH = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5, 0x0C: 16, 0x0D: 4, 0x0E: 4, 0x0F: 0}
_DAMAGE = (IndexError, KeyError, ValueError, struct.error)
_int32_at = struct.Struct("<i").unpack_from

_Element = tuple[int, int, int]
"""The type of a value, where it begins, and where it ends."""


def positions_of(documents: Sequence[RawDocument], order: Sequence[SortKey]) -> list[tuple[Any, ...]]:
    """Return the boundary values of the first and of the last of some documents, and look at all of them.

    A missing field gives None, as it sorts.

    Raises:
        QueryError: Two neighbours have the same place. Or a document cannot be placed: it holds an array at or on the
            way to a key, a value of a deprecated type or text that is not UTF-8, or it has no `_id`.
        DeserializationError: A document is damaged.
    """
    paths = [(key.path, [part.encode() for part in key.path.split(".")]) for key in order]
    placed = [tuple(_found(document, path, parts) for path, parts in paths) for document in documents]
    written = [_written(document, found) for document, found in zip(documents, placed, strict=True)]
    if any(one == other for one, other in pairwise(written)):
        raise QueryError("two documents have the same _id, so no cursor can tell them apart; read them without pages")
    ends = [0, -1] if placed else []
    return [
        tuple(_decoded(documents[end], found, key.path) for found, key in zip(placed[end], order, strict=True))
        for end in ends
    ]


def _written(document: RawDocument, found: Sequence[_Element | None]) -> list[tuple[int, bytes] | None]:
    """The types and the bytes of a document's keys."""
    return [None if element is None else (element[0], document[element[1] : element[2]]) for element in found]


def _found(document: RawDocument, path: str, parts: Sequence[bytes]) -> _Element | None:
    try:
        element = _element(document, parts)
    except _DAMAGE:
        raise DeserializationError("a document of the page is damaged") from None
    if element is None and path == "_id":
        raise QueryError("a document of the page has no _id, so no cursor can tell it from others")
    if element is not None and element[0] in _REFUSED:
        raise _unplaced(path, _REFUSED[element[0]])
    return element


def _element(document: RawDocument, parts: Sequence[bytes]) -> _Element | None:
    """Go down along `parts`; stop early at an array."""
    start = 0
    for part in parts[:-1]:
        element = _member(document, start, part)
        if element is None or element[0] != _DOCUMENT:
            return element if element is not None and element[0] == _ARRAY else None
        start = element[1]
    return _member(document, start, parts[-1])


def _member(document: RawDocument, start: int, name: bytes) -> _Element | None:
    """The member `name` of the document that begins at `start`."""
    position = start + 4
    while (kind := document[position]) != 0:
        named = document.index(0, position + 1)
        begin = named + 1
        end = begin + _size(document, kind, begin)
        if document[position + 1 : named] == name:
            return kind, begin, end
        position = end
    return None


def _size(document: RawDocument, kind: int, begin: int) -> int:
    if (fixed := _FIXED.get(kind)) is not None:
        return fixed
    if kind == _REGEX:
        options = document.index(0, begin) + 1
        return document.index(0, options) + 1 - begin
    beside = _BESIDE_LENGTH[kind]
    length: int = _int32_at(document, begin)[0]
    if length < 0:
        raise ValueError
    return length + beside


def _decoded(document: RawDocument, element: _Element | None, path: str) -> Any:
    if element is None:
        return None
    kind, begin, end = element
    member = bytes((kind, 0)) + document[begin:end] + b"\0"
    try:
        return RawBSONDocument(struct.pack("<i", len(member) + 4) + member, LOSSLESS)[""]
    except (BSONError, ValueError):
        # From None: the texts of bson show values.
        raise _unplaced(path, "text that is not UTF-8") from None


def _unplaced(path: str, what: str) -> QueryError:
    return QueryError(f"cannot page by {path!r}: a document of the page holds {what}")
