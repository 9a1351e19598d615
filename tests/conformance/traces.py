"""What the operations of a test told, in full: two runs of it are compared by it, whatever the test itself expects."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from llm_devops_mongodb import MongoError
from tests.conformance.entities import kind_of
from tests.conformance.traits import operations_of
from tests.conformance.verdicts import MismatchError

_OBJECT_ID = re.compile(r"ObjectId\('([0-9a-f]{24})'\)")
_SHOWN = 80


class Trace:
    """What each operation of one test told, every time it was executed."""

    def __init__(self) -> None:
        self._told: defaultdict[int, list[str]] = defaultdict(list)

    def keep(self, operation: Mapping[str, Any], told: object) -> None:
        """Take note of a result, or of an error."""
        self._told[id(operation)].append(repr(_plain(told)))

    def check_same(self, other: Trace, test: Mapping[str, Any]) -> None:
        """Compare with the trace of another run of the same `test`.

        Raises:
            MismatchError: An operation told something else.
        """
        mine, others = _Renaming(), _Renaming()
        for operation in operations_of(test["operations"]):
            told = [mine.renamed(text) for text in self._told[id(operation)]]
            told_there = [others.renamed(text) for text in other._told[id(operation)]]
            if told != told_there:
                raise MismatchError(f"{operation['name']} {_difference(', '.join(told), ', '.join(told_there))}")


class _Renaming:
    """Ids in the order in which they come up: each run makes some of its own."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def renamed(self, text: str) -> str:
        return _OBJECT_ID.sub(lambda found: f"ObjectId #{self._numbers.setdefault(found[1], len(self._numbers))}", text)


def _plain(value: Any) -> Any:
    """Return `value` as what its text tells everything of: types, the order of keys, an error's every attribute."""
    if isinstance(value, MongoError):
        state = {name: _plain(part) for name, part in sorted(vars(value).items())}
        return type(value).__name__, state
    if is_dataclass(value) and kind_of(value) == "value":
        return type(value).__name__, {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    kind = kind_of(value)
    return (type(value).__name__, value) if kind == "value" else kind


def _difference(expected: str, found: str) -> str:
    pairs = enumerate(zip(expected, found, strict=False))
    same = next((index for index, pair in pairs if pair[0] != pair[1]), min(len(expected), len(found)))
    start = max(0, same - _SHOWN)
    expected, found = (text[start : same + _SHOWN] or "nothing" for text in (expected, found))
    return f"told …{found}…, and when it was recorded …{expected}…"
