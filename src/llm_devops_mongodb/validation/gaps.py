"""Stages that fill gaps: `$densify` and `$fill`.

Rules of the server (https://www.mongodb.com/docs/manual/reference/operator/aggregation/densify/ and
https://www.mongodb.com/docs/manual/reference/operator/aggregation/fill/), tried on 6.0.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from bson import DatetimeMS

from llm_devops_mongodb.validation.arguments import (
    UNITS,
    check_expression,
    check_keys,
    check_one_of,
    check_path,
    check_paths,
    known,
    real,
    required,
)
from llm_devops_mongodb.validation.fields import check_literal, check_name
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from llm_devops_mongodb.validation.places import Place

_EVERYWHERE = frozenset({"full", "partition"})
_METHODS = frozenset({"linear", "locf"})


def densify(argument: Any, place: Place) -> None:
    """`$densify`: a field, and the range in which every step is to be there."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["field", "range"], place)
    known(argument, ["field", "partitionByFields", "range"], place)
    check_path(argument["field"], place.field("field", None))
    partitions = argument.get("partitionByFields", [])
    check_paths(partitions, place.field("partitionByFields", None))
    if argument["field"] in partitions:
        raise place.field("partitionByFields", None).refuse("the field to densify may not part the documents")
    _check_range(argument["range"], place.field("range", argument["range"]), parted=bool(partitions))
    check_literal(argument, place)


def _check_range(span: Any, place: Place, *, parted: bool) -> None:
    if not is_mapping(span):
        raise place.refuse("takes a document with 'step' and 'bounds'")
    required(span, ["step", "bounds"], place)
    known(span, ["step", "bounds", "unit"], place)
    step, bounds = span["step"], span["bounds"]
    if (real(step) or 0) <= 0:
        raise place.field("step", None).refuse("takes a number above 0")
    if "unit" in span:
        check_one_of(span["unit"], UNITS, place.field("unit", None))
        if whole_number(step) is None:
            raise place.field("step", None).refuse("takes a whole number where it has a unit")
    here = place.field("bounds", None)
    if is_text(bounds):
        check_one_of(bounds, _EVERYWHERE, here)
        if bounds == "partition" and not parted:
            raise here.refuse("takes 'partition' only where partitionByFields part the documents")
    else:
        _check_bounds(bounds, here, dates="unit" in span)


def _check_bounds(bounds: Any, place: Place, *, dates: bool) -> None:
    if not is_array(bounds) or len(bounds) != 2:  # noqa: PLR2004  # from and to
        raise place.refuse("takes 'full', 'partition' or an array of two numbers or dates")
    low, high = bounds
    kinds = (datetime, DatetimeMS)
    if not all(isinstance(bound, kinds) if dates else is_number(bound) for bound in bounds):
        raise place.refuse("takes two dates where there is a unit, two numbers where there is none")
    try:
        descends = low > high
    except TypeError:  # numbers or dates of two classes, which the server compares
        return
    if descends:
        raise place.refuse("the lower bound is above the upper")


def fill(argument: Any, place: Place) -> None:
    """`$fill`: fields with a value or a method each."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["output"], place)
    known(argument, ["partitionBy", "partitionByFields", "sortBy", "output"], place)
    if "partitionBy" in argument and "partitionByFields" in argument:
        raise place.refuse("takes 'partitionBy' or 'partitionByFields', not both")
    if "partitionBy" in argument:
        check_expression(argument["partitionBy"], place.field("partitionBy", None))
    check_paths(argument.get("partitionByFields", []), place.field("partitionByFields", None))
    keys = argument.get("sortBy", {})
    check_keys(keys, place.field("sortBy", keys))
    output = argument["output"]
    here = place.field("output", output)
    if not is_mapping(output) or not output:
        raise here.refuse("takes a document of fields, not empty")
    for name in output:
        check_name(name, here)
        check_path(name, here.field(name, None))
        _check_filler(output[name], here.field(name, None), keys=len(keys))
    check_literal(argument, place)


def _check_filler(filler: Any, place: Place, *, keys: int) -> None:
    if not is_mapping(filler) or len(filler) != 1 or not {"value", "method"} & set(filler):
        raise place.refuse("takes {'value': expression} or {'method': 'linear' or 'locf'}")
    if "method" not in filler:
        return
    check_one_of(filler["method"], _METHODS, place.field("method", None))
    if filler["method"] == "linear" and keys != 1:
        raise place.field("method", None).refuse("'linear' takes documents in the order of one field: give sortBy one")
