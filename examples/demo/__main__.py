"""Run the demo: `python -m examples.demo`, against a MongoDB started for the occasion or the one that is named."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from argparse import ArgumentParser
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from examples.demo.show import Shown, plain, step
from examples.demo.sources import catalogue
from examples.demo.steps import STEPS, Market, UnexpectedError, expect
from llm_devops_mongodb import MongoClient, MongoConfig, MongoError, SimulationReplayer, sanitize_uri_for_logging
from llm_devops_mongodb.testing import EmbeddedMongo

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

NO_SERVER = "mongodb://nobody.invalid"


def main() -> int:
    """Run the demo and return the exit status: 0 where every step found what it should."""
    parser = ArgumentParser(prog="python -m examples.demo", description="Shop for language models in a MongoDB.")
    parser.add_argument("--mongodb-uri", metavar="URI", help="the server to use instead of starting one")
    uri: str | None = parser.parse_args().mongodb_uri
    console = Console(highlight=False)
    # The library logs what it skips; the demo shows it where it happens.
    logging.basicConfig(format="%(message)s", handlers=[RichHandler(console=console, show_time=False, show_path=False)])
    started = perf_counter()
    try:
        asyncio.run(_demo(console, uri))
    except (MongoError, UnexpectedError) as error:
        console.print(Text(f"✗ {type(error).__name__}: {error}", style="bold red"))
        return 1
    console.print(Text(f"Every step held, in {perf_counter() - started:.1f} s.", style="bold green"))
    return 0


async def _demo(console: Console, uri: str | None) -> None:
    with TemporaryDirectory() as folder:
        recording = Path(folder) / "demo.jsonl"
        name = f"demo_{secrets.token_hex(4)}"
        async with (
            _server(uri) as server,
            _recorded(server, recording) as client,
            _market(client, server, name) as market,
        ):
            console.print(Text(f"Prices of language models, in {name} at {_shown(server)}", style="bold"))
            shown = await _run(console, market)
        # The server that was started is stopped, and what is asked now is answered from the recording.
        with step(console, "Replay") as report:
            report(await _replay(recording, name, shown))


@asynccontextmanager
async def _recorded(uri: str, recording: Path) -> AsyncGenerator[MongoClient]:
    async with MongoClient.connect(uri, simulation_mode="record", simulation_path=recording) as client:
        yield client


async def _run(console: Console, market: Market) -> dict[str, Shown]:
    """Run every step, and return what each has to show."""
    shown: dict[str, Shown] = {}
    for each in STEPS:
        with step(console, each.title) as report:
            shown[each.title] = await each.run(market)
            report(shown[each.title])
    return shown


async def _replay(recording: Path, name: str, shown: dict[str, Shown]) -> Shown:
    """Run the same steps again from the recording, but the one that is other processes' work."""
    replayer = SimulationReplayer.load(recording)
    again = [each for each in STEPS if each.is_replayable]
    # What is logged was shown the first time.
    logging.disable()
    try:
        async with MongoClient.with_simulation(MongoConfig(uri=NO_SERVER), replayer) as client:
            market = Market(client, client.database(name), catalogue(), NO_SERVER)
            for each in again:
                expect(f"output of {each.title!r}", plain(await each.run(market)), plain(shown[each.title]))
    finally:
        logging.disable(logging.NOTSET)
    operations = len(replayer.recording.interactions)
    return Shown(f"{len(again)} steps from {operations:,} recorded operations, without a server: the same output")


@asynccontextmanager
async def _server(uri: str | None) -> AsyncGenerator[str]:
    if uri is not None:
        yield uri
        return
    async with EmbeddedMongo() as server:
        yield server.uri


@asynccontextmanager
async def _market(client: MongoClient, uri: str, name: str) -> AsyncGenerator[Market]:
    """A database that nobody else has, dropped in the end."""
    database = client.database(name)
    try:
        yield Market(client, database, catalogue(), uri)
    finally:
        await database.run_command({"dropDatabase": 1})


def _shown(uri: str) -> str:
    return sanitize_uri_for_logging(uri).partition("?")[0]


if __name__ == "__main__":
    sys.exit(main())
