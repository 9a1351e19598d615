"""Importing a package in a fresh interpreter, the interpreter's own start left out."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks.harness import Absent, Arena, Case, Entrant
from benchmarks.peers import PEERS
from benchmarks.process import output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OURS = "llm_devops_mongodb"


def _peer(module: str) -> Entrant | Absent:
    if find_spec(module) is None:
        return Absent(name=module, reason=f"No module named {module!r}")
    return _entrant(module)


def _entrant(module: str, row: str | None = None) -> Entrant:
    program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"

    async def measure() -> float:
        return float(await output(sys.executable, "-c", program)) * 1e3

    return Entrant(name=module, measure=measure, row=row)


@asynccontextmanager
async def entrants(_: Arena) -> AsyncIterator[list[Entrant | Absent]]:
    yield [_entrant(OURS, row="import_time"), *map(_peer, PEERS)]


CASE = Case(name="import_time", unit="ms", entrants=entrants)
