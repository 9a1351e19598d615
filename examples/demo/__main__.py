"""Run the demo: `python -m examples.demo`, against a MongoDB started for the occasion or the one that is named."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from argparse import ArgumentParser
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from examples.demo.show import step
from examples.demo.sources import catalogue
from examples.demo.steps import STEPS, Market, UnexpectedError
from llm_devops_mongodb import MongoClient, MongoError, sanitize_uri_for_logging
from llm_devops_mongodb.testing import EmbeddedMongo

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


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
    async with _server(uri) as server, MongoClient.connect(server) as client, _market(client, server) as market:
        console.print(Text(f"Prices of language models, in {market.database.name} at {_shown(server)}", style="bold"))
        for each in STEPS:
            with step(console, each.title) as report:
                report(await each.run(market))


@asynccontextmanager
async def _server(uri: str | None) -> AsyncGenerator[str]:
    if uri is not None:
        yield uri
        return
    async with EmbeddedMongo() as server:
        yield server.uri


@asynccontextmanager
async def _market(client: MongoClient, uri: str) -> AsyncGenerator[Market]:
    """A database that nobody else has, dropped in the end."""
    database = client.database(f"demo_{secrets.token_hex(4)}")
    try:
        yield Market(client, database, catalogue(), uri)
    finally:
        await database.run_command({"dropDatabase": 1})


def _shown(uri: str) -> str:
    return sanitize_uri_for_logging(uri).partition("?")[0]


if __name__ == "__main__":
    sys.exit(main())
