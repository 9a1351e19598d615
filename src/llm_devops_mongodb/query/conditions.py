"""The conditions of a filter, and how one more comes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from bson import Code

from llm_devops_mongodb.query.built import BuiltMapping, array_of, checked, refusal
from llm_devops_mongodb.query.expressions import resolved_filter
from llm_devops_mongodb.query.paths import filter_path
from llm_devops_mongodb.query.placement import placed
from llm_devops_mongodb.validation.fields import check_literal
from llm_devops_mongodb.validation.filters import FIELD_OPERATORS, TOP_OPERATORS
from llm_devops_mongodb.validation.query_operators import length, remainder
from llm_devops_mongodb.validation.values import SCALARS, built, cut_number, is_array, is_mapping, is_regex, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_devops_mongodb.query.fields import Field

_BARE = tuple(SCALARS)
_LARGEST_LENGTH = 2**31 - 1
_LARGEST_DIVISOR = 2**63 - 1


class Conditions(BuiltMapping):
    """Conditions that must all hold: none is `{}`, one is the filter itself, several stand in one `$and`."""

    __slots__ = ("_conditions", "_special")

    def __init__(self) -> None:
        self._conditions: tuple[dict[str, Any], ...] = ()
        self._special: str | None = None  # the one $text or $near among them

    def _content(self) -> Mapping[str, Any]:
        conditions = self._conditions
        if len(conditions) > 1:
            return {"$and": list(conditions)}
        return conditions[0] if conditions else {}

    def _plus(self, condition: dict[str, Any], special: str | None = None) -> Self:
        made = object.__new__(type(self))
        made._conditions = (*self._conditions, condition)
        made._special = special or self._special
        return made

    def _plus_placed(self, condition: dict[str, Any]) -> Self:
        """Add a condition that may hold `$text` or `$near`."""
        return self._plus(condition, placed(condition, self._special))

    def _plus_checked(self, name: str, argument: Any) -> Self:
        """Add an operator that stands beside the names of fields."""
        return self._plus_placed(resolved_filter({name: checked(name, argument, TOP_OPERATORS[name])}))

    def _plus_compared(self, field: str | Field[Any], operator: str, value: Any) -> Self:
        path = filter_path(field)
        literal = value if type(value) in SCALARS else checked(path, value, FIELD_OPERATORS[operator])
        return self._plus({path: {operator: literal}})

    def _plus_operator(self, field: str | Field[Any], operator: str, argument: Any) -> Self:
        path = filter_path(field)
        return self._plus_placed({path: {operator: checked(path, argument, FIELD_OPERATORS[operator])}})

    def _plus_members(self, field: str | Field[Any], operator: str, values: Iterable[Any]) -> Self:
        path = filter_path(field)
        return self._plus({path: {operator: members(path, operator, values)}})

    def _plus_clauses(
        self, operator: str, filters: tuple[Mapping[str, Any] | Iterable[Mapping[str, Any]], ...]
    ) -> Self:
        given: Iterable[Any] = filters
        if len(filters) == 1 and not is_mapping(filters[0]):
            given = array_of(operator, filters[0])
        return self._plus_checked(operator, [built(clause) for clause in given])


def equality(path: str, value: Any) -> Any:
    """Return what stands for `value` under the name of a field, so that the server reads it as a value."""
    if type(value) in SCALARS:
        return value
    literal = checked(path, value, check_literal)
    # The server looks for operators and patterns in a condition, but not in the elements of an array there.
    if is_array(literal) or (isinstance(literal, _BARE) and not isinstance(literal, Code)):
        return literal
    return {"$eq": literal}


def members(path: str, operator: str, values: Iterable[Any]) -> list[Any]:
    """Return the values of `$in`, `$nin` or `$all`, none of which the server reads as an operator or a pattern."""
    given = array_of(path, values)
    if SCALARS.issuperset(map(type, given)):
        return given
    given = [written(member) for member in given]
    for index, member in enumerate(given):
        if is_regex(member):
            raise refusal(f"{path}.{index}", "would match as a pattern; use eq to find it, or_ of regex to match by it")
        if is_mapping(member) and next(iter(member), None) == "$elemMatch":
            raise refusal(f"{path}.{index}", "an operator may not stand here; use elem_match")
    literals: list[Any] = checked(path, given, FIELD_OPERATORS[operator])
    return literals


def array_length(path: str, value: Any) -> Any:
    """Return the argument of `$size`: a whole number from 0 to 2³¹ - 1."""
    if (cut_number(value) or 0) > _LARGEST_LENGTH:
        raise refusal(path, f"takes a length of at most {_LARGEST_LENGTH}")
    return checked(path, value, length)


def divisor_and_remainder(path: str, divisor: Any, rest: Any) -> list[Any]:
    """Return the argument of `$mod`: two numbers, which the server cuts to integers of 64 bits."""
    if any(abs(cut_number(number) or 0) > _LARGEST_DIVISOR for number in (divisor, rest)):
        raise refusal(path, f"takes numbers of at most {_LARGEST_DIVISOR}")
    numbers: list[Any] = checked(path, [divisor, rest], remainder)
    return numbers
