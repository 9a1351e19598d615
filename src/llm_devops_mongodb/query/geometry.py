"""Geometries as the server takes them: GeoJSON (RFC 7946), and the older shapes of `$geoWithin`.

Longitude comes first, in degrees from -180 to 180; then latitude, from -90 to 90. Whether the sides of a polygon
cross is for the server to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bson import Decimal128

from llm_devops_mongodb.query.built import checked, refusal
from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation import query_operators
from llm_devops_mongodb.validation.fields import check_literal
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import cut_number, is_array, is_mapping, is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Shape = Callable[[str, Any], None]

_REFERENCE_SYSTEMS = ("EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84", query_operators.STRICT_WINDING)
_COLLECTION = "GeometryCollection"
_AREAS = ("Polygon", "MultiPolygon")
_PAIR = 2
_LONGITUDE = 180
_LATITUDE = 90
_RING_LENGTH = 4
_CORNERS = 3


def point(path: str, value: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    """Return a point of GeoJSON: `value` itself, or made of a pair of longitude and latitude.

    Raises:
        InvalidDocumentError: It is neither, or lies outside the ranges.
    """
    if is_mapping(value):
        return geometry(path, value, known=("Point",))
    if not is_array(value) or len(value) != _PAIR:
        raise refusal(path, "takes a pair of longitude and latitude, or a point of GeoJSON")
    return geometry(path, {"type": "Point", "coordinates": value}, known=("Point",))


def area(path: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `$geoWithin` takes: a polygon or several, of GeoJSON; or a shape such as `$centerSphere` itself.

    Raises:
        InvalidDocumentError: It is neither, or the server would refuse it.
    """
    if not (is_mapping(value) and any(name in value for name in _OLD_SHAPES)):
        return {"$geometry": geometry(path, value, known=_AREAS)}
    if len(value) != 1:
        raise refusal(path, "takes one shape")
    name, shape = next(iter(value.items()))
    _OLD_SHAPES[name](path, shape)
    copy: dict[str, Any] = checked(path, value, query_operators.area)
    return copy


def distances(path: str, given: Mapping[str, float | None]) -> dict[str, float]:
    """Return those of `$maxDistance` and `$minDistance` that are given.

    Raises:
        InvalidDocumentError: One is no finite number or negative, or the least is more than the most.
    """
    known = {name: value for name, value in given.items() if value is not None}
    numbers = {name: finite_number(value) for name, value in known.items()}
    for name, number in numbers.items():
        if number is None or number < 0:
            raise refusal(path, f"takes a {name} in metres: a finite number, not negative")
    least, most = numbers.get("$minDistance"), numbers.get("$maxDistance")
    if least is not None and most is not None and least > most:
        raise refusal(path, "the least distance is more than the most")
    return known


def geometry(path: str, value: Mapping[str, Any], *, known: Collection[str] = ()) -> dict[str, Any]:
    """Return a copy of an object of GeoJSON.

    Args:
        path: The field that it belongs to.
        value: The object.
        known: The types that may stand here; empty for all.

    Raises:
        InvalidDocumentError: It is none of these, or the server would refuse it.
    """
    if not is_mapping(value):
        raise refusal(path, f"takes an object of GeoJSON, not {type(value).__name__}")
    copy: dict[str, Any] = checked(path, value, check_literal)
    _check_geometry(path, copy, known=known or (*_SHAPES, _COLLECTION))
    return copy


def _check_geometry(path: str, value: dict[str, Any], *, known: Collection[str]) -> None:
    kind = value.get("type")
    if not is_text(kind) or kind not in known:
        advice = hint(shown(kind), known) if is_text(kind) else ""
        raise refusal(path, f"takes an object of GeoJSON whose type is one of {', '.join(known)}{advice}")
    if kind == _COLLECTION:
        _many(_member)(f"{path}.geometries", value.get("geometries"))
    else:
        _SHAPES[kind](f"{path}.coordinates", value.get("coordinates"))
    if "crs" in value:
        _check_reference_system(path, value["crs"], kind=kind)


def _member(path: str, value: Any) -> None:
    if not is_mapping(value):
        raise refusal(path, "takes an object of GeoJSON")
    if query_operators.is_strict_winding(value.get("crs")):
        # Such a member ends a server of 6.0: it fails an invariant.
        raise refusal(f"{path}.crs", "strict winding may not stand in a collection")
    _check_geometry(path, dict(value), known=_SHAPES)


def _check_reference_system(path: str, system: Any, *, kind: str) -> None:
    names = [name for name in _REFERENCE_SYSTEMS if system == {"type": "name", "properties": {"name": name}}]
    if not names:
        raise refusal(f"{path}.crs", f"takes {{'type': 'name', 'properties': {{'name': …}}}}: {_REFERENCE_SYSTEMS}")
    if names == [query_operators.STRICT_WINDING] and kind != "Polygon":
        raise refusal(f"{path}.crs", "strict winding is for a Polygon only")


def _position(path: str, value: Any) -> None:
    longitude, latitude = _numbers(path, value)
    if abs(longitude) > _LONGITUDE or abs(latitude) > _LATITUDE:
        raise refusal(path, "longitude comes first, from -180 to 180; then latitude, from -90 to 90")


def _numbers(path: str, value: Any) -> tuple[float, float]:
    if not is_array(value) or len(value) < _PAIR:
        raise refusal(path, "takes a position: an array of two numbers")
    first, second = (finite_number(number) for number in value[:_PAIR])
    if first is None or second is None:
        raise refusal(path, "takes a position: an array of two finite numbers")
    return first, second


def _flat(path: str, value: Any) -> None:
    _numbers(path, value)


def _many(shape: Shape, *, least: int = 1) -> Shape:
    def check(path: str, value: Any) -> None:
        if not is_array(value) or len(value) < least:
            raise refusal(path, f"takes an array of at least {least}")
        for index, part in enumerate(value):
            shape(f"{path}.{index}", part)

    return check


def _line(path: str, value: Any) -> None:
    _many(_position, least=_PAIR)(path, value)
    if all(position == value[0] for position in value):
        raise refusal(path, "takes a line of at least two different positions")


def _ring(path: str, value: Any) -> None:
    _many(_position, least=_RING_LENGTH)(path, value)
    if value[0] != value[-1]:
        raise refusal(path, "a ring ends with the position that it begins with")
    if len({_numbers(path, position) for position in value}) < _CORNERS:
        raise refusal(path, "a ring has at least three different positions")


def _circle(centre: Shape) -> Shape:
    def check(path: str, value: Any) -> None:
        if not is_array(value) or len(value) != _PAIR:
            raise refusal(path, "takes an array of the centre and the radius")
        centre(path, value[0])
        radius = finite_number(value[1])
        if radius is None or radius < 0:
            raise refusal(path, "takes a radius that is a finite number and not negative")

    return check


def _box(path: str, value: Any) -> None:
    _many(_flat, least=_PAIR)(path, value)
    if len(value) != _PAIR:
        raise refusal(path, "takes an array of two opposite corners")


def finite_number(value: Any) -> float | None:
    """Return a finite number, or None for anything else; a Boolean is no number."""
    if cut_number(value) is None:
        return None
    return float(value.to_decimal() if isinstance(value, Decimal128) else value)


_SHAPES: Final[Mapping[str, Shape]] = {
    "Point": _position,
    "LineString": _line,
    "Polygon": _many(_ring),
    "MultiPoint": _many(_position),
    "MultiLineString": _many(_line),
    "MultiPolygon": _many(_many(_ring)),
}
_OLD_SHAPES: Final[Mapping[str, Shape]] = {
    "$box": _box,
    "$polygon": _many(_flat, least=_CORNERS),
    "$center": _circle(_flat),
    "$centerSphere": _circle(_position),
}
