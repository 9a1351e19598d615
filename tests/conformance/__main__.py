"""Runs directories of the drivers' unified tests: `python -m tests.conformance DIR… [--json FILE]`.

Each case is run on a server and recorded; what passed is run again from its recording, without server and driver.
It exits with 1 where a case failed in either, and with 2 where there is nothing to run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from llm_devops_mongodb.testing import EmbeddedMongo
from tests.conformance.loading import find_files
from tests.conformance.replaying import replayed
from tests.conformance.report import Report
from tests.conformance.runner import runner_on


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says and return the exit status."""
    given = _parser().parse_args(arguments)
    try:
        report = asyncio.run(run(given.places, uri=given.uri, members=given.members, recordings=given.recordings))
    except FileNotFoundError as error:
        sys.stderr.write(f"there is no {error}\n")
        return 2
    for line in report.lines():
        sys.stdout.write(f"{line}\n")
    if given.json is not None:
        report.write_json(given.json)
    return 1 if report.failures or report.failures_in_replay else 0


async def run(
    places: Sequence[Path], *, uri: str | None = None, members: int = 3, recordings: Path | None = None
) -> Report:
    """Run every file in `places` live, and, once the server is gone, what passed again from its recording.

    Args:
        places: Files and directories.
        uri: A deployment that runs; None starts one.
        members: How many members the one that is started has.
        recordings: The directory where the recordings stay; None throws them away.

    Raises:
        FileNotFoundError: A place does not exist.
    """
    find_files(places)  # a place that does not exist is told before a server is started
    with TemporaryDirectory(prefix="conformance-") as temporary:
        kept = recordings or Path(temporary)
        async with _deployment(uri, members) as address, runner_on(address, recordings=kept) as runner:
            live = await runner.run(places)
        return await replayed(live, runner.recorded)


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
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="a directory that is there, to keep them in")
    parser.add_argument("--members", type=int, default=3, help="members of the replica set that is started")
    return parser


if __name__ == "__main__":
    sys.exit(main())
