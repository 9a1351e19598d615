"""What callers were told of their writes, to be compared with what is stored."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from llm_devops_mongodb import MongoError


class Record:
    """The writes of one trial, each with a number of its own.

    Attributes:
        acknowledged: Those that returned.
        refused: Those that failed and, by their errors, did not happen.
        unknown: Those that failed and, by their errors, may have happened.
        errors: How often each kind of error was raised.
    """

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        self.unknown: set[int] = set()
        self.errors: Counter[str] = Counter()
        self._numbers = itertools.count()

    def __str__(self) -> str:
        told = f"{len(self.acknowledged)} acknowledged, {len(self.refused)} not applied, {len(self.unknown)} unknown"
        return f"{told}; errors: {dict(self.errors) or 'none'}"

    async def of(self, write: Callable[[int], Awaitable[object]]) -> bool:
        """Do a write, note what its caller is told of it, and return whether it was acknowledged."""
        number = next(self._numbers)
        try:
            await write(number)
        except MongoError as error:
            self.errors[f"{type(error).__name__} {error.code or ''} {error.outcome}"] += 1
            self._told(error).add(number)
            return False
        self.acknowledged.add(number)
        return True

    def check(self, stored: Iterable[int]) -> None:
        """Compare with the numbers that are stored, given as often as they are."""
        times = Counter(stored)
        assert not [number for number, often in times.items() if often > 1], "twice"
        assert not self.acknowledged - times.keys(), "acknowledged and lost"
        assert not self.refused & times.keys(), "told as not applied, and applied"
        assert times.keys() <= self.acknowledged | self.unknown, "never asked for"

    def _told(self, error: MongoError) -> set[int]:
        # Errors of reads have no outcome; a transaction that ends in one was not committed. What was applied and not
        # acknowledged as asked is lost if its primary is before the others have it.
        return self.unknown if error.outcome in {"unknown", "applied"} else self.refused
