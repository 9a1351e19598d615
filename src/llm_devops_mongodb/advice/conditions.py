"""What a filter asks of which field, as far as it matters to an index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bson import Regex

from llm_devops_mongodb.validation.values import is_array, is_mapping, is_regex, is_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["equality", "range", "pattern", "negation", "geometry", "plane", "absence", "other"]
"""How an index can serve a condition.

equality   one place of the index for each value
range      one stretch of it, such as `$gt` or a pattern anchored at its beginning
pattern    a regular expression that reads every key
negation   `$ne`, `$nin`, `$not`: all but a stretch of it
geometry   on the sphere: a `2dsphere` index
plane      on a plane: a `2d` index
absence    documents without the field, which a sparse index leaves out
other      served by no index
"""

_COMPARISONS: Mapping[str, Kind] = {
    **dict.fromkeys(("$gt", "$gte", "$lt", "$lte", "$type", "$exists"), "range"),
    **dict.fromkeys(("$ne", "$nin", "$not"), "negation"),
    **dict.fromkeys(("$near", "$nearSphere", "$geoNear", "$geoWithin", "$within", "$geoIntersects"), "geometry"),
}
_PLANE = frozenset({"$box", "$polygon", "$center"})
_MODIFIERS = frozenset({"$options", "$comment", "$maxDistance", "$minDistance"})
_EXPRESSED: Mapping[str, Kind] = {"$eq": "equality", **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), "range")}
_PLAIN = r"(?:[^|$.*+?()\[\]{}\\^]|\\[^\w])(?![*?])"
_ANCHORED = re.compile(rf"(?:\^|\\A){_PLAIN}")
_ANCHORED_IN_LINES = re.compile(rf"\\A{_PLAIN}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a filter asks of one field.

    Attributes:
        field: The dotted path.
        kind: How an index can serve it.
        operator: The operator, `$eq` where a value is given plainly.
        values: How many values an `$in` names.
        compares_text: Whether a collation matters to it.
        in_element: Whether it stands in an `$elemMatch` with others, which one element must meet.
    """

    field: str
    kind: Kind
    operator: str = "$eq"
    values: int = 1
    compares_text: bool = False
    in_element: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a filter asks, all of which must hold.

    Attributes:
        fields: The conditions on fields, in the filter's order.
        branches: Those of each `$or`, one of which must hold.
        operators: The conditions on whole documents, such as `$where` and `$text`.
        compared: The fields that an `$expr` compares in a way that no index serves.
    """

    fields: tuple[Condition, ...] = ()
    branches: tuple[Conditions, ...] = ()
    operators: frozenset[str] = frozenset()
    compared: tuple[str, ...] = ()

    @classmethod
    def of(cls, filter: Mapping[str, Any], prefix: str = "") -> Conditions:
        """Take a filter apart; `prefix` goes before the name of every field."""
        found = list(_of_filter(filter, prefix, in_element=bool(prefix)))
        return cls(
            fields=tuple(part for part in found if isinstance(part, Condition)),
            branches=tuple(part for part in found if isinstance(part, Conditions)),
            operators=frozenset(part for part in found if isinstance(part, str)),
            compared=tuple(name for part in found if isinstance(part, tuple) for name in part),
        )

    def on(self, field: str) -> tuple[Condition, ...]:
        """Return the conditions on one field."""
        return tuple(condition for condition in self.fields if condition.field == field)

    @property
    def is_empty(self) -> bool:
        """Whether every document matches."""
        return not (self.fields or self.branches or self.operators)


_Part = Condition | Conditions | str | tuple[str, ...]


def _of_filter(filter: Any, prefix: str, *, in_element: bool) -> Iterator[_Part]:
    """Take apart what is well formed; what the server would refuse is passed over."""
    if not is_mapping(filter):
        return
    for name, value in filter.items():
        if not name.startswith("$"):
            yield from _of_field(prefix + name, value, in_element=in_element)
        elif name in {"$and", "$or"} and is_array(value):
            yield from _of_several(name, value, prefix, in_element=in_element)
        elif name == "$expr":
            yield from _of_expression(value)
        elif name not in _MODIFIERS:
            yield name


def _of_several(name: str, filters: Any, prefix: str, *, in_element: bool) -> Iterator[_Part]:
    if name == "$or" and len(filters) > 1:
        yield from (Conditions.of(part, prefix) for part in filters)
        return
    # A choice of one is none.
    for part in filters:
        yield from _of_filter(part, prefix, in_element=in_element)


def _of_field(field: str, value: Any, *, in_element: bool) -> Iterator[_Part]:
    if not is_mapping(value) or not all(str(name).startswith("$") for name in value) or not value:
        yield _plain(field, value, "$eq", in_element=in_element)
        return
    for operator, argument in value.items():
        if operator == "$elemMatch":
            yield from _of_element(field, argument)
        elif operator == "$all" and is_array(argument):
            for each in argument:
                yield from _of_field(field, each, in_element=in_element)
        elif operator not in _MODIFIERS:
            yield _of_operator(field, operator, value, in_element=in_element)


def _of_element(field: str, argument: Any) -> Iterator[_Part]:
    if is_mapping(argument) and all(name.startswith("$") and name not in {"$and", "$or", "$nor"} for name in argument):
        yield from _of_field(field, argument, in_element=True)
    else:
        yield from _of_filter(argument, f"{field}.", in_element=True)


def _of_operator(field: str, operator: str, operators: Mapping[str, Any], *, in_element: bool) -> Condition:
    argument = operators[operator]
    if operator == "$eq":
        return _plain(field, argument, operator, in_element=in_element, is_pattern=False)
    if operator == "$regex":
        return Condition(field, _kind_of_pattern(argument, operators.get("$options", "")), operator, compares_text=True)
    if operator == "$in" and is_array(argument):
        return _of_list(field, argument, in_element=in_element)
    if operator == "$exists" and not argument:
        return Condition(field, "absence", operator)
    if operator == "$ne" and argument is None:
        return Condition(field, "range", operator, in_element=in_element)
    kind = _COMPARISONS.get(operator, "other")
    if kind == "geometry" and is_mapping(argument) and _PLANE & argument.keys():
        kind = "plane"
    return Condition(field, kind, operator, compares_text=_has_text(argument), in_element=in_element)


def _of_list(field: str, values: list[Any] | tuple[Any, ...], *, in_element: bool) -> Condition:
    text = any(_has_text(value) for value in values)
    if any(is_regex(value) for value in values):
        return Condition(field, "pattern", "$in", len(values), text, in_element)
    return Condition(field, "equality", "$in", len(values), text, in_element)


def _plain(field: str, value: Any, operator: str, *, in_element: bool, is_pattern: bool = True) -> Condition:
    if is_pattern and is_regex(value):
        return Condition(field, _kind_of_pattern(value, ""), "$regex", compares_text=True)
    if value is None:
        return Condition(field, "absence", operator)
    return Condition(field, "equality", operator, compares_text=_has_text(value), in_element=in_element)


def _kind_of_pattern(pattern: Any, options: Any) -> Kind:
    """The server turns a pattern that begins with plain text, and minds the case, into a range of the index.

    Source: https://www.mongodb.com/docs/manual/reference/operator/query/regex/#index-use
    """
    text = pattern.pattern if is_regex(pattern) else pattern
    flags = pattern.flags if is_regex(pattern) else 0
    any_case = bool(flags & re.IGNORECASE) or "i" in str(options)
    by_line = bool(flags & re.MULTILINE) or "m" in str(options)
    anchored = _ANCHORED_IN_LINES if by_line else _ANCHORED
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    # A choice at the top has branches that the anchor does not bind.
    return "range" if not any_case and anchored.match(text) and "|" not in text else "pattern"


def _of_expression(expression: Any) -> Iterator[_Part]:
    """The server takes a comparison of a field with a constant from an `$expr` into the index, and nothing else."""
    yield "$expr"
    for part in _conjuncts(expression):
        for operator, argument in part.items() if is_mapping(part) else ():
            sides = list(argument) if is_array(argument) else [argument]
            fields = [side[1:] for side in sides if _is_path(side)]
            if operator in _EXPRESSED and len(fields) == 1 and len(sides) == 2 and not any(map(_is_computed, sides)):  # noqa: PLR2004 - sides
                yield Condition(fields[0], _EXPRESSED[operator], operator, compares_text=any(map(_is_literal, sides)))
            else:
                yield tuple(fields)


def _conjuncts(expression: Any) -> list[Any]:
    if is_mapping(expression) and is_array(expression.get("$and")):
        return [part for each in expression["$and"] for part in _conjuncts(each)]
    return [expression]


def _is_path(side: Any) -> bool:
    return is_text(side) and side.startswith("$") and not side.startswith("$$")


def _is_literal(side: Any) -> bool:
    return is_text(side) and not side.startswith("$")


def _is_computed(side: Any) -> bool:
    return is_mapping(side) and any(str(name).startswith("$") for name in side)


def _has_text(value: Any) -> bool:
    if is_mapping(value):
        return any(_has_text(part) for part in value.values())
    return any(_has_text(part) for part in value) if is_array(value) else is_text(value) or isinstance(value, Regex)
