"""Shapes of what msgspec writes, as `msgspec.inspect` tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import inspect as m

from llm_devops_mongodb.codecs.faults import type_name
from llm_devops_mongodb.codecs.shapes import OPEN, Part, Shape, merged

_Model = m.StructType | m.DataclassType | m.TypedDictType | m.NamedTupleType


def msgspec_shape(kind: Any) -> Shape:
    """Return the shape of a type that msgspec knows how to write.

    Raises:
        TypeError: msgspec does not know it.
        NameError: An annotation names what cannot be found.
    """
    return _of(m.type_info(kind))


def _of(info: m.Type) -> Shape:
    match info:
        case m.Metadata(type=inner):
            return _of(inner)
        case m.UnionType(types=types):
            return merged([_of(each) for each in types])
        case m.StructType() | m.DataclassType() | m.TypedDictType() | m.NamedTupleType():
            return _of_model(info)
        case m.AnyType():
            return OPEN
        case m.CustomType(cls=cls):
            return OPEN if issubclass(cls, Mapping) else Shape(cls.__name__)
        case _:
            return _of_container(info)


def _of_container(info: m.Type) -> Shape:
    title = type(info).__name__.removesuffix("Type").lower()
    match info:
        case m.CollectionType(item_type=item):
            return Shape(title, items=Part("", lambda: _of(item)))
        case m.TupleType(item_types=items):
            return Shape(title, items=Part("", lambda: merged([_of(item) for item in items])))
        case m.DictType(value_type=value):
            return Shape(title, values=Part("", lambda: _of(value)))
        case _:
            return Shape(title)


def _of_model(info: _Model) -> Shape:
    title = type_name(info.cls)
    parts = {field.name: _part(field.encode_name, field.type) for field in info.fields}
    if isinstance(info, m.TypedDictType):
        return Shape(title, keys=parts)
    if not isinstance(info, m.NamedTupleType) and not (isinstance(info, m.StructType) and info.array_like):
        return Shape(title, attributes=parts)
    # An array: the tag, where there is one, then the fields.
    first = 1 if isinstance(info, m.StructType) and info.tag_field is not None else 0
    positions = {field.name: _part(str(index), field.type) for index, field in enumerate(info.fields, first)}
    items = Part("", lambda: merged([part.shape for part in positions.values()]))
    return Shape(title, attributes=positions, items=items)


def _part(name: str, info: m.Type) -> Part:
    return Part(name, lambda: _of(info))
