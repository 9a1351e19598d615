"""Arguments that several stages take: paths, names of variables, expressions, whole numbers.

Each check is given the place of its value and refuses it there.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from bson import Decimal128

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation.fields import REFERENCE_KEYS, check_name
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import cut_number, is_array, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from llm_devops_mongodb.validation.places import Place

_VARIABLE = re.compile(r"(?:[a-z]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*", re.ASCII)
_REBINDABLE = "CURRENT"

UNITS: Final = frozenset({"year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"})
"""Units of time, as stages name them."""


def required(argument: Mapping[Any, Any], names: Iterable[str], place: Place) -> None:
    """Refuse a document of options without all of these."""
    missing = [name for name in names if name not in argument]
    if missing:
        raise place.refuse(f"takes a document with {', '.join(map(repr, missing))} in it")


def known(argument: Mapping[Any, Any], names: Collection[str], place: Place) -> None:
    """Refuse a document of options with others than these."""
    for name in argument:
        check_name(name, place)
        if name not in names:
            raise place.field(name, None).refuse(f"unknown option '{shown(name)}'{hint(shown(name), names)}")


def check_path(path: object, place: Place) -> None:
    """Refuse what is no path of a field: no text, empty, with an empty part or one that begins with `$`."""
    if not is_text(path) or not path:
        raise place.refuse("takes the path of a field")
    for part in path.split("."):
        if not part:
            raise place.refuse("a path may not hold an empty part")
        if part[0] == "$" and part not in REFERENCE_KEYS:
            raise place.refuse("no part of a path may begin with '$'")


def check_paths(paths: Any, place: Place) -> None:
    """Refuse what is no array of paths."""
    if not is_array(paths):
        raise place.refuse("takes an array of paths")
    for index, path in enumerate(paths):
        check_path(path, place.item(index, path))


def check_keys(keys: object, place: Place) -> None:
    """Refuse what is no document of fields with 1, -1 or a `$meta` each. A document: the order of the keys counts."""
    if not is_mapping(keys):
        raise place.refuse("takes a document of fields with 1 or -1 each")
    for name, direction in keys.items():
        check_name(name, place)
        here = place.field(name, None)
        check_path(name, here)
        metadata = is_mapping(direction) and set(direction) == {"$meta"} and is_text(direction["$meta"])
        if not metadata and cut_number(direction) not in {1, -1}:
            raise here.refuse("takes 1, -1 or {'$meta': name}")


def check_apart(paths: Iterable[str], place: Place) -> None:
    """Refuse paths of which one is another, or leads into it."""
    ordered = sorted(path.split(".") for path in paths)
    for outer, inner in pairwise(ordered):
        if inner[: len(outer)] == outer:
            raise place.field(".".join(inner), None).refuse("this field, or one that holds it, is named twice")


def check_expression(expression: object, place: Place) -> None:
    """Refuse what is neither a document nor a text that begins with `$`: it would be the same for every document."""
    if not is_mapping(expression) and not (is_text(expression) and expression[:1] == "$"):
        raise place.refuse("takes an expression: a document, or a path that begins with '$'")


def check_computed(expression: object, place: Place) -> None:
    """Refuse what is neither a path with `$` nor a document with one operator; constants and new documents are not."""
    check_expression(expression, place)
    if is_mapping(expression) and not is_operator(expression):
        raise place.refuse("takes a path that begins with '$', or a document of one operator")


def is_operator(value: object) -> bool:
    """Tell a document of one operator, such as `{"$sum": 1}`."""
    return is_mapping(value) and len(value) == 1 and str(next(iter(value)))[:1] == "$"


def check_operator(value: object, place: Place) -> None:
    """Refuse what is no document of one operator."""
    if not is_operator(value):
        raise place.refuse("takes a document of one operator, as in {'$sum': 1}")


def check_accumulators(fields: Mapping[Any, Any], place: Place) -> None:
    """Refuse fields of a group that are not plain names, or have no operator."""
    for name, accumulator in fields.items():
        check_name(name, place)
        here = place.field(name, None)
        if "." in name or name[:1] == "$":
            raise here.refuse("a field of a group may not hold a dot or begin with '$'")
        check_operator(accumulator, here)


def check_variables(variables: object, place: Place) -> None:
    """Refuse what is no document of variables, whose names begin with a small letter."""
    if not is_mapping(variables):
        raise place.refuse("takes a document of variables")
    for name in variables:
        check_name(name, place)
        if not _VARIABLE.fullmatch(name) and name != _REBINDABLE:
            raise place.field(name, None).refuse(
                "the name of a variable begins with a small letter and holds letters, digits and '_'"
            )


def check_whole(value: object, place: Place, *, least: int) -> None:
    """Refuse what is no whole number of at least `least`."""
    number = whole_number(value)
    if number is None or number < least:
        raise place.refuse(f"takes a whole number of at least {least}")


def real(value: Any) -> Any:
    """Give a number in a form that Python compares with others; None for what is none, or cannot be compared."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    try:
        return number if is_number(value) and number <= number else None  # noqa: PLR0124  # it tells NaN
    except (TypeError, ArithmeticError):  # a complex number, or NaN as a decimal
        return None


def is_negative(value: object) -> bool:
    """Tell a number below 0."""
    number = real(value)
    return number is not None and bool(number < 0)


def check_one_of(value: object, names: Collection[str], place: Place) -> None:
    """Refuse what is none of these words."""
    if not is_text(value) or value not in names:
        near = hint(shown(value), names) if is_text(value) else ""
        raise place.refuse(f"takes one of {', '.join(map(repr, sorted(names)))}{near}")


def check_text(value: object, place: Place) -> None:
    """Refuse what is no text, or an empty one."""
    if not is_text(value) or not value:
        raise place.refuse("takes a text that is not empty")
