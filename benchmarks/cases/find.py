"""A whole collection into a list: what making models of documents costs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.checks import require_count, require_document
from benchmarks.harness import Absent, Arena, Case, Entrant, Measure, nothing, timed
from benchmarks.lineup import lineup, stored
from benchmarks.subjects import READ, Reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TARGETS = {"msgspec": 1.35, "pydantic": 2.3}


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncIterator[list[Entrant | Absent]]:
    def measure(subject: Reading) -> Measure:
        async def read(_: None) -> list[Any]:
            return await subject.find()

        async def check(found: list[Any]) -> None:
            require_count(len(found), arena.documents)
            require_document(subject.plain(found[-1]), arena.documents - 1)

        return timed(read, prepare=nothing, check=check, scale=1e3)

    async with stored(arena, READ, count=arena.documents), lineup(arena) as everyone:
        yield everyone.entrants("find", measure, offering=Reading, targets=TARGETS)


CASE = Case(name="find", unit="ms", entrants=entrants)
