"""Many models into an empty collection in one call: what making documents of models costs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient

from benchmarks.checks import require_count, require_document
from benchmarks.documents import documents, key
from benchmarks.harness import Absent, Arena, Case, Entrant, Measure, timed
from benchmarks.lineup import lineup
from benchmarks.subjects import WRITTEN, Writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncIterator[list[Entrant | Absent]]:
    last = arena.documents - 1

    async with AsyncMongoClient[dict[str, Any]](arena.uri) as client, lineup(arena) as everyone:
        database = client[arena.database]

        def measure(subject: Writing) -> Measure:
            async def emptied() -> list[Any]:
                await database.drop_collection(WRITTEN)
                await database.create_collection(WRITTEN)
                return [subject.build(each) for each in documents(arena.documents)]

            async def check(_: None) -> None:
                require_count(await database[WRITTEN].count_documents({}), arena.documents)
                require_document(await database[WRITTEN].find_one({"_id": key(last)}) or {}, last)

            return timed(subject.insert_many, prepare=emptied, check=check, scale=1e3)

        yield everyone.entrants("insert_many", measure, offering=Writing)


CASE = Case(name="insert_many", unit="ms", entrants=entrants)
