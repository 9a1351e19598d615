"""Runs directories of the drivers' unified tests: `python -m tests.conformance DIR… [--json FILE]`.

It exits with 1 where a case failed, and with 2 where there is nothing to run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from llm_devops_mongodb.testing import EmbeddedMongo
from tests.conformance.report import Outcome, Report
from tests.conformance.runner import runner_on


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says and return the exit status."""
    given = _parser().parse_args(arguments)
    try:
        report = asyncio.run(run(given.places, uri=given.uri, members=given.members))
    except FileNotFoundError as error:
        sys.stderr.write(f"there is no {error}\n")
        return 2
    for line in report.lines():
        sys.stdout.write(f"{line}\n")
    if given.json is not None:
        report.write_json(given.json)
    return 1 if report.count(Outcome.FAILED) else 0


async def run(places: Sequence[Path], *, uri: str | None = None, members: int = 3) -> Report:
    """Run every file in `places`.

    Args:
        places: Files and directories.
        uri: A deployment that runs; None starts one.
        members: How many members the one that is started has.
    """
    async with _deployment(uri, members) as address, runner_on(address) as runner:
        return await runner.run(places)


@asynccontextmanager
async def _deployment(uri: str | None, members: int) -> AsyncIterator[str]:
    if uri is not None:
        yield uri
        return
    async with EmbeddedMongo(members) as server:
        yield server.uri


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, metavar="DIR", help="a directory of tests, or one file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--uri", help="a deployment that runs; without it one is started")
    parser.add_argument("--members", type=int, default=3, help="members of the replica set that is started")
    return parser


if __name__ == "__main__":
    sys.exit(main())
