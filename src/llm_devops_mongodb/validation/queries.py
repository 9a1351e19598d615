"""What a query is told beside its filter: order, projection, collation, counts and time limits.

Rules of the server (https://www.mongodb.com/docs/manual/reference/command/find/), tried on 6.0.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.arguments import check_apart, check_keys, check_one_of, check_path, known
from llm_devops_mongodb.validation.fields import check_name
from llm_devops_mongodb.validation.places import walk
from llm_devops_mongodb.validation.values import is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.validation.places import Place

_MOST_DOCUMENTS = 2**63 - 1
_LONGEST = timedelta(milliseconds=2**31 - 1)
_STRENGTHS = range(1, 6)
_COLLATION = {
    "caseFirst": ("upper", "lower", "off"),
    "alternate": ("non-ignorable", "shifted"),
    "maxVariable": ("punct", "space"),
}
_SWITCHES = ("caseLevel", "numericOrdering", "backwards", "normalization")


def validate_order(order: Mapping[str, Any]) -> None:
    """Refuse an order that names no field, or whose directions are not 1, -1 or a `$meta` document.

    Raises:
        InvalidDocumentError: It tells the field.
    """
    if not order:
        raise InvalidDocumentError("the sort names no field")
    walk(check_keys, order)


def validate_projection(projection: Mapping[str, Any]) -> None:
    """Refuse a projection that both keeps and drops fields, `_id` aside, or that names a field and a part of it.

    Raises:
        InvalidDocumentError: It tells the field.
    """
    walk(_check_projection, projection)


def validate_collation(collation: Any) -> None:
    """Refuse what is no collation: a document with a `locale` and the options that the server knows.

    Raises:
        InvalidDocumentError: It tells the option.
    """
    if not is_mapping(collation) or not is_text(collation.get("locale")) or not collation["locale"]:
        raise InvalidDocumentError("a collation is a document that names a locale", path="locale")
    walk(_check_collation, collation)


def validate_count(name: str, count: Any, *, least: int, most: int = _MOST_DOCUMENTS) -> int:
    """Return `count`; refuse what is no whole number from `least` to `most`.

    Raises:
        InvalidDocumentError: It is none, or too large for the server.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise InvalidDocumentError(f"{name} is a whole number from {least}, not of type {type(count).__name__}")
    if not least <= count <= most:
        raise InvalidDocumentError(f"{name} is a whole number from {least} to {most}")
    return count


def validate_max_time(duration: Any) -> timedelta:
    """Return `duration`; refuse what is no `timedelta`, not longer than nothing, or longer than the server takes.

    Raises:
        InvalidDocumentError: It is one of these.
    """
    if not isinstance(duration, timedelta) or not timedelta() < duration <= _LONGEST:
        raise InvalidDocumentError(f"max_time is a timedelta longer than nothing, {_LONGEST.days} days at most")
    return duration


def _check_projection(projection: Any, place: Place) -> None:
    kept: bool | None = None
    for name, value in projection.items():
        check_name(name, place)
        here = place.field(name, None)
        check_path(name.removesuffix(".$"), here)
        if name == "_id" or not (isinstance(value, bool) or is_number(value)):
            continue
        keeps = whole_number(value) != 0 and value is not False
        if kept is not None and keeps is not kept:
            raise here.refuse("a projection keeps fields or drops fields; only '_id' may differ")
        kept = keeps
    check_apart(projection, place)


def _check_collation(collation: Any, place: Place) -> None:
    known(collation, ("locale", "strength", *_COLLATION, *_SWITCHES), place)
    if "strength" in collation and whole_number(collation["strength"]) not in _STRENGTHS:
        raise place.field("strength", None).refuse("takes a whole number from 1 to 5")
    for name, words in _COLLATION.items():
        if name in collation:
            check_one_of(collation[name], words, place.field(name, None))
    for name in _SWITCHES:
        if not isinstance(collation.get(name, False), bool):
            raise place.field(name, None).refuse("takes True or False")
