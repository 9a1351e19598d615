"""Fields and expressions, as the methods of a pipeline take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.query.built import array_of, refusal
from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.fields import Field, is_field, name_of
from llm_devops_mongodb.validation.values import is_array, is_mapping, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_devops_mongodb.options import Sort


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, under MongoDB's names: `sort_by` as `sortBy`, and `as_` as `as`."""
    return {_camel(name): value for name, value in options.items() if value is not None}


def _camel(name: str) -> str:
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(part.title() for part in tail)


def array_path(field: str | Field[Any]) -> str:
    """Return a path with `$` at its head, which may be there already."""
    return field if isinstance(field, str) and field[:1] == "$" else f"${name_of(field)}"


def named(stage: str, fields: Any) -> dict[Any, Any]:
    """Return a document of fields, each by its path."""
    if not is_mapping(fields):
        raise refusal(stage, f"takes a document of fields, not {type(fields).__name__}")
    document = {_name(name): expression_of(value) for name, value in fields.items()}
    if len(document) < len(fields):
        raise refusal(stage, "names a field twice")
    return document


def _name(name: Any) -> Any:
    return name.path if isinstance(name, Field) else name


def paths_of(stage: str, fields: Iterable[str | Field[Any]]) -> list[str]:
    """Return the paths of several fields."""
    return [name_of(field) for field in array_of(stage, fields)]


def keys_of(stage: str, keys: Sort) -> dict[str, Any]:
    """Return the fields and directions of a sort, most significant first; a name alone is ascending."""
    if isinstance(keys, str) or is_field(keys):
        return {name_of(keys): 1}
    pairs = list(keys.items()) if is_mapping(keys) else [_pair(stage, key) for key in array_of(stage, keys)]
    order = {name_of(name): direction for name, direction in pairs}
    if len(order) < len(pairs):
        raise refusal(stage, "names a field twice")
    return order


def _pair(stage: str, key: Any) -> tuple[Any, Any]:
    if isinstance(key, str) or kind_of(key) is Field:
        return key, 1
    if not is_array(key) or len(key) != 2:  # noqa: PLR2004  # a field and its direction
        raise refusal(stage, "takes fields and directions, as in [('a', 1), ('b', -1)]")
    return key[0], key[1]
