"""The shape of a query: what it asks, without the values it asks for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import CodecOptions
from bson.codec_options import DatetimeConversion

from llm_devops_mongodb.codecs.decoding import decoded
from llm_devops_mongodb.options import FindOptions
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_number

if TYPE_CHECKING:
    from llm_devops_mongodb import operations as op
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import RawDocument

Form = Hashable
"""A document or an array with its values left out."""

_NAMING = frozenset(
    {"from", "coll", "localField", "foreignField", "connectFromField", "connectToField", "path", "$unionWith"}
)
_LITERAL = frozenset({"$match", "$literal"})
_OPTIONS = ("sort", "hint", "projection", "collation")
_BOUNDS = ("min", "max")
_LENIENT: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="replace"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A query with its values left out: equal for two that an index serves alike, whatever they look for.

    Attributes:
        namespace: The collection.
        kind: The kind of operation.
        asked: The form of its filter or its pipeline.
        options: The forms of the options that bear on the plan.
    """

    namespace: Namespace
    kind: type
    asked: Form = ()
    options: Form = ()


def shape_of(operation: op.CollectionOperation | op.Aggregate) -> Shape:
    """Return the shape of an operation; all inserts into a collection have one."""
    stages = getattr(operation, "pipeline", None)
    asks = getattr(operation, "filter", None)
    field = getattr(operation, "field", None)
    if stages is not None:
        asked: Form = tuple(_form(plain(stage), is_expression=True) for stage in stages)
    else:
        asked = () if asks is None else (field, _form(plain(asks)))
    return Shape(operation.namespace, type(operation), asked, _options_of(getattr(operation, "options", None)))


def plain(raw: RawDocument) -> dict[str, Any]:
    """Decode a document that only its form is wanted of: dates and texts of any kind pass."""
    return decoded(raw, _LENIENT)


def _options_of(options: object) -> Form:
    given = ((name, getattr(options, name, None)) for name in _OPTIONS)
    tailable = options.cursor_type if isinstance(options, FindOptions) else None
    bounds = tuple(name for name in _BOUNDS if getattr(options, name, None) is not None)
    return tailable, bounds, tuple((name, _form(value, is_ordered=True)) for name, value in given if value is not None)


def _form(value: object, *, is_expression: bool = False, is_ordered: bool = False) -> Form:
    """Return the form of a value.

    Args:
        value: What BSON can hold.
        is_expression: Names of collections and paths such as `$price` are kept: they are not values.
        is_ordered: Directions and names of indexes are kept.
    """
    if is_mapping(value):
        return tuple((name, _named(name, part, is_expression, is_ordered)) for name, part in value.items())
    if is_array(value):
        # However many values an `$in` has, it is the same query.
        parts = (_form(part, is_expression=is_expression, is_ordered=is_ordered) for part in value)
        return ("[]", *dict.fromkeys(parts))
    if is_ordered and isinstance(value, (int, float, str)):
        return value
    if is_expression and isinstance(value, str) and value.startswith("$"):
        return value
    return "number" if is_number(value) else type(value).__name__


def _named(name: str, value: object, is_expression: bool, is_ordered: bool) -> Form:
    if is_expression and name in _NAMING and isinstance(value, str):
        return value
    if is_expression and name == "$sort":
        return _form(value, is_ordered=True)
    is_expression = name == "$expr" or (is_expression and name not in _LITERAL)
    return _form(value, is_expression=is_expression, is_ordered=is_ordered)
