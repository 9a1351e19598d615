"""Models to plain values: dicts and lists that hold nothing but what BSON can."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec
from bson import ObjectId
from msgspec import UNSET

from llm_devops_mongodb.codecs.encoding import UNWRITABLE, too_deep, unwritable
from llm_devops_mongodb.codecs.values import KEPT_TYPES, bson_value
from llm_devops_mongodb.validation.values import is_mapping, kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from llm_devops_mongodb.codecs.faults import Path


def plain_fields(model: Any) -> dict[str, Any]:
    """Turn a struct, dataclass, attrs instance or mapping into a new dict of plain values.

    Sets and tuples become lists, names that are no `str` their text, and the rest what `bson_value` says.

    Raises:
        SerializationError: It holds what BSON cannot; `path` tells where.
    """
    try:
        fields: dict[str, Any] = _builtins(model)
    except RecursionError:
        raise too_deep() from None
    except UNWRITABLE:
        return all_fields(model)
    return fields


def all_fields(model: Any) -> dict[str, Any]:
    """Do the same as `plain_fields`, slowly and for more.

    It knows where it is, and writes two things that msgspec does not: names such as a UUID's, and the fields of attrs
    classes that begin with an underscore.

    Raises:
        SerializationError: As `plain_fields`.
    """
    try:
        fields: dict[str, Any] = _plain(model, ())
    except RecursionError:
        raise too_deep() from None
    return fields


def attrs_fields(kind: type[object]) -> list[str] | None:
    """Name the fields of an attrs class; None for any other class."""
    attributes = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else [attribute.name for attribute in attributes]


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=KEPT_TYPES, str_keys=True, enc_hook=bson_value)


def _plain(value: Any, path: Path) -> Any:
    if isinstance(value, KEPT_TYPES):
        return value
    if is_mapping(value):
        return dict(_named(value, path))
    if _is_collection(value):
        return [_plain(item, (*path, index)) for index, item in enumerate(value)]
    items = _fields_of(value)
    if items is not None:
        fields = {name: _plain(item, (*path, name)) for name, item in items if item is not UNSET}
        return list(fields.values()) if _is_array(value) else fields
    try:
        return _builtins(value)
    except UNWRITABLE:
        raise unwritable(path, value) from None


def _is_collection(value: object) -> TypeGuard[Collection[Any]]:
    return isinstance(value, (list, tuple, AbstractSet))


def _named(mapping: Mapping[Any, Any], path: Path) -> Iterator[tuple[str, Any]]:
    for key, item in mapping.items():
        name = str(key) if isinstance(key, ObjectId) else msgspec.to_builtins(key, enc_hook=repr)
        if not isinstance(name, (str, int, float)) or isinstance(name, bool):
            raise unwritable(path, mapping)
        yield str(name), _plain(item, (*path, str(name)))


def _fields_of(value: Any) -> Iterator[tuple[str, Any]] | None:
    kind = kind_of(value)
    if isinstance(value, msgspec.Struct):
        return _struct_fields(value)
    if is_dataclass(kind):
        names = [field.name for field in dataclass_fields(kind)]
    elif (found := attrs_fields(kind)) is not None:
        names = found
    else:
        return None
    return ((name, getattr(value, name)) for name in names)


def _is_array(value: object) -> bool:
    return isinstance(value, msgspec.Struct) and value.__struct_config__.array_like


def _struct_fields(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    config = struct.__struct_config__
    if config.tag_field is not None:
        yield config.tag_field, config.tag
    for name, written in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True):
        yield written, getattr(struct, name)
