"""The ids of very many inserted documents, in little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from bson import ObjectId

from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable

Packed: TypeAlias = "bytes | array[int] | tuple[Any, ...]"
"""Ids: ObjectIds by their bytes, integers, or others as they are."""

_WIDTH = 12
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Run:
    """Some ids and their indexes, which rise.

    Attributes:
        indexes: The indexes: a range where none is left out.
        ids: As many ids.
    """

    indexes: range | array[int]
    ids: Packed

    def id_of(self, index: int) -> Any:
        """Give the id of that index.

        Raises:
            KeyError: There is none.
        """
        position = self._position(index)
        if position is None:
            raise KeyError(index)
        if isinstance(self.ids, bytes):
            return ObjectId(self.ids[position * _WIDTH : (position + 1) * _WIDTH])
        return self.ids[position]

    def values(self) -> Iterator[Any]:
        """Give the ids in their order."""
        return unpacked(self.ids)

    def _position(self, index: int) -> int | None:
        if isinstance(self.indexes, range):
            position = index - self.indexes.start
            return position if 0 <= position < len(self.indexes) else None
        position = bisect_right(self.indexes, index) - 1
        return position if position >= 0 and self.indexes[position] == index else None


class InsertedIds(Mapping[int, Any]):
    """The `_id` of each inserted document by its index: an immutable mapping, equal to a dict of the same content.

    An ObjectId takes 12 bytes in it and an integer 8, where a dict needs about 200; other ids are kept as they are.
    Looking one up takes a binary search and makes the ObjectId.
    """

    __slots__ = ("_count", "_runs", "_starts")

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        """Take runs that are not empty, in the order of their indexes; `InsertedIdsBuilder` makes them."""
        self._runs = tuple(runs)
        self._starts = [run.indexes[0] for run in self._runs]
        self._count = sum(len(run.indexes) for run in self._runs)

    def __getitem__(self, index: int) -> Any:
        whole = _whole(index)
        run = -1 if whole is None else bisect_right(self._starts, whole) - 1
        if whole is None or run < 0:
            raise KeyError(index)
        return self._runs[run].id_of(whole)

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(run.indexes for run in self._runs)

    def __len__(self) -> int:
        return self._count

    def values(self) -> ValuesView[Any]:
        """The ids, in the order of their indexes."""
        return _Ids(self)

    def items(self) -> ItemsView[int, Any]:
        """The indexes and their ids, in order."""
        return _Pairs(self)

    def all_ids(self) -> Iterator[Any]:
        """Give the ids one by one: faster than asking for each by its index."""
        return chain.from_iterable(run.values() for run in self._runs)

    def __eq__(self, other: object) -> bool:
        if not is_mapping(other):
            return NotImplemented
        if len(self) != len(other):
            return False
        return all(index in other and other[index] == identity for index, identity in self.items())

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as for a dict

    def __repr__(self) -> str:
        shown = ", ".join(f"{index}: {identity!r}" for index, identity in islice(self.items(), _SHOWN))
        more = f", … {self._count - _SHOWN} more" if self._count > _SHOWN else ""
        return f"InsertedIds({{{shown}{more}}})"

    def __reduce__(self) -> tuple[Any, ...]:
        return InsertedIds, (self._runs,)


def _whole(index: Any) -> int | None:
    """Give the integer that equals `index`, as a dict would find it by `1.0` too; None where there is none."""
    if type(index) is int:
        return index
    try:
        whole = int(index)
    except (TypeError, ValueError, OverflowError):
        return None
    return whole if whole == index else None


class _Ids(ValuesView[Any]):
    _mapping: InsertedIds

    def __iter__(self) -> Iterator[Any]:
        return self._mapping.all_ids()


class _Pairs(ItemsView[int, Any]):
    _mapping: InsertedIds

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return zip(self._mapping, self._mapping.all_ids(), strict=True)


def packed(ids: Iterable[Any]) -> Packed:
    """Give ids in the least memory that keeps every type: an `Int64` is no `int`."""
    given = tuple(ids)
    kinds = set(map(type, given))
    if kinds == {ObjectId}:
        return b"".join([identity.binary for identity in given])
    return array("q", given) if kinds == {int} else given


def unpacked(ids: Packed) -> Iterator[Any]:
    """Give packed ids one by one."""
    if not isinstance(ids, bytes):
        return iter(ids)
    return (ObjectId(ids[start : start + _WIDTH]) for start in range(0, len(ids), _WIDTH))
