"""The step that kills a consumer and sees it carry on."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from examples.demo.watcher import URI
from llm_devops_mongodb import UpdateBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bson import Timestamp

    from llm_devops_mongodb import Database

_LIMIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Account:
    """What came of it.

    Attributes:
        changes: How many changes were made.
        noted: How many lines the journal has.
        models: How many different models they are about.
        processes: How many processes wrote them.
    """

    changes: int
    noted: int
    models: int
    processes: int


async def journal_kept(database: Database, uri: str, ids: Sequence[Any], *, kills: int) -> Account:
    """Change models, kill the process that keeps the journal again and again meanwhile, and read the journal.

    Args:
        database: Where the models are.
        uri: The deployment.
        ids: The models to change, one after the other.
        kills: How often the process is killed.
    """
    journal = database.collection("journal")
    await database.create_collection(journal.name)
    models = database.collection("models")
    share = len(ids) // (kills + 1)
    seen = 0
    async with asyncio.timeout(_LIMIT_SECONDS), journal.watch() as lines:
        for turn in range(kills + 1):
            is_last = turn == kills
            async with _watcher(database.name, uri, lines.operation_time) as process:
                for model in ids[turn * share : None if is_last else (turn + 1) * share]:
                    await models.update_one({"_id": model}, UpdateBuilder().inc("price_checks", 1))
                while seen < (len(ids) if is_last else turn * share + share // 2):
                    await lines.next()
                    seen += 1
                if is_last:
                    process.terminate()
                    await process.wait()
    noted = await journal.find()
    return Account(
        changes=len(ids),
        noted=len(noted),
        models=len({line["model"]["_id"] for line in noted}),
        processes=len({line["by"] for line in noted}),
    )


@asynccontextmanager
async def _watcher(database: str, uri: str, start: Timestamp | None) -> AsyncGenerator[Process]:
    """Run the process for a block, at the end of which it is killed if it is still there."""
    assert start is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.demo.watcher", database, str(start.time), str(start.inc)),
        env={**os.environ, URI: uri},
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
