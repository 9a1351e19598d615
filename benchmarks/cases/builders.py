"""One document by a filter that a builder makes for each call, beside the same filter as a mapping."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import count, islice
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.checks import require_count
from benchmarks.documents import key
from benchmarks.harness import Arena, Case, Entrant, Measure
from benchmarks.lineup import stored
from benchmarks.subjects import READ
from llm_devops_mongodb import FilterBuilder, MongoClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from llm_devops_mongodb.options import Filter

REFERENCE = "mapping"
TARGET = 1.05
STRIDE = 7919
LOOKUPS = 20


def one_mapping(wanted: Any) -> Filter:
    return {"_id": wanted}


def one_builder(wanted: Any) -> Filter:
    return FilterBuilder().eq("_id", wanted)


def three_mapping(wanted: Any) -> Filter:
    return {"$and": [{"_id": wanted}, {"_id": {"$gte": wanted}}, {"_id": {"$in": [wanted]}}]}


def three_builder(wanted: Any) -> Filter:
    return FilterBuilder().eq("_id", wanted).gte("_id", wanted).in_array("_id", [wanted])


@asynccontextmanager
async def _entrants(
    arena: Arena, row: str, mapping: Callable[[Any], Filter], builder: Callable[[Any], Filter]
) -> AsyncIterator[list[Entrant]]:
    async with stored(arena, READ, count=arena.documents), MongoClient.connect(arena.uri) as client:
        collection = client.collection(arena.database, READ)

        def measure(make: Callable[[Any], Filter]) -> Measure:
            numbers = (index * STRIDE % arena.documents for index in count())

            async def lookup(number: int) -> float:
                wanted = key(number)
                started = perf_counter()
                found = await collection.find_one(make(wanted))
                elapsed = perf_counter() - started
                require_count(int(found is not None), 1)
                return elapsed

            async def measured() -> float:
                return 1e6 * median([await lookup(number) for number in islice(numbers, LOOKUPS)])

            return measured

        yield [
            Entrant(name="ours", measure=measure(builder), row=row, target=TARGET),
            Entrant(name=REFERENCE, measure=measure(mapping)),
        ]


@asynccontextmanager
async def one(arena: Arena) -> AsyncIterator[list[Entrant]]:
    async with _entrants(arena, "find_one by a builder", one_mapping, one_builder) as everyone:
        yield everyone


@asynccontextmanager
async def three(arena: Arena) -> AsyncIterator[list[Entrant]]:
    async with _entrants(arena, "find_one by three conditions", three_mapping, three_builder) as everyone:
        yield everyone


CASES = (
    Case(name="builder", unit="µs", entrants=one, turns=25, reference=REFERENCE),
    Case(name="builder_of_three", unit="µs", entrants=three, turns=25, reference=REFERENCE),
)
