"""Which index would serve a query, by the rule equality, sort, range."""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.conditions import Condition, Conditions
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.values import is_mapping, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.options import Sort

Keys = dict[str, int | str]
"""An index's fields and directions, or kinds such as `"2dsphere"`."""

_MOST_SCANS = 200
_MOST_FIELDS = 32
_GEOMETRY = {"geometry": "2dsphere", "plane": "2d"}
_ORDERED = (1, -1)


def suggest_index(
    filter: Mapping[str, Any], sort: Sort | None = None, *, indexes: Sequence[Mapping[str, Any]] = ()
) -> Keys | None:
    """Return the index that serves a query best: fields compared for equality, then the sort, then ranges.

    An `$in` counts as equality up to 200 values, `$in`s of one filter multiplied: so many scans the server merges in
    order (its `internalQueryMaxScansToExplode`). Longer ones count as ranges, and so do all where the sort names
    a field that is compared for equality: the server cannot merge by it. Negations and patterns that are not
    anchored are left out, and `$or`: each branch needs an index of its own, see `suggest_for_branches`.

    Args:
        filter: The filter. Only its form matters.
        sort: The order asked for.
        indexes: The indexes there are, as `list_indexes` gives them.

    Returns:
        Fields and directions for `create_index`; None where no index would help, or one of `indexes` serves already:
        it begins with the same fields.

    Example:
        >>> suggest_index({"age": {"$gt": 30}, "status": "A"}, [("created", -1)])
        {'status': 1, 'created': -1, 'age': 1}
    """
    return suggest_for(Conditions.of(filter), sort_pairs(sort), indexes=indexes)


def suggest_for(
    conditions: Conditions, sort: Sequence[tuple[str, Any]], *, indexes: Sequence[Mapping[str, Any]] = ()
) -> Keys | None:
    """As `suggest_index`, of conditions that are taken apart already."""
    equal, ordered, ranged = _parts(conditions, sort)
    keys: Keys = dict.fromkeys(equal, 1)
    keys |= _geometry(conditions)
    keys |= {field: direction for field, direction in ordered if field not in keys}
    keys |= {field: 1 for field in ranged if field not in keys}
    if not keys or "_id" in equal or next(iter(keys)) == "_id":
        return None
    keys = dict(list(keys.items())[:_MOST_FIELDS])
    return None if any(serves(index, keys, equal) for index in indexes) else keys


def suggest_for_branches(
    conditions: Conditions, sort: Sequence[tuple[str, Any]], *, indexes: Sequence[Mapping[str, Any]] = ()
) -> tuple[Keys, ...]:
    """Return the indexes that the branches of an `$or` lack.

    There are none where no index can serve one of them: then the server reads the whole collection all the same.
    """
    if not all(_is_servable(branch) for branch in conditions.branches):
        return ()
    found = (suggest_for(branch, sort, indexes=indexes) for branch in conditions.branches)
    distinct = {tuple(keys.items()): keys for keys in found if keys is not None}
    return tuple(distinct.values())


def serves(index: Mapping[str, Any], wanted: Keys, equal: Sequence[str]) -> bool:
    """Tell whether `index` does what one of the `wanted` keys would; `equal` of them may stand in any order."""
    if any(name in index for name in ("partialFilterExpression", "sparse", "collation")):
        return False
    given = list(key_of(index).items())
    first, rest = given[: len(equal)], given[len(equal) : len(wanted)]
    tail = [(field, kind) for field, kind in wanted.items() if field not in equal]
    if any(kind not in (*_ORDERED, "hashed") for _, kind in first):
        return False
    return {field for field, _ in first} == set(equal) and _same_order(rest, tail)


def key_of(index: Mapping[str, Any]) -> dict[str, Any]:
    """Return an index's fields and directions; the numbers may be of any type."""
    key = index.get("key")
    return {name: _direction(kind) for name, kind in key.items()} if is_mapping(key) else {}


def sort_pairs(sort: Sort | None) -> tuple[tuple[str, Any], ...]:
    """Return a sort's fields and directions, without what is computed, such as a text's score."""
    if sort is None:
        return ()
    keys = fields_and_directions(sort, "sort")
    return tuple((name, _direction(kind)) for name, kind in keys.items() if not is_mapping(kind))


def shown_call(keys: Mapping[str, Any], *more: str) -> str:
    """Return the call that creates an index, for a text, with `more` arguments."""
    return f"create_index({', '.join([json.dumps(dict(keys), ensure_ascii=False), *more])})"


def _parts(
    conditions: Conditions, sort: Sequence[tuple[str, Any]]
) -> tuple[tuple[str, ...], tuple[tuple[str, Any], ...], tuple[str, ...]]:
    exact = [each for each in conditions.fields if each.kind in {"equality", "absence"}]
    lists = [each for each in exact if each.operator == "$in"]
    ordering = {field for field, _ in sort}
    # The server merges the scans of an $in's values only by fields that come after all that are compared for equality.
    if prod(each.values for each in lists) > _MOST_SCANS or any(each.field in ordering for each in exact):
        exact = [each for each in exact if each not in lists]
    equal = tuple(dict.fromkeys(each.field for each in exact))
    ordered = tuple((field, kind) for field, kind in sort if field not in equal)
    served = (each.field for each in conditions.fields if each.kind == "range" or _is_long(each, equal))
    return equal, ordered, tuple(field for field in dict.fromkeys(served) if field not in equal)


def _is_long(condition: Condition, equal: tuple[str, ...]) -> bool:
    return condition.operator == "$in" and condition.kind == "equality" and condition.field not in equal


def _is_servable(conditions: Conditions) -> bool:
    served = {"equality", "absence", "range", *_GEOMETRY}
    return any(each.kind in served for each in conditions.fields)


def _geometry(conditions: Conditions) -> Keys:
    return {each.field: _GEOMETRY[each.kind] for each in conditions.fields if each.kind in _GEOMETRY}


def _same_order(given: Sequence[tuple[str, Any]], wanted: Sequence[tuple[str, Any]]) -> bool:
    """Tell whether one order is the other, or its reverse, which the server reads backwards."""
    reverse = [(field, -kind if kind in _ORDERED else kind) for field, kind in wanted]
    return list(given) in (list(wanted), reverse)


def _direction(kind: Any) -> Any:
    number = whole_number(kind)
    return kind if number is None else -1 if number < 0 else 1
