"""The server's order of values of all types, and conditions that follow it.

`$gt` and `$lt` compare within one bracket of types only (https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/),
a sort goes on across them. So a condition here says what does not come after: no value at or before the boundary in its
own bracket, and none of a bracket passed before. Said so, the server makes one list of index bounds of it, and it
means the same as the sort for an array, which sorts by its least or greatest element: all elements must comply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llm_devops_mongodb.options import Document
    from llm_devops_mongodb.pages.sort_keys import SortKey

_EMPTY_DOCUMENT: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Bracket:
    """The values that compare with each other.

    Attributes:
        form: A point has one value, whatever its spelling; a span has a least one; a line has a least one that Python
            cannot read, and whoever observes operations decodes their filters; a pattern compares in expressions only.
        value: The only value of a point, the least of a span, any of a line.
        rare: The name of a type that few sort by. It is left out by that name, which gives no index bounds but costs
            the server less to plan.
    """

    form: Literal["point", "span", "line", "pattern"]
    value: Any = None
    rare: str = ""

    def absent(self, path: str) -> Iterator[Document]:
        """The conditions that no value at `path` is in this bracket."""
        if self.form == "point":
            yield {path: {"$ne": self.value}}
        else:
            yield {path: {"$not": {"$gte": self.value}}}
        if self.form == "line":
            yield {path: {"$not": {"$lt": self.value}}}

    def remaining(self, key: SortKey, value: Any, *, inclusive: bool) -> list[Document]:
        """The condition that no value of this bracket at `key` comes before `value`, or at it unless `inclusive`."""
        if self.form == "point":
            return [] if inclusive else [*self.absent(key.path)]
        passed = ("$lt" if inclusive else "$lte") if key.direction == 1 else ("$gt" if inclusive else "$gte")
        if self.form != "pattern":
            return [{key.path: {"$not": {passed: value}}}]
        # Expressions compare an array as a whole; one that is there must be seen, to be refused.
        field = f"${key.path}"
        single = {"$not": [{"$isArray": [field]}]}
        return [{"$nor": [{"$expr": {"$and": [single, {passed: [field, {"$literal": value}]}]}}]}]


_NAN = 2
_CODE_WITH_SCOPE = 13
_BRACKETS = (
    _Bracket("point", MinKey()),
    _Bracket("point", None),
    _Bracket("point", math.nan),
    _Bracket("span", -math.inf),
    _Bracket("span", ""),
    _Bracket("span", _EMPTY_DOCUMENT),
    _Bracket("span", b""),
    _Bracket("span", ObjectId(bytes(12))),
    _Bracket("span", False),  # noqa: FBT003 - a value among values
    _Bracket("line", DatetimeMS(0)),
    _Bracket("span", rare="timestamp"),
    _Bracket("pattern", rare="regex"),
    _Bracket("span", rare="javascript"),
    _Bracket("span", rare="javascriptWithScope"),
    _Bracket("point", MaxKey()),
)

_RANKS: dict[type[Any], int] = {
    MinKey: 0,
    NoneType: 1,
    int: 3,
    Int64: 3,
    float: 3,
    Decimal128: 3,
    str: 4,
    RawBSONDocument: 5,
    bytes: 6,
    Binary: 6,
    ObjectId: 7,
    bool: 8,
    DatetimeMS: 9,
    Timestamp: 10,
    Regex: 11,
    Code: 12,
    MaxKey: 14,
}


def is_comparable(value: object) -> bool:
    """Tell a value that has one place in the order; an array has not."""
    return type(value) in _RANKS


def beyond(key: SortKey, value: Any, *, inclusive: bool = False) -> Document:
    """The condition that a document comes after `value` by this key alone.

    Args:
        key: The key.
        value: The boundary, decoded without loss; None stands for a missing field too, as it does in a sort.
        inclusive: Whether a document that ties with `value` complies.
    """
    rank = _rank(value)
    passed = _BRACKETS[:rank] if key.direction == 1 else _BRACKETS[rank + 1 :]
    own = _BRACKETS[rank].remaining(key, value, inclusive=inclusive)
    conditions = [*_none_of(passed, key.path), *own]
    return {"$and": conditions} if conditions else {}


def _none_of(brackets: Iterable[_Bracket], path: str) -> Iterator[Document]:
    rare: list[str] = []
    for bracket in brackets:
        if bracket.rare:
            rare.append(bracket.rare)
        else:
            yield from bracket.absent(path)
    if rare:
        yield {path: {"$not": {"$type": rare}}}


def _rank(value: Any) -> int:
    if isinstance(value, Code) and value.scope is not None:
        return _CODE_WITH_SCOPE
    is_nan = value.to_decimal().is_nan() if isinstance(value, Decimal128) else value != value  # noqa: PLR0124 - NaN
    return _NAN if is_nan else _RANKS[type(value)]
