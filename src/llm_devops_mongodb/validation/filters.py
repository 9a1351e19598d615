"""Filters: the operators in them, at every depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation import query_operators
from llm_devops_mongodb.validation.fields import REFERENCE_KEYS, check_literal, check_name
from llm_devops_mongodb.validation.places import shown, walk
from llm_devops_mongodb.validation.shortcuts import CLAUSES, COMPARISONS, MEMBERSHIPS, is_ordinary_filter
from llm_devops_mongodb.validation.values import SCALARS, built, is_array, is_mapping, is_regex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.errors import InvalidDocumentError
    from llm_devops_mongodb.validation.places import Check, Place
    from llm_devops_mongodb.validation.values import Buildable

_INTERNAL = "$_"
_NEAR = ("$near", "$nearSphere", "$geoNear")
_NEAR_COMPANIONS = frozenset({"$maxDistance", "$minDistance", "$uniqueDocs"})
_AREAS = ("$geoWithin", "$within", "$geoIntersects")
_WATCHED = frozenset({"$regex", "$options", *_NEAR, *_NEAR_COMPANIONS, *_AREAS})

_ONLY_AT_THE_TOP = "stands at the top of a filter only, not under $elemMatch"
_UNDER_ELEM_MATCH: Mapping[str, str] = dict.fromkeys(("$expr", "$text", "$where", "$sampleRate"), _ONLY_AT_THE_TOP)


def validate_filter(filter: Mapping[str, Any] | Buildable[Mapping[str, Any]]) -> None:
    """Refuse a filter that the server would refuse, or that cannot mean what it says.

    Knows the query operators of MongoDB up to 8.0. Names that begin with `$_` are the server's own and left to it.
    Values of `$eq` and its like, and documents without operators, are literals: only their names and depth are
    checked; so are the expressions in `$expr`.

    Stricter than the server in four points: `$exists` takes only a Boolean; a document that mixes operators and
    field names is refused also where its first name is a field's, which the server would compare as it stands; so
    is an unknown operator in an element of `$all`; and there are at most 100 levels.

    Args:
        filter: A mapping of any class, or a builder of one. It is not changed.

    Raises:
        InvalidDocumentError: It is no filter; `path` tells where, as in `$or.0.age.$gte`. An unknown operator is
            answered with the nearest known one.

    Example:
        >>> validate_filter({"age": {"$gte": 18}, "$or": [{"a": 1}, {"b": {"$exists": True}}]})
    """
    plain = built(filter)
    if not is_ordinary_filter(plain):
        walk(check_filter, plain)


def check_filter(filter: Any, place: Place) -> None:
    """Check a filter that stands at `place`."""
    if not is_mapping(filter):
        raise place.refuse(f"a filter is a mapping of names to conditions, not {type(filter).__name__}")
    for name, condition in filter.items():
        check_name(name, place)
        if name in REFERENCE_KEYS:
            check_literal(condition, place.field(name, condition))
        elif name[:1] == "$":
            _check_operator(name, condition, place=place, known=TOP_OPERATORS)
        elif type(condition) not in SCALARS:
            _check_condition(condition, place.field(name, condition))


def check_operators(operators: Any, place: Place) -> None:
    """Check a document of operators under a field name: every name in it must be one."""
    for name, argument in operators.items():
        if name in COMPARISONS and type(argument) in SCALARS:
            continue
        check_name(name, place)
        if name[:1] != "$":
            raise _mixed(name, place)
        _check_operator(name, argument, place=place, known=FIELD_OPERATORS)
    if not _WATCHED.isdisjoint(operators):
        _check_companions(operators, place)


def starts_with_field_operator(document: Mapping[Any, Any]) -> bool:
    """Tell whether the server would read `document` as operators on a value rather than as a filter on a document."""
    first = str(next(iter(document), ""))
    return first[:1] == "$" and first not in TOP_OPERATORS and first not in REFERENCE_KEYS


def _check_operator(name: str, argument: Any, *, place: Place, known: Mapping[str, Check]) -> None:
    inside = place.field(name, argument)
    check = known.get(name)
    if check is None:
        if not name.startswith(_INTERNAL):
            raise _unknown(name, inside, known=known)
        check = check_literal
    if name in place.barred:
        raise inside.refuse(place.barred[name])
    check(argument, inside)


def _check_condition(condition: Any, place: Place) -> None:
    if not is_mapping(condition):
        check_literal(condition, place)
        return
    plain = [name for name in condition if str(name)[:1] != "$"]
    if len(plain) == len(condition) or _is_reference(condition):
        check_literal(condition, place)
    elif not plain:
        check_operators(condition, place)
    else:
        raise _mixed(plain[0], place)


def _is_reference(condition: Mapping[Any, Any]) -> bool:
    """Tell what the server takes for a DBRef, and so for a literal, whatever else is in it."""
    return "$ref" in condition and "$id" in condition


def _check_companions(operators: Mapping[Any, Any], place: Place) -> None:
    """Check the operators that go by others: patterns with options, distances, and geometries, which stand alone."""
    if "$options" in operators and "$regex" not in operators:
        raise place.field("$options", None).refuse("stands beside $regex only")
    regex = operators.get("$regex")
    if is_regex(regex) and regex.flags and "$options" in operators:
        raise place.field("$options", None).refuse("$regex has flags of its own; give them in one of the two places")
    first = next(iter(operators))
    others = set(operators) - {first}
    near = next((name for name in _NEAR if name in operators), None)
    if near is not None and (near != first or not others <= _NEAR_COMPANIONS):
        raise place.field(near, None).refuse("stands first, with no other operator but $maxDistance and $minDistance")
    if near is None and (distances := sorted(_NEAR_COMPANIONS & set(operators))):
        raise place.field(distances[0], None).refuse("stands beside $near or $nearSphere only")
    if others and (areas := [name for name in _AREAS if name in operators]):
        raise place.field(areas[0], None).refuse("stands alone; combine conditions on one field with $and")


def _clauses(argument: Any, place: Place) -> None:
    if not is_array(argument) or not argument:
        raise place.refuse("takes an array of filters that is not empty")
    for index, clause in enumerate(argument):
        place.item(index, clause).defer(check_filter, clause)


def _negation(argument: Any, place: Place) -> None:
    if is_regex(argument):
        return
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes operators, as in {'$not': {'$gt': 5}}, or a regular expression")
    place.defer(check_operators, argument)


def _element(argument: Any, place: Place) -> None:
    if not is_mapping(argument):
        raise place.refuse("takes a filter, or operators on the element")
    if starts_with_field_operator(argument):
        place.barring(_UNDER_ELEM_MATCH).defer(check_operators, argument)
    else:
        place.barring(_UNDER_ELEM_MATCH).defer(check_filter, argument)


def _members(argument: Any, place: Place) -> None:
    """`$in`, `$nin`: literals and regular expressions, no operators."""
    if not is_array(argument):
        raise place.refuse("takes an array")
    if SCALARS.issuperset(map(type, argument)):
        return
    for index, member in enumerate(argument):
        inside = place.item(index, member)
        first = str(next(iter(member), "")) if is_mapping(member) else ""
        if first[:1] == "$" and not _is_reference(member):
            raise inside.refuse("an operator may not stand here; use $or for several conditions")
        check_literal(member, inside)


def _all_members(argument: Any, place: Place) -> None:
    """`$all`: literals and regular expressions, or nothing but `$elemMatch`."""
    if not is_array(argument):
        raise place.refuse("takes an array")
    firsts = [str(next(iter(member), "")) if is_mapping(member) else "" for member in argument]
    for index, (first, member) in enumerate(zip(firsts, argument, strict=True)):
        inside = place.item(index, member)
        if firsts[0] == "$elemMatch":
            if first != "$elemMatch":
                raise inside.refuse("where one element is an $elemMatch, all are")
            _element(member["$elemMatch"], inside.field("$elemMatch", member["$elemMatch"]))
        elif first[:1] == "$" and first not in REFERENCE_KEYS:
            raise inside.refuse("an operator may not stand here, but for $elemMatch in every element")
        else:
            check_literal(member, inside)


def _mixed(name: Any, place: Place) -> InvalidDocumentError:
    return place.refuse(
        f"mixes operators with the field name '{shown(str(name))}'; "
        "write conditions on parts as 'field.part', and a whole document under $eq"
    )


def _unknown(name: str, place: Place, *, known: Mapping[str, Check]) -> InvalidDocumentError:
    if name == "$not" and known is TOP_OPERATORS:
        return place.refuse("stands under a field name; negate a whole filter with $nor")
    if name in FIELD_OPERATORS and known is TOP_OPERATORS:
        return place.refuse(f"stands under a field name, as in {{'field': {{'{name}': …}}}}")
    if name in TOP_OPERATORS:
        return place.refuse("stands beside the field names of a filter, not under one")
    advice = hint(shown(name), known) or "; an aggregation expression stands under $expr"
    return place.refuse(f"unknown query operator '{shown(name)}'{advice}")


FIELD_OPERATORS: Final[Mapping[str, Check]] = {
    **query_operators.FIELD_OPERATORS,
    "$not": _negation,
    "$elemMatch": _element,
    "$all": _all_members,
    **dict.fromkeys(MEMBERSHIPS, _members),
}
TOP_OPERATORS: Final[Mapping[str, Check]] = {
    **query_operators.TOP_OPERATORS,
    **dict.fromkeys(CLAUSES, _clauses),
}
