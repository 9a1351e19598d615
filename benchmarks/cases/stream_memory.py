"""How far a process grows while it streams many documents, each let go as the next one comes."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.harness import Absent, Arena, Case, Entrant
from benchmarks.lineup import stored
from benchmarks.peers import opening
from benchmarks.process import output
from benchmarks.streaming import OURS
from benchmarks.subjects import READ, STREAMED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KINDS = ("dict", "msgspec", "pydantic")
PEERS = ("pymongo", "mongojet")


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncIterator[list[Entrant | Absent]]:
    def entrant(name: str, who: str, row: str | None = None) -> Entrant:
        async def measure() -> float:
            place = (arena.uri, arena.database, str(arena.streamed))
            return float(await output(sys.executable, "-m", "benchmarks.streaming", who, *place))

        return Entrant(name=name, measure=measure, row=row)

    def peer(name: str) -> Entrant | Absent:
        opened = opening(name)
        return opened if isinstance(opened, Absent) else entrant(name, name)

    async with stored(arena, READ, count=1), stored(arena, STREAMED, count=arena.streamed):
        yield [*(entrant(kind, OURS + kind, f"stream_memory {kind}") for kind in KINDS), *map(peer, PEERS)]


CASE = Case(name="stream_memory", unit="MiB", entrants=entrants)
