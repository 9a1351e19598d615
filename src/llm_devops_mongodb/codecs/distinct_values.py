"""Values that are no documents: what `distinct` answers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llm_devops_mongodb.codecs.decoding import decode_document
from llm_devops_mongodb.codecs.faults import fault, unreadable
from llm_devops_mongodb.codecs.msgspec_family import MsgspecReader
from llm_devops_mongodb.codecs.pydantic_family import PydanticReader

if TYPE_CHECKING:
    from collections.abc import Hashable

    from llm_devops_mongodb.codecs.family import Reader
    from llm_devops_mongodb.codecs.settings import BsonSettings

T = TypeVar("T")

_ANYTHING: tuple[Any, ...] = (object, Any)


def decode_values(raw: bytes, kind: type[T], settings: BsonSettings, *, namespace: str = "") -> list[T]:
    """Read an array of values of one type.

    Args:
        raw: The BSON of a document whose field `values` is the array.
        kind: The values' type, which may be a model of any family; `object` leaves them as BSON gives them.
        settings: How values are read.
        namespace: `database.collection`, for errors.

    Raises:
        DeserializationError: A value does not fit; its path begins with its position.
        TypeError: Values of this type cannot be read from BSON.
    """
    values: list[Any] = decode_document(raw, settings, namespace=namespace)["values"]
    if kind in _ANYTHING:
        return values
    reader = cast("Reader[T]", _reader_of(cast("Hashable", kind)))
    try:
        return reader.read(values)
    except reader.refusals as error:
        faults = [fault(path, message) for path, message in reader.faults(values, error)]
        # From None: the texts of the models' libraries show values.
        raise unreadable(kind, faults, namespace=namespace, subject="a value") from None


@lru_cache(maxsize=512)
def _reader_of(kind: Any) -> Reader[Any]:
    try:
        return MsgspecReader(kind)
    except TypeError:
        return PydanticReader(kind)
