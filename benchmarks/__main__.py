"""Runs the benchmarks: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pymongo import AsyncMongoClient
from rich.console import Console

from benchmarks import report
from benchmarks.cases import CASES
from benchmarks.documents import mean_size
from benchmarks.harness import Arena, Case, Row, run_case
from benchmarks.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

# A pipe has no width of its own, and the table needs this much.
WIDTH = 160
QUICK = {"documents": 2_000, "streamed": 40_000, "inserted": 50_000, "paged": 110_000}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--case", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=9, help="figures each median is taken of (default: 9)")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"), help="default: build/bench.json")
    parser.add_argument("--quick", action="store_true", help="fewer documents, to try the harness; not for quoting")
    parser.add_argument("--mongodb-uri", help="a running server; without it an embedded one is started")
    options = parser.parse_args(given)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


async def run(cases: Sequence[Case], *, options: argparse.Namespace, console: Console) -> list[Row]:
    rows: list[Row] = []
    async with server(options.mongodb_uri) as uri:
        database = f"llm_devops_mongodb_benchmarks_{os.getpid()}"
        arena = Arena(uri=uri, database=database, **(QUICK if options.quick else {}))
        try:
            for case in cases:
                with console.status(case.name) as status:

                    def on_round(number: int, name: str = case.name) -> None:
                        status.update(
                            f"{name}: round {number} of {options.rounds}" if number else f"{name}: warming up"
                        )

                    rows += await run_case(case, arena, rounds=options.rounds, on_round=on_round)
                report.write(rows, options.output)
        finally:
            async with AsyncMongoClient[dict[str, object]](uri) as client:
                await client.drop_database(database)
    return rows


def main() -> None:
    options = arguments()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(f"Documents of {mean_size():.0f} bytes on average; medians of {options.rounds} rounds.")
    chosen = [case for case in CASES if case.name in options.case]
    rows = asyncio.run(run(chosen, options=options, console=console))
    console.print(report.table(rows))
    console.print(f"Written to {options.output}.")


if __name__ == "__main__":
    main()
