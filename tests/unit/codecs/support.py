"""What the tests of codecs share."""

from __future__ import annotations

from typing import Any

import bson
import pytest

from llm_devops_mongodb.codecs import BsonSettings, Codec, codec_for
from llm_devops_mongodb.errors import DeserializationError, SerializationError

SETTINGS = BsonSettings()


def codec_of(kind: Any) -> Codec[Any]:
    """The codec of any type, which the tests hand in untyped."""
    return codec_for(kind, SETTINGS)


def stored(kind: Any, value: Any) -> dict[str, Any]:
    """What is stored of `value`."""
    return bson.decode(codec_of(kind).encode(value).raw, SETTINGS.codec_options)


def raw(document: dict[str, Any]) -> bytes:
    """The BSON of a document as the server holds it."""
    return bson.encode(document, codec_options=SETTINGS.codec_options)


def read(kind: Any, document: dict[str, Any]) -> Any:
    """What `document` is read as."""
    return codec_of(kind).decode(raw(document))


def refused(kind: Any, document: dict[str, Any]) -> DeserializationError:
    """Why `document` cannot be read."""
    with pytest.raises(DeserializationError) as caught:
        read(kind, document)
    return caught.value


def fault(kind: Any, document: dict[str, Any]) -> tuple[str, str]:
    """Path and message of the one fault of `document`."""
    (only,) = refused(kind, document).faults
    return only.path, only.message


def unwritable(kind: Any, value: Any) -> SerializationError:
    """Why `value` cannot be written."""
    with pytest.raises(SerializationError) as caught:
        codec_of(kind).encode(value)
    return caught.value
