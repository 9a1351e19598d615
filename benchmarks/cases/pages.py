"""Page 1,000 of many documents by its cursor, beside page 1; and the same page by its number."""

from __future__ import annotations

from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.checks import require_count
from benchmarks.harness import Arena, Case, Entrant, Measure
from llm_devops_mongodb import MongoClient, chunked_insert

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from llm_devops_mongodb import Collection

REFERENCE = "page 1"
TARGET = 1.5
PAGED = "paged"
PAGE = 1000
SIZE = 100
LOOKUPS = 5
TIES = 4


def documents(count: int) -> Iterator[dict[str, Any]]:
    """Documents in no order of their rank, which a few of them share."""
    for number in range(count):
        yield {"_id": number, "rank": number * 7919 % count // TIES, "name": f"document {number}"}


@asynccontextmanager
async def _entrants(arena: Arena, sort: dict[str, int]) -> AsyncIterator[list[Entrant]]:
    async with MongoClient.connect(arena.uri) as client:
        collection = client.collection(arena.database, PAGED)
        if not await collection.estimated_document_count():
            await chunked_insert(collection, documents(arena.paged), 10_000)
            await collection.create_index({"rank": 1, "_id": 1})
        cursor = await _cursor_before(collection, sort)
        name = "_".join(sort)

        async def first() -> int:
            return len((await collection.find_page({}, sort=sort, limit=SIZE)).items)

        async def by_cursor() -> int:
            return len((await collection.find_page({}, sort=sort, limit=SIZE, after=cursor)).items)

        async def by_number() -> int:
            return len((await collection.find_paginated({}, PAGE - 1, SIZE, sort, total=False)).items)

        yield [
            Entrant(name="ours", measure=_timed(by_cursor), row=f"page 1,000 by {name}", target=TARGET),
            Entrant(name="offset", measure=_timed(by_number), row=f"page 1,000 by {name}, by its number"),
            Entrant(name=REFERENCE, measure=_timed(first)),
        ]


async def _cursor_before(collection: Collection[dict[str, Any]], sort: dict[str, int]) -> str | None:
    """Where the page before the one to be measured ended."""
    cursor: str | None = None
    for _ in range(PAGE - 1):
        cursor = (await collection.find_page({}, sort=sort, limit=SIZE, after=cursor)).next_cursor
    return cursor


def _timed(page: Callable[[], Awaitable[int]]) -> Measure:
    async def once() -> float:
        started = perf_counter()
        found = await page()
        elapsed = perf_counter() - started
        require_count(found, SIZE)
        return elapsed

    async def measure() -> float:
        return 1e3 * median([await once() for _ in range(LOOKUPS)])

    return measure


@asynccontextmanager
async def by_rank(arena: Arena) -> AsyncIterator[list[Entrant]]:
    async with _entrants(arena, {"rank": 1}) as everyone:
        yield everyone


@asynccontextmanager
async def by_id(arena: Arena) -> AsyncIterator[list[Entrant]]:
    async with _entrants(arena, {"_id": 1}) as everyone:
        yield everyone


CASES = (
    Case(name="pages_by_rank", unit="ms", entrants=by_rank, turns=5, reference=REFERENCE),
    Case(name="pages_by_id", unit="ms", entrants=by_id, turns=5, reference=REFERENCE),
)
