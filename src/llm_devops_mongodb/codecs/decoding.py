"""BSON to plain documents, and what can be told of bytes that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.errors import BSONError

from llm_devops_mongodb.codecs.faults import fault, unreadable
from llm_devops_mongodb.codecs.values import is_dict, is_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bson import CodecOptions

    from llm_devops_mongodb.codecs.faults import Path
    from llm_devops_mongodb.codecs.settings import BsonSettings
    from llm_devops_mongodb.errors import DeserializationError, FieldFault

UNDECODABLE = (BSONError, ValueError, OverflowError, RecursionError)
"""What `bson` raises for bytes that hold no document it can make."""


def decoded(raw: bytes, options: CodecOptions[dict[str, Any]]) -> dict[str, Any]:
    """Decode one document; raises what `bson` does."""
    return bson.decode(raw, codec_options=options)  # pyright: ignore[reportUnknownMemberType]  # bson's own annotation


def all_decoded(frame: bytes, options: CodecOptions[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decode the documents of a frame; raises what `bson` does."""
    return bson.decode_all(frame, options)  # pyright: ignore[reportUnknownMemberType]  # bson's own annotation


def decode_document(
    raw: bytes, settings: BsonSettings, *, document_type: type[Any] = dict, namespace: str = ""
) -> dict[str, Any]:
    """Decode one document into a dict of BSON's own types.

    Args:
        raw: Its BSON.
        settings: How values are read.
        document_type: What it is to become, for errors.
        namespace: `database.collection`, for errors.

    Raises:
        DeserializationError: It is not BSON, or holds a date outside the years 1 to 9999 or text that is not UTF-8.
    """
    try:
        return decoded(raw, settings.codec_options)
    except UNDECODABLE:
        # From None: the texts of bson show values.
        raise _damaged(raw, settings, document_type, namespace) from None


def _damaged(raw: bytes, settings: BsonSettings, document_type: type[Any], namespace: str) -> DeserializationError:
    """Tell what is wrong by decoding once more, with leave to keep odd dates and text."""
    lenient = settings.codec_options.with_options(
        datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="replace"
    )
    try:
        document = decoded(raw, lenient)
    except UNDECODABLE:
        return unreadable(document_type, (fault((), "it is not BSON"),), namespace=namespace)
    faults = tuple(_impossible_dates(document, ())) or (fault((), "it holds text that is not UTF-8"),)
    return unreadable(document_type, faults, document_id=document.get("_id"), namespace=namespace)


def _impossible_dates(value: Any, path: Path) -> Iterator[FieldFault]:
    if isinstance(value, DatetimeMS):
        yield fault(path, "a date outside the years 1 to 9999")
    elif is_dict(value):
        for name, item in value.items():
            yield from _impossible_dates(item, (*path, name))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _impossible_dates(item, (*path, index))
