"""Importing a package in a fresh interpreter, the interpreter's own start left out.

Bytecode is kept in a folder of the run, which the first round fills: what was installed as bytecode and what runs from
source are alike, whatever the environment says.
"""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.harness import Absent, Arena, Case, Entrant
from benchmarks.peers import PEERS
from benchmarks.process import output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

OURS = "llm_devops_mongodb"


def _peer(module: str, environment: Mapping[str, str]) -> Entrant | Absent:
    if find_spec(module) is None:
        return Absent(name=module, reason=f"No module named {module!r}")
    return _entrant(module, environment)


def _entrant(module: str, environment: Mapping[str, str], row: str | None = None) -> Entrant:
    program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"

    async def measure() -> float:
        return float(await output(sys.executable, "-c", program, environment=environment)) * 1e3

    return Entrant(name=module, measure=measure, row=row)


@asynccontextmanager
async def entrants(_: Arena) -> AsyncIterator[list[Entrant | Absent]]:
    with TemporaryDirectory() as folder:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        yield [_entrant(OURS, environment, row="import_time"), *(_peer(name, environment) for name in PEERS)]


CASE = Case(name="import_time", unit="ms", entrants=entrants)
