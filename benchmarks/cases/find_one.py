"""One document by its `_id`, one after another: what a call costs beside its round trip.

A turn is a few lookups and its figure their median, and a round has many turns, so that neither a pause of the machine
nor a busy second passes for the price of a call.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import count, islice
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.checks import require_document
from benchmarks.documents import key
from benchmarks.harness import Absent, Arena, Case, Entrant, Measure
from benchmarks.lineup import lineup, stored
from benchmarks.models import KINDS
from benchmarks.subjects import READ, Reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TARGETS = {kind.name: 1.10 for kind in KINDS}
STRIDE = 7919
LOOKUPS = 20


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncIterator[list[Entrant | Absent]]:
    def measure(subject: Reading) -> Measure:
        numbers = (index * STRIDE % arena.documents for index in count())

        async def measured() -> float:
            return 1e6 * median([await _lookup(subject, number) for number in islice(numbers, LOOKUPS)])

        return measured

    async with stored(arena, READ, count=arena.documents), lineup(arena) as everyone:
        yield everyone.entrants("find_one", measure, offering=Reading, targets=TARGETS)


async def _lookup(subject: Reading, number: int) -> float:
    wanted = key(number)
    started = perf_counter()
    found = await subject.find_one(wanted)
    elapsed = perf_counter() - started
    require_document(subject.plain(found), number)
    return elapsed


CASE = Case(name="find_one", unit="µs", entrants=entrants, turns=25)
