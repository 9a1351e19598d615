"""Stages that count and compute over many documents: `$group`, `$bucket`, `$bucketAuto`, `$setWindowFields`.

Rules of the server (https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/ and the pages beside
it), tried on 6.0.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bson import DatetimeMS, ObjectId

from llm_devops_mongodb.validation.arguments import (
    UNITS,
    check_accumulators,
    check_apart,
    check_computed,
    check_keys,
    check_one_of,
    check_operator,
    check_path,
    check_whole,
    known,
    real,
    required,
)
from llm_devops_mongodb.validation.fields import check_literal, check_name
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.validation.places import Place

_GRANULARITIES = frozenset(
    {
        *("R5", "R10", "R20", "R40", "R80", "1-2-5", "POWERSOF2"),
        *("E6", "E12", "E24", "E48", "E96", "E192"),
    }
)
_ORDERED = frozenset(
    {
        *("$rank", "$denseRank", "$documentNumber", "$shift", "$expMovingAvg", "$linearFill"),
        *("$derivative", "$integral"),
    }
)
_KINDS: Mapping[str, tuple[type, ...]] = {
    "Boolean": (bool,),
    "date": (datetime, DatetimeMS),
    "id": (ObjectId,),
    "null": (type(None),),
}
_EDGES = frozenset({"current", "unbounded"})


def group(argument: Any, place: Place) -> None:
    """`$group`: a document with `_id`, and an accumulator in every other field."""
    if not is_mapping(argument) or "_id" not in argument:
        raise place.refuse("takes a document with _id in it; {'_id': None} makes one group of everything")
    check_accumulators({name: value for name, value in argument.items() if name != "_id"}, place)
    check_literal(argument, place)


def bucket(argument: Any, place: Place) -> None:
    """`$bucket`: boundaries that rise, and a default outside them."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["groupBy", "boundaries"], place)
    known(argument, ["groupBy", "boundaries", "default", "output"], place)
    check_computed(argument["groupBy"], place.field("groupBy", None))
    boundaries = argument["boundaries"]
    _check_boundaries(boundaries, place.field("boundaries", None))
    _check_default(argument.get("default"), boundaries, place.field("default", None))
    _check_output(argument, place)


def bucket_auto(argument: Any, place: Place) -> None:
    """`$bucketAuto`: a number of buckets."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["groupBy", "buckets"], place)
    known(argument, ["groupBy", "buckets", "output", "granularity"], place)
    check_computed(argument["groupBy"], place.field("groupBy", None))
    check_whole(argument["buckets"], place.field("buckets", None), least=1)
    if "granularity" in argument:
        check_one_of(argument["granularity"], _GRANULARITIES, place.field("granularity", None))
    _check_output(argument, place)


def _check_output(argument: Mapping[Any, Any], place: Place) -> None:
    if "output" in argument:
        output, here = argument["output"], place.field("output", argument["output"])
        if not is_mapping(output):
            raise here.refuse("takes a document of fields with an accumulator each")
        if "_id" in output:
            raise here.field("_id", None).refuse("the _id of a bucket is its boundary")
        check_accumulators(output, here)
    check_literal(argument, place)


def _check_boundaries(boundaries: Any, place: Place) -> None:
    if not is_array(boundaries) or len(boundaries) < 2:  # noqa: PLR2004  # a bucket lies between two
        raise place.refuse("takes an array of at least two values")
    for index, (low, high) in enumerate(pairwise(boundaries), 1):
        here = place.item(index, None)
        if _kind(low) != _kind(high) and None not in {_kind(low), _kind(high)}:
            raise here.refuse("is of another type than the boundary before it")
        if low == high or _is_above(low, high):
            raise here.refuse("is not greater than the boundary before it")


def _check_default(default: Any, boundaries: Sequence[Any], place: Place) -> None:
    if is_text(default) and default[:1] == "$":
        raise place.refuse("takes a constant, not a path")
    lowest, highest = boundaries[0], boundaries[-1]
    if _kind(default) != "number" or not _kind(lowest) == _kind(highest) == "number":
        return
    if not _is_above(lowest, default) and _is_above(highest, default):
        raise place.refuse("lies between the boundaries, where it would be a bucket of its own")


def _kind(value: object) -> str | None:
    """Tell the types of boundaries apart as the server does; None for an expression, which it computes first."""
    if is_text(value):
        return None if value[:1] == "$" else "text"
    found = [name for name, classes in _KINDS.items() if isinstance(value, classes)]
    return found[0] if found else "number" if is_number(value) else None


def _is_above(one: Any, other: Any) -> bool:
    """Tell whether `one` is certainly greater; texts are not told, as a collation may order them otherwise."""
    one, other = _ordinal(one), _ordinal(other)
    if one is None or other is None:
        return False
    try:
        return bool(one > other)
    except TypeError:  # a datetime with a zone and one without
        return False


def _ordinal(value: Any) -> Any:
    return value if isinstance(value, datetime) else real(value)


def set_window_fields(argument: Any, place: Place) -> None:
    """`$setWindowFields`: in each field of the output one operator, and perhaps its window."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["output"], place)
    known(argument, ["partitionBy", "sortBy", "output"], place)
    output, here = argument["output"], place.field("output", argument["output"])
    if not is_mapping(output):
        raise here.refuse("takes a document of fields with an operator each")
    keys = argument.get("sortBy", {})
    check_keys(keys, place.field("sortBy", keys))
    for name, spec in output.items():
        check_name(name, here)
        check_path(name, here.field(name, None))
        _check_windowed(spec, here.field(name, spec), keys=len(keys))
    check_apart(output, here)
    check_literal(argument, place)


def _check_windowed(spec: Any, place: Place, *, keys: int) -> None:
    function = {name: value for name, value in spec.items() if name != "window"} if is_mapping(spec) else spec
    check_operator(function, place)
    name = next(iter(function))
    if name in _ORDERED and not keys:
        raise place.field(name, None).refuse("takes documents in an order: give sortBy")
    if "window" in spec:
        _check_window(spec["window"], place.field("window", spec["window"]), keys=keys)


def _check_window(window: Any, place: Place, *, keys: int) -> None:
    if not is_mapping(window):
        raise place.refuse("takes a document with 'documents' or 'range'")
    known(window, ["documents", "range", "unit"], place)
    if "documents" in window and len(window) > 1:
        raise place.refuse("takes 'documents' or 'range', and 'unit' only with 'range'")
    if "unit" in window:
        required(window, ["range"], place)
        check_one_of(window["unit"], UNITS, place.field("unit", None))
    for name, bounds in window.items():
        if name != "unit":
            _check_bounds(bounds, place.field(name, None), whole=name == "documents")
    if "range" in window and keys != 1:
        raise place.field("range", None).refuse("takes documents in the order of one field: give sortBy one")
    if "documents" in window and not keys and not _is_everything(window["documents"]):
        raise place.field("documents", None).refuse("takes documents in an order: give sortBy")


def _check_bounds(bounds: Any, place: Place, *, whole: bool) -> None:
    if not is_array(bounds) or len(bounds) != 2:  # noqa: PLR2004  # from and to
        raise place.refuse("takes an array of two: numbers, 'current' or 'unbounded'")
    for index, bound in enumerate(bounds):
        good = whole_number(bound) is not None if whole else is_number(bound)
        if not good and not (is_text(bound) and bound in _EDGES):
            kind = "whole number" if whole else "number"
            raise place.item(index, None).refuse(f"takes a {kind}, 'current' or 'unbounded'")
    low, high = (0 if bound == "current" else bound for bound in bounds)
    if _is_above(low, high):
        raise place.refuse("the lower bound is above the upper")


def _is_everything(bounds: Sequence[Any]) -> bool:
    return all(bound == "unbounded" for bound in bounds)
