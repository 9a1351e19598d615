"""What must be known of a type that pydantic reads, drawn once from its core schema.

The core schema is what pydantic itself validates by (`pydantic_core.core_schema`): generic models are filled in, names
resolved and aliases settled in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.codecs.conversions import (
    TO_CLASS,
    Conversion,
    Later,
    of_fields,
    of_items,
    of_positions,
    of_values,
    one_after_another,
    to_decimal,
)
from llm_devops_mongodb.codecs.pydantic_schema import Schema, fields_of, is_strict, read_names
from llm_devops_mongodb.codecs.pydantic_strict import COLLECTIONS, LEAVES, to_collection, to_int_names, to_member
from llm_devops_mongodb.codecs.values import BSON_TYPES, is_dict, is_list

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANY: Schema = {"type": "any"}


class Survey:
    """A walk through a schema and everything in it.

    Attributes:
        conversion: What a value needs before pydantic reads it; None for nothing.
        foreign: Classes that pydantic takes instances of and nothing else, and that BSON has none of.
    """

    def __init__(self, schema: Schema) -> None:
        self.foreign: list[type[Any]] = []
        self._needed = False
        self._made = 0
        self._definitions: dict[str, Schema] = {}
        self._known: dict[tuple[str, bool], Later] = {}
        self._ways = {
            "decimal": self._of_decimal,
            "is-instance": self._of_class,
            "enum": self._of_enum,
            "dict": self._of_dict,
            "model-fields": self._of_fields,
            "typed-dict": self._of_fields,
            "dataclass-args": self._of_fields,
            "definitions": self._of_definitions,
            "definition-ref": self._of_reference,
            "union": self._of_union,
            "tagged-union": self._of_tagged_union,
            "json-or-python": self._of_python,
            "lax-or-strict": self._of_lax_or_strict,
            "json": self._of_json,
        }
        conversion = self._of(schema, strict=False)
        self.conversion: Conversion | None = conversion if self._needed else None

    def _of(self, schema: Schema, *, strict: bool) -> Conversion | None:
        strict = is_strict(schema, inherited=strict)
        kind = schema["type"]
        if strict and kind in LEAVES:
            return self._leaf(LEAVES[kind])
        if kind in self._ways:
            return self._ways[kind](schema, strict)
        if "items_schema" in schema or kind in COLLECTIONS:
            return self._of_items(schema, strict)
        if "schema" not in schema:
            return None
        inner = self._of_made if kind.startswith("function-") else self._of
        return inner(schema["schema"], strict=strict)

    def _of_made(self, schema: Schema, *, strict: bool) -> Conversion | None:
        # Where a validator or pydantic itself has a say, an instance of any class may be made of anything.
        self._made += 1
        conversion = self._of(schema, strict=strict)
        self._made -= 1
        return conversion

    def _leaf(self, conversion: Conversion) -> Conversion:
        self._needed = True
        return conversion

    def _of_decimal(self, _schema: Schema, _strict: bool) -> Conversion:
        return self._leaf(to_decimal)

    def _of_class(self, schema: Schema, _strict: bool) -> Conversion | None:
        kind = schema["cls"]
        if kind in TO_CLASS:
            return self._leaf(TO_CLASS[kind])
        if not self._made and not any(issubclass(each, kind) for each in BSON_TYPES):
            self.foreign.append(kind)
        return None

    def _of_enum(self, schema: Schema, strict: bool) -> Conversion | None:
        return self._leaf(to_member(schema["members"])) if strict else None

    def _of_definitions(self, schema: Schema, strict: bool) -> Conversion | None:
        self._definitions |= {each["ref"]: each for each in schema["definitions"]}
        return self._of(schema["schema"], strict=strict)

    def _of_reference(self, schema: Schema, strict: bool) -> Conversion | None:
        key = schema["schema_ref"], strict
        if (known := self._known.get(key)) is not None:
            return known
        later = self._known[key] = Later()
        later.made = self._of(self._definitions[key[0]], strict=strict)
        return later.made

    def _of_union(self, schema: Schema, strict: bool) -> Conversion | None:
        return self._of_any(map(_of_choice, schema["choices"]), strict)

    def _of_tagged_union(self, schema: Schema, strict: bool) -> Conversion | None:
        return self._of_any(schema["choices"].values(), strict)

    def _of_any(self, choices: Iterable[Any], strict: bool) -> Conversion | None:
        found = [each for choice in choices if (each := self._of(choice, strict=strict)) is not None]
        return one_after_another(found) if found else None

    def _of_python(self, schema: Schema, strict: bool) -> Conversion | None:
        return self._of_made(schema["python_schema"], strict=strict)

    def _of_lax_or_strict(self, schema: Schema, strict: bool) -> Conversion | None:
        return self._of_made(schema["strict_schema" if strict else "lax_schema"], strict=strict)

    def _of_json(self, _schema: Schema, _strict: bool) -> None:
        # Its schema is of what the text holds.
        return None

    def _of_fields(self, schema: Schema, strict: bool) -> Conversion | None:
        found: dict[str, Conversion] = {}
        for name, field in fields_of(schema):
            if (conversion := self._of(field["schema"], strict=strict)) is not None:
                found |= dict.fromkeys((name, *read_names(name, field)), conversion)
        return of_fields(found) if found else None

    def _of_dict(self, schema: Schema, strict: bool) -> Conversion | None:
        values = self._of(schema.get("values_schema", _ANY), strict=strict)
        found = [] if values is None else [of_values(values)]
        if strict and schema.get("keys_schema", _ANY)["type"] == "int":
            found.append(self._leaf(to_int_names))
        return one_after_another(found) if found else None

    def _of_items(self, schema: Schema, strict: bool) -> Conversion | None:
        items = self._of_each(schema, strict)
        if strict and schema["type"] in COLLECTIONS:
            return self._leaf(to_collection(COLLECTIONS[schema["type"]], items))
        return items

    def _of_each(self, schema: Schema, strict: bool) -> Conversion | None:
        items = schema.get("items_schema", _ANY)
        if not is_list(items):
            found = self._of(items, strict=strict)
            return None if found is None else of_items(found)
        each = [self._of(item, strict=strict) for item in items]
        if "variadic_item_index" in schema:
            # Of one type for all, as `tuple[int, ...]` is; nothing else can be said in Python before unpacked types.
            return None if each[0] is None else of_items(each[0])
        return of_positions(each) if any(each) else None


def _of_choice(choice: Any) -> Any:
    # A schema, or a pair of one and a name for errors.
    return choice if is_dict(choice) else choice[0]
