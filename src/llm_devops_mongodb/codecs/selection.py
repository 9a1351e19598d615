"""Which codec a type gets."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.dataclasses import is_pydantic_dataclass
from typing_extensions import is_typeddict

from llm_devops_mongodb.codecs.dict_codec import DictCodec
from llm_devops_mongodb.codecs.model_codec import ModelCodec
from llm_devops_mongodb.codecs.msgspec_family import msgspec_family
from llm_devops_mongodb.codecs.pydantic_family import pydantic_family

if TYPE_CHECKING:
    from collections.abc import Hashable

    from llm_devops_mongodb.codecs.family import Family
    from llm_devops_mongodb.codecs.protocol import Codec
    from llm_devops_mongodb.codecs.settings import BsonSettings

T = TypeVar("T")

_ANY_FIELDS = ((str, Any), (str, object))


def codec_for(document_type: type[T], settings: BsonSettings) -> Codec[T]:
    """Make the codec of a type of documents.

    Args:
        document_type: `dict`, a pydantic model or dataclass, a dataclass, a `msgspec.Struct`, an attrs class or a
            `TypedDict`.
        settings: How values are written and read.

    Raises:
        TypeError: It is none of these, or something in it cannot be read from BSON.

    Example:
        ```python
        codec = codec_for(User, BsonSettings())
        user = codec.decode(codec.encode(user).raw)
        ```
    """
    if document_type is dict or (get_origin(document_type) is dict and get_args(document_type) in _ANY_FIELDS):
        return cast("Codec[T]", DictCodec(settings))
    return ModelCodec(
        cast("Family[T]", _family_of(cast("Hashable", document_type), tz_aware=settings.tz_aware)), settings
    )


# What a type is does not change, and finding out takes milliseconds.
@lru_cache(maxsize=512)
def _family_of(document_type: Any, *, tz_aware: bool) -> Family[Any]:
    kind: Any = get_origin(document_type) or document_type
    if _is_class(kind):
        if issubclass(kind, BaseModel) or is_pydantic_dataclass(kind):
            return pydantic_family(document_type)
        if issubclass(kind, msgspec.Struct) or hasattr(kind, "__attrs_attrs__"):
            return msgspec_family(document_type, tz_aware=tz_aware)
        if is_dataclass(kind) or is_typeddict(kind):
            return _either_family(document_type, tz_aware=tz_aware)
    raise TypeError(
        f"{document_type!r} cannot be a document; take dict, a pydantic model, a dataclass, a msgspec.Struct, "
        "an attrs class or a TypedDict"
    )


def _is_class(kind: object) -> TypeGuard[type[Any]]:
    return isinstance(kind, type)


def _either_family(document_type: Any, *, tz_aware: bool) -> Family[Any]:
    """Take the faster reader if it can: msgspec knows no union of two dataclasses, and none of ObjectId and str."""
    try:
        return msgspec_family(document_type, tz_aware=tz_aware)
    except TypeError as first:
        try:
            return pydantic_family(document_type)
        except TypeError as second:
            raise TypeError(f"{first}; and {second}") from first
