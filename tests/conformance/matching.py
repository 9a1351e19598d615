"""Whether an actual value is what a test expects ("Evaluating Matches" of the format, with its `$$` operators)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from bson import Int64, json_util
from bson.errors import BSONError

from tests.conformance.bson_types import has_type
from tests.conformance.verdicts import MismatchError


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
"""Stands for a value that is not there."""

_LONGEST = 200


class Names(Protocol):
    """What a matcher must be told about entities."""

    def value(self, name: str) -> Any:
        """Return the BSON value that is called `name`."""

    def lsid(self, name: str) -> Any:
        """Return the logical id of the session that is called `name`."""


class Matcher:
    """Compares by the format's rules; whatever differs is raised as a `MismatchError` that names the place.

    Args:
        names: Resolves `$$matchesEntity` and `$$sessionLsid`; None where no entity can be meant.
    """

    def __init__(self, names: Names | None = None) -> None:
        self._names = names

    def match(self, expected: Any, actual: Any, *, is_root: bool = False, place: str = "") -> None:
        """Compare two values.

        Args:
            expected: What the test says, operators included.
            actual: What there is; `MISSING` for nothing.
            is_root: Whether a document may have more keys than expected.
            place: Where in the whole the values are, for the text of a `MismatchError`.

        Raises:
            MismatchError: They differ, or `expected` is malformed.
        """
        if (operator := operator_of(expected)) is not None:
            self._operate(operator, expected[operator], actual, is_root=is_root, place=place)
        elif isinstance(expected, Mapping):
            self._match_document(expected, actual, is_root=is_root, place=place)
        elif isinstance(expected, list):
            self._match_array(expected, actual, place=place)
        elif not equal_scalars(expected, actual):
            raise MismatchError(f"{place or 'value'}: expected {shown(expected)}, found {shown(actual)}")

    def match_roots(self, expected: Any, actual: Any, *, place: str = "") -> None:
        """Compare an array of documents that each may have more keys than expected, as those of a cursor."""
        if not isinstance(expected, list) or not isinstance(actual, list):
            self.match(expected, actual, is_root=True, place=place)
            return
        _check_length(expected, actual, place)
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            self.match(*pair, is_root=True, place=f"{place}[{index}]")

    def _match_document(self, expected: Mapping[str, Any], actual: Any, *, is_root: bool, place: str) -> None:
        if not isinstance(actual, Mapping):
            raise MismatchError(f"{place or 'value'}: expected a document, found {shown(actual)}")
        for key, value in expected.items():
            self.match(value, actual.get(key, MISSING), place=f"{place}.{key}" if place else key)
        if not is_root and (extra := actual.keys() - expected.keys()):
            raise MismatchError(f"{place or 'value'}: keys that are not expected: {', '.join(sorted(extra))}")

    def _match_array(self, expected: list[Any], actual: Any, *, place: str) -> None:
        if not isinstance(actual, list):
            raise MismatchError(f"{place or 'value'}: expected an array, found {shown(actual)}")
        _check_length(expected, actual, place)
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            self.match(*pair, place=f"{place}[{index}]")

    def _operate(self, operator: str, operand: Any, actual: Any, *, is_root: bool, place: str) -> None:
        check = _CHECKS.get(operator)
        if check is not None:
            if not check(operand, actual):
                raise MismatchError(f"{place or 'value'}: expected {operator} {shown(operand)}, found {shown(actual)}")
            return
        match operator:
            case "$$unsetOrMatches":
                if actual is not MISSING:
                    self.match(operand, actual, is_root=is_root, place=place)
            case "$$matchesEntity":
                self.match(self._known.value(operand), actual, is_root=is_root, place=place)
            case "$$sessionLsid":
                self.match(self._known.lsid(operand), actual, place=place)
            case "$$matchAsDocument":
                self.match(operand, _parsed(actual, place), place=place)
            case "$$matchAsRoot":
                self.match(operand, actual, is_root=True, place=place)
            case _:
                raise MismatchError(f"{place or 'value'}: {operator} is no operator that may stand here")

    @property
    def _known(self) -> Names:
        if self._names is None:
            raise MismatchError("an entity is meant where there are none")
        return self._names


def operator_of(expected: Any) -> str | None:
    """Return the `$$` operator that `expected` is, None where it is a value."""
    if not isinstance(expected, Mapping) or len(expected) != 1:
        return None
    key: str = next(iter(expected))
    return key if key.startswith("$$") else None


def equal_scalars(expected: Any, actual: Any) -> bool:
    """Tell whether two values that are no documents are equal: numbers by value, all else by type and value."""
    if is_number(expected) or is_number(actual):
        return is_number(expected) and is_number(actual) and bool(expected == actual)
    same_kind = type(expected) is type(actual) or (expected is not None and isinstance(actual, type(expected)))
    return same_kind and bool(expected == actual)


def is_number(value: object) -> bool:
    """Tell whether `value` is compared by its worth alone; a decimal is not."""
    return isinstance(value, (int, float, Int64)) and not isinstance(value, bool)


def shown(value: object) -> str:
    """Return a value for a text, cut short."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _check_length(expected: list[Any], actual: list[Any], place: str) -> None:
    if len(expected) != len(actual):
        counts = f"expected {len(expected)} elements, found {len(actual)}"
        raise MismatchError(f"{place or 'value'}: {counts}: {shown(actual)}")


def _parsed(actual: Any, place: str) -> Any:
    if not isinstance(actual, str):
        raise MismatchError(f"{place or 'value'}: expected Extended JSON as text, found {shown(actual)}")
    try:
        return json_util.loads(actual)
    except (TypeError, ValueError, BSONError) as error:
        raise MismatchError(f"{place or 'value'}: no Extended JSON: {error}") from error


def _exists(operand: Any, actual: Any) -> bool:
    return (actual is not MISSING) is operand


def _is_of_type(operand: Any, actual: Any) -> bool:
    names = [operand] if isinstance(operand, str) else operand
    try:
        return actual is not MISSING and any(has_type(actual, name) for name in names)
    except KeyError as error:
        raise MismatchError(f"$$type: there is no BSON type {error}") from None


def _is_at_most(operand: Any, actual: Any) -> bool:
    return is_number(actual) and bool(actual <= operand)


def _matches_hex_bytes(operand: Any, actual: Any) -> bool:
    try:
        expected = bytes.fromhex(operand)
    except (TypeError, ValueError):
        raise MismatchError("$$matchesHexBytes: malformed") from None
    return isinstance(actual, bytes) and bytes(actual) == expected


_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$$exists": _exists,
    "$$type": _is_of_type,
    "$$lte": _is_at_most,
    "$$matchesHexBytes": _matches_hex_bytes,
}
