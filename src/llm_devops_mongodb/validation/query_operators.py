"""The query operators whose argument can be checked by itself.

Rules as servers from 5.0 on apply them (https://www.mongodb.com/docs/manual/reference/operator/query/), tried on 6.0.
Each check is given the operator's argument and its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bson import Binary, Code, Decimal128

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation.fields import check_literal
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import (
    cut_number,
    is_array,
    is_mapping,
    is_number,
    is_regex,
    is_text,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from llm_devops_mongodb.validation.places import Check, Place

TYPE_ALIASES: Final = frozenset(
    {
        *("double", "string", "object", "array", "binData", "undefined", "objectId", "bool", "date", "null", "regex"),
        *("dbPointer", "javascript", "symbol", "javascriptWithScope", "int", "timestamp", "long", "decimal"),
        *("minKey", "maxKey", "number"),
    },
)
_TYPE_NUMBERS = frozenset({-1, *range(1, 20), 127})
_REGEX_OPTIONS = frozenset("imxsu")
_MOD_LENGTH = 2
_POINT_LENGTH = 2

_NEAR_NAMES = frozenset({"$geometry", "$maxDistance", "$minDistance"})
_AREA_NAMES = frozenset({"$geometry", "$box", "$center", "$centerSphere", "$polygon", "$uniqueDocs"})
_CROSSING_NAMES = frozenset({"$geometry", "$uniqueDocs"})

STRICT_WINDING: Final = "urn:x-mongodb:crs:strictwinding:EPSG:4326"
"""The name of the reference system in which the order of a polygon's positions tells its inside."""
_TEXT_KINDS: Mapping[str, type] = {
    "$search": str,
    "$language": str,
    "$caseSensitive": bool,
    "$diacriticSensitive": bool,
}


def comparison(argument: Any, place: Place) -> None:
    """`$eq`: any value, taken as it is."""
    check_literal(argument, place)


def ordering(argument: Any, place: Place) -> None:
    """`$ne`, `$gt`, `$gte`, `$lt`, `$lte`: any value but a regular expression."""
    if is_regex(argument):
        raise place.refuse("does not take a regular expression; use $regex, or $not with $regex")
    check_literal(argument, place)


def existence(argument: Any, place: Place) -> None:
    """`$exists`: true or false.

    The server takes anything and goes by whether it counts as true, so that `"false"` means true.
    """
    if not isinstance(argument, bool):
        raise place.refuse("takes True or False")


def pattern(argument: Any, place: Place) -> None:
    """`$regex`: a text or a regular expression; whether it can be compiled is for the server's engine to say."""
    if is_regex(argument):
        return
    if not is_text(argument):
        raise place.refuse("takes a text or a regular expression")
    if "\0" in argument:
        raise place.refuse("may not hold a NUL character")


def options(argument: Any, place: Place) -> None:
    """`$options`: any of `imxsu`."""
    if not is_text(argument) or not _REGEX_OPTIONS.issuperset(argument):
        raise place.refuse("takes a text made of the letters i, m, x, s and u")


def bson_type(argument: Any, place: Place) -> None:
    """`$type`: an alias, a number, or an array of them that is not empty."""
    wanted = argument if is_array(argument) else (argument,)
    if not wanted:
        raise place.refuse("takes at least one type")
    for one in wanted:
        known = one in TYPE_ALIASES if is_text(one) else whole_number(one) in _TYPE_NUMBERS
        if not known:
            raise place.refuse("takes the alias of a BSON type ('string', 'objectId', 'number', …) or its number")


def length(argument: Any, place: Place) -> None:
    """`$size`: a whole number, not negative."""
    if not _is_count(argument):
        raise place.refuse("takes a whole number that is not negative")


def remainder(argument: Any, place: Place) -> None:
    """`$mod`: divisor and remainder, both cut to whole numbers; the divisor may not be 0."""
    if not is_array(argument) or len(argument) != _MOD_LENGTH:
        raise place.refuse("takes an array of two numbers: divisor and remainder")
    divisor, rest = (cut_number(number) for number in argument)
    if divisor is None or rest is None:
        raise place.refuse("takes an array of two finite numbers: divisor and remainder")
    if divisor == 0:
        raise place.refuse("takes a divisor that is not 0")


def bits(argument: Any, place: Place) -> None:
    """`$bitsAllSet` and its like: a mask, a binary mask, or an array of positions."""
    if isinstance(argument, (bytes, Binary)) or _is_count(argument):
        return
    if not is_array(argument) or not all(_is_count(position) for position in argument):
        raise place.refuse("takes a bit mask (a whole number or binary) or an array of positions, none negative")


def near(argument: Any, place: Place) -> None:
    """`$near`, `$nearSphere`: a point of GeoJSON in `$geometry`, or a pair of coordinates."""
    if is_array(argument):
        if len(argument) < _POINT_LENGTH or not all(is_number(number) for number in argument):
            raise place.refuse("takes a pair of coordinates or {'$geometry': point}")
        return
    _check_geometry(argument, place, known=_NEAR_NAMES, free=True)
    for name in ("$maxDistance", "$minDistance"):
        if name in argument:
            distance(argument[name], place.field(name, None))


def distance(argument: Any, place: Place) -> None:
    """`$maxDistance`, `$minDistance`: a number."""
    if not is_number(argument):
        raise place.refuse("takes a number")


def area(argument: Any, place: Place) -> None:
    """`$geoWithin`: an area."""
    _check_geometry(argument, place, known=_AREA_NAMES)


def crossing(argument: Any, place: Place) -> None:
    """`$geoIntersects`: an object of GeoJSON in `$geometry`."""
    _check_geometry(argument, place, known=_CROSSING_NAMES)


def _check_geometry(argument: Any, place: Place, *, known: Collection[str], free: bool = False) -> None:
    """Check the names in a geometry; where `free`, ones without `$` are allowed: a bare point."""
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes a document with a geometry in it")
    for name in argument:
        if name not in known and (str(name).startswith("$") or not free):
            raise place.field(str(name), None).refuse(f"unknown geometry{hint(shown(str(name)), known)}")
    if "$geometry" in argument:
        _check_geojson(argument["$geometry"], place.field("$geometry", None))
    check_literal(argument, place)


def _check_geojson(geometry: Any, place: Place) -> None:
    if not (is_mapping(geometry) or is_array(geometry)):
        raise place.refuse("takes an object of GeoJSON")
    members = geometry.get("geometries") if is_mapping(geometry) else None
    for index, member in enumerate(members if is_array(members) else ()):
        if is_mapping(member) and is_strict_winding(member.get("crs")):
            here = place.field("geometries", None).item(index, None).field("crs", None)
            raise here.refuse("strict winding may not stand in a collection: it ends a server of 6.0")


def is_strict_winding(system: Any) -> bool:
    """Tell the reference system in which a polygon's positions stand in a strict order."""
    properties = system.get("properties") if is_mapping(system) else None
    return is_mapping(properties) and properties.get("name") == STRICT_WINDING


def text(argument: Any, place: Place) -> None:
    """`$text`: `$search`, and perhaps `$language`, `$caseSensitive` and `$diacriticSensitive`."""
    if not is_mapping(argument) or "$search" not in argument:
        raise place.refuse("takes a document with $search in it")
    for name, item in argument.items():
        kind = _TEXT_KINDS.get(name)
        if kind is None:
            raise place.field(str(name), None).refuse(f"unknown option of $text{hint(shown(str(name)), _TEXT_KINDS)}")
        if not (is_text(item) if kind is str else isinstance(item, kind)):
            raise place.field(name, None).refuse("takes a text" if kind is str else "takes True or False")


def document(argument: Any, place: Place) -> None:
    """`$jsonSchema`: a document."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    check_literal(argument, place)


def script(argument: Any, place: Place) -> None:
    """`$where`: JavaScript as text or `Code`, without a scope."""
    if not isinstance(argument, str) or (isinstance(argument, Code) and argument.scope is not None):
        raise place.refuse("takes JavaScript as a text, without a scope; $expr does most of it faster")


def rate(argument: Any, place: Place) -> None:
    """`$sampleRate`: a number from 0 to 1."""
    number = argument.to_decimal() if isinstance(argument, Decimal128) else argument
    if cut_number(argument) is None or not 0 <= number <= 1:
        raise place.refuse("takes a number from 0 to 1")


def one(argument: Any, place: Place) -> None:
    """`$alwaysTrue`, `$alwaysFalse`: 1."""
    if whole_number(argument) != 1:
        raise place.refuse("takes 1")


def _is_count(value: Any) -> bool:
    number = whole_number(value)
    return number is not None and number >= 0


FIELD_OPERATORS: Final[Mapping[str, Check]] = {
    "$eq": comparison,
    **dict.fromkeys(("$ne", "$gt", "$gte", "$lt", "$lte"), ordering),
    "$exists": existence,
    "$regex": pattern,
    "$options": options,
    "$type": bson_type,
    "$size": length,
    "$mod": remainder,
    **dict.fromkeys(("$bitsAllClear", "$bitsAllSet", "$bitsAnyClear", "$bitsAnySet"), bits),
    **dict.fromkeys(("$near", "$nearSphere", "$geoNear"), near),
    **dict.fromkeys(("$maxDistance", "$minDistance"), distance),
    "$uniqueDocs": comparison,
    **dict.fromkeys(("$geoWithin", "$within"), area),
    "$geoIntersects": crossing,
}
"""What stands under a field name; the operators that hold filters or operators again are in `filters`."""

TOP_OPERATORS: Final[Mapping[str, Check]] = {
    "$expr": comparison,
    "$comment": comparison,
    "$jsonSchema": document,
    "$text": text,
    "$where": script,
    "$sampleRate": rate,
    **dict.fromkeys(("$alwaysTrue", "$alwaysFalse"), one),
}
"""What stands beside the field names of a filter; `$and`, `$or` and `$nor` are in `filters`."""
