"""Collecting the ids of inserted documents, chunk by chunk."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.bulk.inserted_ids import InsertedIds, Packed, Run, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FULL = 65_536
_SMALL = 1024


class InsertedIdsBuilder:
    """Takes ids with rising indexes and joins them into few runs, however small the pieces they come in."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._open: _OpenRun | None = None
        self.count: int = 0

    def add(self, first: int, ids: Sequence[Any], positions: Sequence[int] | None = None) -> None:
        """Add ids.

        Args:
            first: The index of the first of `ids`, above those that are here.
            ids: The ids of a chunk.
            positions: Which of them to take, in rising order; None takes all.
        """
        chosen = ids if positions is None else [ids[position] for position in positions]
        if not chosen:
            return
        indexes = range(first, first + len(ids))
        kept = indexes if positions is None else array("q", [indexes[position] for position in positions])
        self._join(kept, packed(chosen))
        self.count += len(chosen)

    def built(self) -> InsertedIds:
        """Give what was added so far."""
        return InsertedIds([*self._runs, *([self._open.closed()] if self._open else [])])

    def _join(self, indexes: range | array[int], ids: Packed) -> None:
        if self._open is None or not self._open.takes(ids):
            if self._open is not None:
                self._runs.append(self._open.closed())
            self._open = _OpenRun(ids)
        self._open.extend(indexes, ids)


class _OpenRun:
    """A run that still grows. One that is small gives up being packed rather than end at the first id of a kind."""

    def __init__(self, like: Packed) -> None:
        self._indexes: range | array[int] = range(0)
        self._kind = type(like)
        # What `like` is, but growing: a bytearray, an array or a list.
        self._ids: Any = _GROWING[self._kind]()

    def takes(self, ids: Packed) -> bool:
        count = len(self._indexes)
        return count < _FULL and (self._kind in {type(ids), tuple} or count < _SMALL)

    def extend(self, indexes: range | array[int], ids: Packed) -> None:
        self._indexes = _joined(self._indexes, indexes)
        if self._kind not in {type(ids), tuple}:
            self._ids = [*unpacked(self._shut())]
            self._kind = tuple
        self._ids.extend(unpacked(ids) if self._kind is tuple else ids)

    def closed(self) -> Run:
        indexes = self._indexes
        return Run(indexes if isinstance(indexes, range) else indexes[:], self._shut())

    def _shut(self) -> Packed:
        shut: Packed = self._ids[:] if self._kind is array else self._kind(self._ids)
        return shut


_GROWING: dict[type, Callable[[], Any]] = {bytes: bytearray, array: lambda: array("q"), tuple: list}


def _joined(indexes: range | array[int], more: range | array[int]) -> range | array[int]:
    if not indexes:
        return more
    if isinstance(indexes, range):
        if isinstance(more, range) and indexes.stop == more.start:
            return range(indexes.start, more.stop)
        indexes = array("q", indexes)
    indexes.extend(more)
    return indexes
