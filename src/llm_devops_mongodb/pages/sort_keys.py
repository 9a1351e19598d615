"""The order of a keyset page: a sort that no two documents tie in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_devops_mongodb.options import Sort

_TIEBREAK = "_id"
_MOST_KEYS = 32


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order.

    Attributes:
        path: The field's dotted path.
        direction: 1 is ascending, -1 descending.
    """

    path: str
    direction: Literal[1, -1]


def total_order(sort: Sort) -> tuple[SortKey, ...]:
    """Return the keys of `sort`, and `_id` in the last key's direction unless it is among them.

    Keys after `_id` are kept: they decide nothing, and an index may hold them.

    Raises:
        InvalidDocumentError: The sort names no field or more than 32 keys (the server's limit, `_id` included), names a
            path twice, one within another or a position of an array, or goes by anything but 1 and -1.
    """
    keys = [_key(path, direction) for path, direction in fields_and_directions(sort, "sort").items()]
    if not keys:
        raise InvalidDocumentError("sort: it names no field")
    if all(key.path != _TIEBREAK for key in keys):
        keys.append(SortKey(_TIEBREAK, keys[-1].direction))
    if len(keys) > _MOST_KEYS:
        raise InvalidDocumentError(f"sort: more than {_MOST_KEYS} keys, _id included")
    _check_apart(keys)
    return tuple(keys)


def flipped(order: Iterable[SortKey]) -> tuple[SortKey, ...]:
    """Return the order that goes the other way."""
    return tuple(SortKey(key.path, -1 if key.direction == 1 else 1) for key in order)


def as_sort(order: Iterable[SortKey]) -> dict[str, int]:
    """Return the order as a query's sort."""
    return {key.path: key.direction for key in order}


def _key(path: Any, direction: Any) -> SortKey:
    if not isinstance(path, str):
        raise InvalidDocumentError("sort: a field is named by a str")
    _check_path(path)
    if is_mapping(direction):
        raise InvalidDocumentError("sort: a page cannot go by $meta, which no document holds", path=path)
    if isinstance(direction, bool) or not isinstance(direction, (int, float)) or direction not in {1, -1}:
        raise InvalidDocumentError("sort: a direction is 1 or -1", path=path)
    return SortKey(path, 1 if direction == 1 else -1)


def _check_path(path: str) -> None:
    for part in path.split("."):
        if not part or part.startswith("$") or "\0" in part:
            raise InvalidDocumentError("sort: a path has no empty parts, no NUL and no part that begins with '$'")
        if part.isdecimal():
            raise InvalidDocumentError("sort: a position in an array has no place in a page's order", path=path)


def _check_apart(keys: Sequence[SortKey]) -> None:
    for one, other in combinations((key.path for key in keys), 2):
        if one == other:
            raise InvalidDocumentError("sort: a field is there twice", path=one)
        if f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}."):
            raise InvalidDocumentError("sort: one field lies within another", path=max(one, other, key=len))
