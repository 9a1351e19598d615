"""What must be known of a type that msgspec reads, drawn once from how msgspec understands it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import DBRef
from msgspec import inspect as m

from llm_devops_mongodb.codecs.conversions import (
    TO_CLASS,
    Conversion,
    Later,
    of_fields,
    of_items,
    of_positions,
    of_tagged,
    of_values,
    one_after_another,
    to_date,
    to_decimal,
    to_utc,
)
from llm_devops_mongodb.codecs.values import BSON_TYPES
from llm_devops_mongodb.codecs.writing import attrs_fields

if TYPE_CHECKING:
    from collections.abc import Callable

_Model = m.StructType | m.DataclassType | m.TypedDictType | m.NamedTupleType


class Survey:
    """A walk through a type and everything it holds.

    Args:
        kind: The type.
        adds_utc: Datetimes may come without their time zone, which the conversion is to add. It does not where they may
            stand in a field of any type.

    Attributes:
        adds_utc: The conversion does add it.
        conversion: What a value needs before msgspec reads it; None for nothing.
        hidden: The fields of the outermost model that msgspec reads but does not write: an attrs class's that begin
            with an underscore.
        hides_inside: A model inside another has such fields.

    Raises:
        TypeError: Something in it is no type that BSON has a value for, or that msgspec cannot tell apart.
        NameError: An annotation names what cannot be found.
    """

    def __init__(self, kind: Any, *, adds_utc: bool) -> None:
        self.adds_utc: bool = adds_utc
        self.hidden: tuple[str, ...] = ()
        self.hides_inside: bool = False
        self._needed = False
        self._known: dict[int, Later] = {}
        conversion = self._of(m.type_info(kind))
        self.conversion: Conversion | None = conversion if self._needed else None
        if adds_utc and not self.adds_utc:
            self.conversion = Survey(kind, adds_utc=False).conversion

    def _of(self, info: m.Type) -> Conversion | None:
        match info:
            case m.DateType() | m.DecimalType() | m.DateTimeType() | m.AnyType():
                return self._of_value(info)
            case m.CustomType(cls=cls):
                return self._of_class(cls)
            case m.RawType() | m.ExtType():
                raise TypeError(f"msgspec's {type(info).__name__.removesuffix('Type')} is no BSON value")
            case m.StructType() | m.DataclassType() | m.TypedDictType() | m.NamedTupleType():
                return self._of_model(info)
            case _:
                return self._of_container(info)

    def _of_container(self, info: m.Type) -> Conversion | None:
        match info:
            case m.Metadata(type=inner):
                return self._of(inner)
            case m.UnionType(types=types):
                found = [each for each in map(self._of, types) if each is not None]
                return one_after_another(found) if found else None
            case m.CollectionType(item_type=item):
                return _wrapped(of_items, self._of(item))
            case m.TupleType(item_types=items):
                return _wrapped_positions([self._of(item) for item in items])
            case m.DictType(key_type=key, value_type=value):
                _refuse_key(key)
                return _wrapped(of_values, self._of(value))
            case _:
                return None

    def _of_value(self, info: m.Type) -> Conversion | None:
        match info:
            case m.DateType():
                return self._leaf(to_date)
            case m.DecimalType():
                return self._leaf(to_decimal)
            case m.DateTimeType() if self.adds_utc:
                return self._leaf(to_utc)
            case _:
                self.adds_utc &= not isinstance(info, m.AnyType)
                return None

    def _leaf(self, conversion: Conversion) -> Conversion:
        self._needed = True
        return conversion

    def _of_class(self, kind: type[Any]) -> Conversion | None:
        if kind in TO_CLASS:
            return self._leaf(TO_CLASS[kind])
        if not any(issubclass(each, kind) for each in BSON_TYPES):
            raise TypeError(f"{kind.__name__} is no BSON value")
        self.adds_utc &= not issubclass(DBRef, kind)
        return None

    def _of_model(self, info: _Model) -> Conversion | None:
        hidden = tuple(name for name in attrs_fields(info.cls) or () if name.startswith("_"))
        if self._known:
            self.hides_inside |= bool(hidden)
        else:
            self.hidden = hidden
        if (known := self._known.get(id(info))) is not None:
            return known
        later = self._known[id(info)] = Later()
        later.made = self._of_fields(info)
        return later.made

    def _of_fields(self, info: _Model) -> Conversion | None:
        conversions = [(field.encode_name, self._of(field.type)) for field in info.fields]
        if isinstance(info, m.NamedTupleType) or (isinstance(info, m.StructType) and info.array_like):
            return _wrapped_positions([conversion for _, conversion in conversions])
        found = {name: conversion for name, conversion in conversions if conversion is not None}
        if not found:
            return None
        if isinstance(info, m.StructType) and info.tag_field is not None:
            return of_tagged(of_fields(found), info.tag_field, info.tag)
        return of_fields(found)


def _wrapped(wrap: Callable[[Conversion], Conversion], conversion: Conversion | None) -> Conversion | None:
    return None if conversion is None else wrap(conversion)


def _wrapped_positions(conversions: list[Conversion | None]) -> Conversion | None:
    return of_positions(conversions) if any(conversions) else None


def _refuse_key(info: m.Type) -> None:
    if isinstance(info, m.CustomType):
        raise TypeError(f"the keys of a dict may not be {info.cls.__name__}; BSON's names are text")
