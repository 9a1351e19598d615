"""Shapes of what pydantic writes, as its core schema tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_devops_mongodb.codecs.faults import type_name
from llm_devops_mongodb.codecs.msgspec_shapes import msgspec_shape
from llm_devops_mongodb.codecs.pydantic_schema import Schema, fields_of
from llm_devops_mongodb.codecs.shapes import OPEN, Part, Shape, merged
from llm_devops_mongodb.codecs.values import is_dict, is_list

_UNKNOWN: Schema = {"type": "any"}
_IN_ARRAYS = frozenset({"list", "set", "frozenset", "tuple", "generator"})
_OPENING = frozenset({"function-plain", "function-wrap"})


def pydantic_shape(schema: Schema, *, by_alias: bool) -> Shape:
    """Return the shape of what is written by a core schema.

    Args:
        schema: A node of it.
        by_alias: Fields are written under their aliases rather than under their names.
    """
    return _Walk(by_alias=by_alias).of(schema)


class _Walk:
    """A walk through a schema, which remembers the definitions that it has met."""

    def __init__(self, *, by_alias: bool) -> None:
        self._by_alias = by_alias
        self._definitions: dict[str, Schema] = {}

    def of(self, schema: Schema, title: str = "") -> Shape:
        if schema["type"] == "definitions":
            self._definitions |= {each["ref"]: each for each in schema["definitions"]}
        found = self._of(schema, title)
        if not _has_own_serializer(schema):
            return found
        # What such code makes is anybody's guess; around the usual way it mostly adds.
        return Shape(found.title, found.attributes, found.keys, found.values, found.items, is_open=True)

    def _of(self, schema: Schema, title: str) -> Shape:  # noqa: PLR0911 - one line for each kind of schema
        match schema["type"]:
            case "any" | "function-plain":
                return OPEN
            case "definition-ref":
                return self.of(self._definitions[schema["schema_ref"]], title)
            case "model" | "dataclass":
                return self._of_model(schema)
            case "model-fields" | "typed-dict" | "dataclass-args":
                return self._of_fields(schema, title)
            case "named-tuple":
                return self._of_named_tuple(schema)
            case "is-instance" | "call":
                return _of_class(schema.get("cls", schema.get("function")))
            case _:
                return self._of_container(schema, title)

    def _of_container(self, schema: Schema, title: str) -> Shape:
        kind = schema["type"]
        if "choices" in schema:
            return self._of_union(schema)
        if kind == "dict":
            return Shape(kind, values=self._part("", schema.get("values_schema", _UNKNOWN)))
        if kind in _IN_ARRAYS:
            return self._of_array(kind, schema.get("items_schema", _UNKNOWN))
        inner: Any = schema.get("python_schema", schema.get("strict_schema", schema.get("schema")))
        # The schema of JSON text is of what the text holds.
        if kind == "json" or inner is None:
            return self.of(schema["steps"][-1], title) if kind == "chain" else Shape(kind)
        return self.of(inner, title)

    def _of_array(self, kind: str, items: Any) -> Shape:
        if is_list(items):
            return Shape(kind, items=Part("", lambda: merged([self.of(item) for item in items])))
        return Shape(kind, items=self._part("", items))

    def _of_union(self, schema: Schema) -> Shape:
        choices: Any = schema["choices"]
        found = choices.values() if is_dict(choices) else choices
        return merged([self.of(each if is_dict(each) else each[0]) for each in found])

    def _of_model(self, schema: Schema) -> Shape:
        title = type_name(schema["cls"])
        if schema.get("root_model"):
            return Shape(title, attributes={"root": self._part("", schema["schema"])})
        found = self.of(schema["schema"], title)
        is_open = found.is_open or schema.get("config", {}).get("extra_fields_behavior") == "allow"
        return Shape(title, attributes=found.attributes, is_open=is_open)

    def _of_fields(self, schema: Schema, title: str) -> Shape:
        parts = {
            name: self._part(self._written(name, field), field["schema"])
            for name, field in fields_of(schema)
            if not field.get("serialization_exclude") and not field.get("init_only")
        }
        is_open = schema.get("extra_behavior") == "allow"
        if schema["type"] == "typed-dict":
            return Shape(title or type_name(schema.get("cls", dict)), keys=parts, is_open=is_open)
        return Shape(title, attributes=parts, is_open=is_open)

    def _of_named_tuple(self, schema: Schema) -> Shape:
        parts = {name: self._part(str(index), field["schema"]) for index, (name, field) in enumerate(fields_of(schema))}
        items = Part("", lambda: merged([part.shape for part in parts.values()]))
        return Shape(type_name(schema["cls"]), attributes=parts, items=items)

    def _written(self, name: str, field: Schema) -> str:
        return field.get("serialization_alias", name) if self._by_alias else name

    def _part(self, name: str, schema: Schema) -> Part:
        return Part(name, lambda: self.of(schema))


def _of_class(kind: Any) -> Shape:
    """Return the shape of what pydantic leaves as it is, and msgspec writes."""
    if issubclass(kind, Mapping):
        return OPEN
    try:
        return msgspec_shape(kind)
    except (TypeError, NameError):
        return OPEN


def _has_own_serializer(schema: Schema) -> bool:
    serializer: Schema = schema.get("serialization", {"type": ""})
    return serializer["type"] in _OPENING and not str(serializer.get("when_used", "")).startswith("json")
