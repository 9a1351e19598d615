"""Very many lookups by `_id` at once on one pool: whether all are answered, how late, and how far the process grows.

Each crowd has a process of its own, which takes all figures of it; the cases share what was taken.
"""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.crowding import WHO
from benchmarks.harness import REFERENCE, Arena, Case, Entrant
from benchmarks.lineup import stored
from benchmarks.process import output
from benchmarks.subjects import READ

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from benchmarks.harness import Measure


class Crowds:
    """What the crowds of a run were measured to be, in the order of the rounds."""

    def __init__(self) -> None:
        self._taken: dict[tuple[Arena, str], list[dict[str, float]]] = {}

    def case(self, figure: str, *, unit: str) -> Case:
        """The case of one figure: its k-th measurement is of the k-th crowd, which is met when no case had it yet."""

        @asynccontextmanager
        async def entrants(arena: Arena) -> AsyncGenerator[list[Entrant]]:
            async with stored(arena, READ, count=_size(arena)):
                yield [
                    Entrant(
                        name=who,
                        measure=self._measure(arena, who, figure=figure),
                        row=None if who == REFERENCE else f"concurrent {figure}",
                    )
                    for who in WHO
                ]

        return Case(name=f"concurrent_{figure}", unit=unit, entrants=entrants)

    def _measure(self, arena: Arena, who: str, *, figure: str) -> Measure:
        taken = self._taken.setdefault((arena, who), [])
        asked = 0

        async def measure() -> float:
            nonlocal asked
            if asked == len(taken):
                taken.append(await _crowd(arena, who))
            asked += 1
            return taken[asked - 1][figure]

        return measure


async def _crowd(arena: Arena, who: str) -> dict[str, float]:
    place = (arena.uri, arena.database, str(_size(arena)))
    figures: dict[str, float] = json.loads(await output(sys.executable, "-m", "benchmarks.crowding", who, *place))
    return figures


def _size(arena: Arena) -> int:
    """Half the arena's documents: 10,000 of 20,000."""
    return arena.documents // 2


def _cases() -> tuple[Case, ...]:
    crowds = Crowds()
    return crowds.case("p50", unit="ms"), crowds.case("p99", unit="ms"), crowds.case("memory", unit="MiB")


CASES = _cases()
