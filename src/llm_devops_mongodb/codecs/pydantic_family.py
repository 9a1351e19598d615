"""Pydantic models, and dataclasses and TypedDicts that only pydantic can read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict, PydanticUserError, RootModel, TypeAdapter
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic_core import PydanticSerializationError
from typing_extensions import is_typeddict

from llm_devops_mongodb.codecs.family import Family
from llm_devops_mongodb.codecs.pydantic_faults import faults_of
from llm_devops_mongodb.codecs.pydantic_schema import id_key_of
from llm_devops_mongodb.codecs.pydantic_survey import Survey
from llm_devops_mongodb.codecs.writing import plain_fields
from llm_devops_mongodb.errors import SerializationError

if TYPE_CHECKING:
    from llm_devops_mongodb.codecs.faults import Path

T = TypeVar("T")


class PydanticReader(Generic[T]):
    """Reads values of one type with pydantic, by the type's own configuration.

    Args:
        kind: The type. Where it has no configuration of its own it may hold BSON's types, such as ObjectId.

    Raises:
        TypeError: pydantic cannot read the type, or BSON has no value for something in it.
    """

    refusals: tuple[type[Exception], ...] = (pydantic.ValidationError,)
    adds_utc = False

    def __init__(self, kind: type[T]) -> None:
        kinds = cast("type[list[T]]", GenericAlias(list, kind))
        try:
            # A list, since pydantic takes a configuration only for what cannot have one itself.
            self.adapter: TypeAdapter[list[T]] = TypeAdapter(kinds, config=ConfigDict(arbitrary_types_allowed=True))
            survey = Survey(self.adapter.core_schema)
        except (PydanticUserError, NameError) as error:
            raise TypeError(f"pydantic cannot read {kind!r}: {error}") from error
        if survey.foreign and not _configures_itself(kind):
            raise TypeError(f"pydantic cannot read {kind!r}: {survey.foreign[0].__name__} is no BSON value")
        self._conversion = survey.conversion

    def read(self, values: list[Any]) -> list[T]:
        """Read all of `values`, which may be changed."""
        if self._conversion is not None:
            self._conversion(values)
        return self.adapter.validate_python(values)

    def read_one(self, values: list[Any]) -> T:
        """Read the one value in `values`."""
        return self.read(values)[0]

    def faults(self, values: list[Any], error: Exception) -> tuple[tuple[Path, str], ...]:
        """Tell all that is wrong."""
        return faults_of(values, cast("pydantic.ValidationError", error))


def pydantic_family(document_type: type[T]) -> Family[T]:
    """Describe a pydantic model or dataclass, or a dataclass or TypedDict that pydantic is to read.

    What is written is what `model_dump` gives for a round trip: by alias, without computed fields.

    Raises:
        TypeError: pydantic cannot read it, or it is a `RootModel`.
    """
    kind: type[Any] = get_origin(document_type) or document_type
    if issubclass(kind, RootModel):
        raise TypeError(f"{kind.__name__} has no fields (RootModel), and a document is fields")
    reader = PydanticReader(document_type)
    by_alias = is_by_alias(document_type)
    return Family(
        document_type,
        accepted=Mapping if is_typeddict(kind) else kind,
        reader=reader,
        written=partial(_written, adapter=reader.adapter, by_alias=by_alias),
        id_key=id_key_of(reader.adapter.core_schema, by_alias=by_alias),
    )


def is_by_alias(document_type: Any) -> bool:
    """Tell whether documents of a type are read and written by their fields' aliases rather than by their names."""
    kind: Any = get_origin(document_type) or document_type
    config = getattr(kind, "model_config", getattr(kind, "__pydantic_config__", {}))
    return config.get("validate_by_alias") is not False


def _configures_itself(kind: Any) -> bool:
    # Such a model may hold what is never stored, an open file in an excluded field say.
    return hasattr(get_origin(kind) or kind, "model_config") or is_pydantic_dataclass(get_origin(kind) or kind)


def _written(document: Any, *, adapter: TypeAdapter[Any], by_alias: bool) -> dict[str, Any]:
    try:
        dumped = _dumped(document, adapter, by_alias=by_alias)
    except (PydanticSerializationError, ValueError, RecursionError):
        # From None: the text of a serializer's own error may hold values.
        raise SerializationError(f"pydantic cannot serialize this {type(document).__name__}") from None
    if not isinstance(dumped, dict):
        raise SerializationError(f"the serializer of {type(document).__name__} makes no dict")
    return plain_fields(dumped)


def _dumped(document: Any, adapter: TypeAdapter[Any], *, by_alias: bool) -> object:
    # Without warnings: they show the values of fields that were set to something else than their type.
    if isinstance(document, BaseModel):
        return document.model_dump(by_alias=by_alias, round_trip=True, warnings=False)
    (dumped,) = adapter.dump_python(
        [document], by_alias=by_alias, round_trip=True, warnings=False, serialize_as_any=True
    )
    return dumped
