"""Very many documents from a generator: the time, beside PyMongo's `insert_many` of as many, and the growth."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient

from benchmarks.checks import require_count
from benchmarks.documents import generated
from benchmarks.harness import Arena, Case, Entrant, Measure, timed
from benchmarks.inserting import CHUNK
from benchmarks.process import output
from benchmarks.subjects import WRITTEN
from llm_devops_mongodb import MongoClient, chunked_insert

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from pymongo.asynchronous.collection import AsyncCollection

# At least 0.9 times as many documents in a second is at most so many times the time.
TIME_TARGET = 1 / 0.9


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncIterator[list[Entrant]]:
    async with (
        AsyncMongoClient[dict[str, Any]](arena.uri) as driver,
        MongoClient.connect(arena.uri) as client,
    ):
        theirs = driver[arena.database][WRITTEN]
        ours = client.collection(arena.database, WRITTEN)

        async def chunked(documents: Iterator[dict[str, Any]]) -> None:
            require_count((await chunked_insert(ours, documents, CHUNK)).count, arena.inserted)

        async def sliced(documents: Iterator[dict[str, Any]]) -> None:
            while chunk := list(islice(documents, CHUNK)):
                await theirs.insert_many(chunk)

        yield [
            Entrant(
                name="ours",
                measure=_measure(chunked, arena, theirs),
                row="chunked_insert",
                target=TIME_TARGET,
            ),
            Entrant(name="pymongo", measure=_measure(sliced, arena, theirs)),
        ]
        await theirs.drop()


def _measure(
    insert: Callable[[Iterator[dict[str, Any]]], Awaitable[None]],
    arena: Arena,
    stored: AsyncCollection[dict[str, Any]],
) -> Measure:
    async def emptied() -> Iterator[dict[str, Any]]:
        await stored.drop()
        await stored.database.create_collection(WRITTEN)
        return generated(arena.inserted)

    async def check(_: None) -> None:
        require_count(await stored.estimated_document_count(), arena.inserted)

    return timed(insert, prepare=emptied, check=check, scale=1e6 / arena.inserted)


@asynccontextmanager
async def growing(arena: Arena) -> AsyncIterator[list[Entrant]]:
    async def measure() -> float:
        place = (arena.uri, arena.database, str(arena.inserted))
        return float(await output(sys.executable, "-m", "benchmarks.inserting", *place))

    yield [Entrant(name="ours", measure=measure, row="chunked_insert memory")]


CASES = (
    Case(name="chunked_insert", unit="us/document", entrants=entrants),
    Case(name="chunked_insert_memory", unit="MiB", entrants=growing),
)
