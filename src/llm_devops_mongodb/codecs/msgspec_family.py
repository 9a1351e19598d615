"""Structs, dataclasses, attrs classes and TypedDicts, read by msgspec."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_origin

import msgspec
from msgspec import inspect as m

from llm_devops_mongodb.codecs.family import Family, IdKey
from llm_devops_mongodb.codecs.msgspec_faults import fault_of
from llm_devops_mongodb.codecs.msgspec_survey import Survey
from llm_devops_mongodb.codecs.writing import all_fields, plain_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.codecs.faults import Path

T = TypeVar("T")


class MsgspecReader(Generic[T]):
    """Reads values of one type with `msgspec.convert`, strictly: text is no number, and 1 is not True.

    Args:
        kind: The type.
        adds_utc: Datetimes may be decoded without a time zone, where the type allows to add it.

    Attributes:
        survey: What was found out about the type.

    Raises:
        TypeError: msgspec cannot read the type, or BSON has no value for something in it.
    """

    refusals: tuple[type[Exception], ...] = (msgspec.ValidationError,)

    def __init__(self, kind: type[T], *, adds_utc: bool = False) -> None:
        self._kind = kind
        self._kinds = cast("type[list[T]]", GenericAlias(list, kind))
        try:
            self.survey: Survey = Survey(self._kinds, adds_utc=adds_utc)
        except (TypeError, NameError) as error:
            raise TypeError(f"msgspec cannot read {kind!r}: {error}") from error

    @property
    def adds_utc(self) -> bool:
        """True where `read` takes datetimes without a time zone for UTC, and gives them theirs."""
        return self.survey.adds_utc

    def read(self, values: list[Any]) -> list[T]:
        """Read all of `values`, which may be changed."""
        if self.survey.conversion is not None:
            self.survey.conversion(values)
        return msgspec.convert(values, self._kinds, str_keys=True)

    def read_one(self, values: list[Any]) -> T:
        """Read the one value in `values`; resolving `list[T]` anew costs as much as reading it."""
        if self.survey.conversion is not None:
            self.survey.conversion(values)
        return msgspec.convert(values[0], self._kind, str_keys=True)

    def faults(self, values: list[Any], error: Exception) -> tuple[tuple[Path, str], ...]:
        """Tell the first thing that is wrong; msgspec looks no further."""
        return (fault_of(values, error, self.read),)


def msgspec_family(document_type: type[T], *, tz_aware: bool) -> Family[T]:
    """Describe a struct, dataclass, attrs class or TypedDict whose datetimes have a time zone, or have none.

    Raises:
        TypeError: As `MsgspecReader`; or it is a struct that is written as an array.
    """
    reader = MsgspecReader(document_type, adds_utc=tz_aware)
    info = cast("m.StructType | m.DataclassType | m.TypedDictType", m.type_info(document_type))
    if isinstance(info, m.StructType) and info.array_like:
        raise TypeError(f"{info.cls.__name__} is written as an array (array_like), and a document is none")
    return Family(
        document_type,
        accepted=Mapping if isinstance(info, m.TypedDictType) else get_origin(document_type) or document_type,
        reader=reader,
        written=_writer(reader.survey),
        id_key=_id_key(info),
    )


def _writer(survey: Survey) -> Callable[[Any], dict[str, Any]]:
    if survey.hides_inside:
        return all_fields
    hidden = survey.hidden
    return partial(_with_hidden, hidden=hidden) if hidden else plain_fields


def _with_hidden(model: Any, *, hidden: tuple[str, ...]) -> dict[str, Any]:
    return plain_fields(model) | plain_fields({name: getattr(model, name) for name in hidden})


def _id_key(info: m.StructType | m.DataclassType | m.TypedDictType) -> IdKey:
    names = {field.encode_name for field in info.fields}
    for name in ("_id", "id"):
        if name in names:
            return IdKey(name, name)
    return IdKey(refused=isinstance(info, m.StructType) and info.forbid_unknown_fields)
