"""The update operators, each with the check of what it takes for one field.

Rules as servers from 5.0 on apply them (https://www.mongodb.com/docs/manual/reference/operator/update/), tried on 6.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation.fields import check_literal
from llm_devops_mongodb.validation.filters import check_filter, check_operators, starts_with_field_operator
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.validation.places import Check, Place

_PUSH_MODIFIERS = frozenset({"$each", "$position", "$slice", "$sort"})
_BIT_NAMES = frozenset({"and", "or", "xor"})
_NOT_UNDER_PULL: Mapping[str, str] = dict.fromkeys(
    ("$expr", "$text", "$where", "$jsonSchema", "$near", "$nearSphere", "$geoNear"), "may not stand under $pull"
)


def increment(argument: Any, place: Place) -> None:
    """`$inc`, `$mul`: a number."""
    if not is_number(argument):
        raise place.refuse("takes a number")


def end(argument: Any, place: Place) -> None:
    """`$pop`: which end."""
    if whole_number(argument) not in {1, -1}:
        raise place.refuse("takes 1 for the last element or -1 for the first")


def clock(argument: Any, place: Place) -> None:
    """`$currentDate`: a date, or a timestamp."""
    if isinstance(argument, bool):
        return
    if not is_mapping(argument) or set(argument) != {"$type"} or argument["$type"] not in ("date", "timestamp"):
        raise place.refuse("takes True, {'$type': 'date'} or {'$type': 'timestamp'}")


def bit(argument: Any, place: Place) -> None:
    """`$bit`: `and`, `or` or `xor` with an integer."""
    if not is_mapping(argument) or not argument or not _BIT_NAMES.issuperset(argument):
        raise place.refuse("takes a document with 'and', 'or' or 'xor' in it")
    for name, mask in argument.items():
        if not isinstance(mask, int) or isinstance(mask, bool):
            raise place.field(name, None).refuse("takes an integer")


def target(argument: Any, place: Place) -> None:
    """`$rename`: the new path; that it differs from the old one is checked with the other paths."""
    if not is_text(argument):
        raise place.refuse("takes the new name of the field, a text")
    if "\0" in argument:
        raise place.refuse("a field name may not hold a NUL character")


def removals(argument: Any, place: Place) -> None:
    """`$pullAll`: an array of values."""
    if not is_array(argument):
        raise place.refuse("takes an array of the values to remove")
    check_literal(argument, place)


def removal(argument: Any, place: Place) -> None:
    """`$pull`: a value, operators on the element, or a filter on it."""
    if not is_mapping(argument):
        check_literal(argument, place)
    elif starts_with_field_operator(argument) and next(iter(argument)) != "$not":
        place.barring(_NOT_UNDER_PULL).defer(check_operators, argument)
    else:
        place.barring(_NOT_UNDER_PULL).defer(check_filter, argument)


def set_member(argument: Any, place: Place) -> None:
    """`$addToSet`: a value, or `$each` alone."""
    if is_mapping(argument) and next(iter(argument), None) == "$each":
        if len(argument) > 1:
            raise place.refuse("takes $each alone")
        _each(argument, place)
    check_literal(argument, place)


def push(argument: Any, place: Place) -> None:
    """`$push`: a value, or `$each` and perhaps `$position`, `$slice` and `$sort`.

    A server from 5.0 on stores a modifier without `$each` as a plain value, which nobody means: refused.
    """
    if is_mapping(argument) and not _PUSH_MODIFIERS.isdisjoint(argument):
        if "$each" not in argument:
            raise place.refuse("has modifiers without $each; add '$each': [] where nothing is to be added")
        _modifiers(argument, place)
    check_literal(argument, place)


def _modifiers(argument: Mapping[Any, Any], place: Place) -> None:
    for name in argument:
        if name not in _PUSH_MODIFIERS:
            raise place.field(str(name), None).refuse(f"unknown modifier{hint(shown(str(name)), _PUSH_MODIFIERS)}")
    _each(argument, place)
    for name in ("$position", "$slice"):
        if name in argument and whole_number(argument[name]) is None:
            raise place.field(name, None).refuse("takes a whole number")
    if "$sort" in argument:
        _sort(argument["$sort"], place.field("$sort", None))


def _each(argument: Mapping[Any, Any], place: Place) -> None:
    if not is_array(argument["$each"]):
        raise place.field("$each", None).refuse("takes an array")


def _sort(argument: Any, place: Place) -> None:
    keys = argument if is_mapping(argument) else {"": argument}
    if not keys or any(whole_number(direction) not in {1, -1} for direction in keys.values()):
        raise place.refuse("takes 1 or -1, or a document of fields with 1 or -1 each")


OPERATORS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("$set", "$unset", "$setOnInsert", "$min", "$max"), check_literal),
    **dict.fromkeys(("$inc", "$mul"), increment),
    "$rename": target,
    "$currentDate": clock,
    "$push": push,
    "$addToSet": set_member,
    "$pop": end,
    "$pull": removal,
    "$pullAll": removals,
    "$bit": bit,
}
"""What an update document may hold."""
