"""A sequence that never changes, and of which a longer one is made at little cost."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeGuard, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Appended(Generic[T]):
    """The first items of a list that it shares with the sequences made from it.

    The list only grows, and each sequence looks at its own part alone, so that appending a hundred thousand items one
    by one copies nothing. Where two sequences are made from the same one, the second gets a copy.
    """

    __slots__ = ("_count", "_items")

    def __init__(self, items: list[T] | None = None) -> None:
        self._items: list[T] = [] if items is None else items
        self._count = len(self._items)

    def and_one(self, item: T) -> Appended[T]:
        """Return the sequence with `item` at its end."""
        longer: Appended[T] = Appended()
        longer._count = self._count + 1
        longer._items = self._items
        if len(self._items) == self._count:
            self._items.append(item)
            # Another thread may have been faster; what it appended is not ours.
            if self._items[self._count] is item:
                return longer
        longer._items = [*self, item]
        return longer

    def __iter__(self) -> Iterator[T]:
        return islice(self._items, self._count)

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not _is_appended(other):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as for a list


def _is_appended(value: object) -> TypeGuard[Appended[Any]]:
    return isinstance(value, Appended)
