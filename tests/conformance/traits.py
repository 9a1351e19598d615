"""What must be known of a test before its clients are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_STORED = ("document", "documents", "replacement")


@dataclass(frozen=True, slots=True)
class Traits:
    """What must be known of a test before its clients are made.

    Attributes:
        sets_fail_points: The server fails on purpose, and clients should find it again soon.
        has_transactions: A transaction may be left open where it fails.
        stores_operators: It stores names that begin with `$`, which the library's own checks refuse.
    """

    sets_fail_points: bool
    has_transactions: bool
    stores_operators: bool

    @classmethod
    def of(cls, test: Mapping[str, Any]) -> Traits:
        """Look through all operations of `test`, those within others too."""
        operations = list(operations_of(test["operations"]))
        names = {operation["name"] for operation in operations}
        return cls(
            sets_fail_points=bool(names & {"failPoint", "targetedFailPoint"}),
            has_transactions=bool(names & {"startTransaction", "withTransaction"}),
            stores_operators=any(_stores_operators(operation) for operation in operations),
        )


def operations_of(value: Any) -> Iterator[Mapping[str, Any]]:
    """Go through all operations in `value`, those within others after the one they are in."""
    if isinstance(value, Mapping):
        if "name" in value and "object" in value:
            yield value
        for part in value.values():
            yield from operations_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from operations_of(part)


def _stores_operators(operation: Mapping[str, Any]) -> bool:
    """Tell whether `operation` stores such names and is not expected to be refused for it before it is sent."""
    is_refused = operation.get("expectError", {}).get("isClientError", False)
    return not is_refused and any(map(_has_operator, _stored(operation.get("arguments", {}))))


def _stored(value: Any) -> Iterator[Any]:
    """The documents that arguments, or the writes within them, store."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from [part] if name in _STORED else _stored(part)
    elif isinstance(value, list):
        for part in value:
            yield from _stored(part)


def _has_operator(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(str(name).startswith("$") or _has_operator(part) for name, part in value.items())
    return isinstance(value, list) and any(map(_has_operator, value))
