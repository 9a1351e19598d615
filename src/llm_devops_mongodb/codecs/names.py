"""The names that the fields of a model have in the database."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.codecs.model_codec import ModelCodec
from llm_devops_mongodb.codecs.msgspec_shapes import msgspec_shape
from llm_devops_mongodb.codecs.pydantic_family import PydanticReader, is_by_alias
from llm_devops_mongodb.codecs.pydantic_shapes import pydantic_shape
from llm_devops_mongodb.codecs.selection import codec_for
from llm_devops_mongodb.codecs.settings import BsonSettings
from llm_devops_mongodb.codecs.shapes import OPEN, Part
from llm_devops_mongodb.codecs.writing import plain_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.codecs.family import Family
    from llm_devops_mongodb.codecs.shapes import Shape


# What a type is does not change, and finding out takes milliseconds.
@lru_cache(maxsize=512)
def document_shape(document_type: type[Any]) -> Shape:
    """Return what a document of a type is stored as, by what its codec knows of it.

    Args:
        document_type: As for `codec_for`.

    Raises:
        TypeError: As for `codec_for`.
    """
    codec = codec_for(document_type, BsonSettings())
    if not isinstance(codec, ModelCodec):
        return OPEN
    family = codec.family
    shape = _shape_of(family)
    return replace(
        shape,
        attributes=_with_id(shape.attributes, family.id_key.written),
        keys=_with_id(shape.keys, family.id_key.written),
    )


def written_key(key: object) -> str:
    """Return what a key of a dict is written as.

    Raises:
        SerializationError: It is none that a name can be made of.
    """
    if type(key) is str:
        return key
    (name,) = plain_fields({key: None})
    return name


def _shape_of(family: Family[Any]) -> Shape:
    if not isinstance(family.reader, PydanticReader):
        return msgspec_shape(family.document_type)
    kinds = pydantic_shape(family.reader.adapter.core_schema, by_alias=is_by_alias(family.document_type))
    return kinds.items.shape if kinds.items else OPEN


def _with_id(parts: Mapping[str, Part], written: str | None) -> dict[str, Part]:
    """Call the key `_id`: only at the top of a document is it renamed."""
    return {key: replace(part, name="_id") if part.name == written else part for key, part in parts.items()}
