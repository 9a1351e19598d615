"""Looking things up in pydantic's core schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_devops_mongodb.codecs.family import IdKey

Schema = Mapping[str, Any]
"""A node of a core schema; `type` says of which kind."""

_WITH_FIELDS = frozenset({"model-fields", "typed-dict", "dataclass-args"})


def fields_of(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Give the name and the schema of each field of a node that has some."""
    fields: Any = schema["fields"]
    yield from fields.items() if isinstance(fields, Mapping) else ((field["name"], field) for field in fields)


def read_names(name: str, field: Schema) -> list[str]:
    """Return the names a field is read from by alias; a path into another field is none."""
    alias: Any = field.get("validation_alias")
    if alias is None or isinstance(alias, str):
        return [alias or name]
    paths = alias if isinstance(alias[0], list) else [alias]
    return [path[0] for path in paths if len(path) == 1]


def is_strict(schema: Schema, *, inherited: bool) -> bool:
    """Tell whether a node is validated strictly: by itself, its model, or what it is part of."""
    strict = schema.get("strict", schema.get("config", {}).get("strict"))
    return inherited if strict is None else strict


def id_key_of(schema: Schema, *, by_alias: bool) -> IdKey:
    """Find out what a model calls its `_id`: a field with that alias, else one called `_id` or `id`.

    Args:
        schema: The schema of a list of it.
        by_alias: It is read and written by its fields' aliases rather than by their names.
    """
    model, forbids_extra = _model(schema)
    plain: IdKey | None = None
    for name, field in fields_of(model):
        names = read_names(name, field) if by_alias else [name]
        written = field.get("serialization_alias", name) if by_alias else name
        if "_id" in (*names, written):
            return IdKey("_id" if "_id" in names else next(iter(names), None), written)
        if name == written == "id" in names:
            plain = IdKey("id", "id")
    return plain or IdKey(refused=forbids_extra)


def _model(schema: Schema) -> tuple[Schema, bool]:
    """Unwrap the fields of a model; tell whether it forbids others."""
    definitions: dict[str, Schema] = {}
    extra: str | None = None
    while True:
        extra = extra or schema.get("extra_behavior") or schema.get("config", {}).get("extra_fields_behavior")
        if schema["type"] in _WITH_FIELDS:
            return schema, extra == "forbid"
        if schema["type"] == "definitions":
            definitions |= {each["ref"]: each for each in schema["definitions"]}
        if schema["type"] == "definition-ref":
            schema = definitions[schema["schema_ref"]]
        else:
            schema = schema["items_schema"] if schema["type"] == "list" else schema["schema"]
