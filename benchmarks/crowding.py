"""How a process bears a crowd of lookups: `python -m benchmarks.crowding WHO URI DATABASE COUNT` prints JSON.

`WHO` is `ours` or `pymongo`. Every lookup is a task; all start at once and share a pool of `POOL` connections. The
figures: `memory`, the growth in MiB from what the process held after it had connected and found one document to the
most it ever held, the answers still there; `p50` and `p99`, the milliseconds from a task's start to its answer, of
which most are spent waiting for a connection.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient

from benchmarks.checks import require_count, require_document
from benchmarks.documents import key
from benchmarks.harness import REFERENCE
from benchmarks.memory import peak, reset_peak
from benchmarks.subjects import READ
from llm_devops_mongodb import MongoClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    Lookup = Callable[[int], Awaitable[dict[str, Any] | None]]
    Answer = tuple[dict[str, Any] | None, float]

POOL = 100
PATIENCE = timedelta(minutes=5)
"""How long a lookup may wait for a connection: no lookup of a crowd should ever wait so long."""


@asynccontextmanager
async def _ours(uri: str, database: str) -> AsyncGenerator[Lookup]:
    async with MongoClient.connect(uri, max_pool_size=POOL, wait_queue_timeout=PATIENCE) as client:
        collection = client.collection(database, READ)
        yield lambda number: collection.find_one({"_id": key(number)})


@asynccontextmanager
async def _pymongo(uri: str, database: str) -> AsyncGenerator[Lookup]:
    patience = PATIENCE // timedelta(milliseconds=1)
    async with AsyncMongoClient[dict[str, Any]](uri, maxPoolSize=POOL, waitQueueTimeoutMS=patience) as client:
        collection = client[database][READ]
        yield lambda number: collection.find_one({"_id": key(number)})


_OPENINGS = {"ours": _ours, REFERENCE: _pymongo}
WHO = tuple(_OPENINGS)


async def _figures(who: str, uri: str, database: str, *, count: int) -> dict[str, float]:
    async with _OPENINGS[who](uri, database) as lookup:
        require_document(await lookup(0) or {}, 0)
        gc.collect()
        before = reset_peak()
        answers = await _crowd(lookup, count=count)
        grown = peak() - before
        _check(answers, count=count)
        percentiles = quantiles([1e3 * elapsed for _, elapsed in answers], n=100)
        return {"memory": grown, "p50": percentiles[49], "p99": percentiles[98]}


async def _crowd(lookup: Lookup, *, count: int) -> list[Answer]:
    async def timed(number: int) -> Answer:
        started = perf_counter()
        found = await lookup(number)
        return found, perf_counter() - started

    return await asyncio.gather(*(timed(number) for number in range(count)))


def _check(answers: list[Answer], *, count: int) -> None:
    """Every lookup has its own document, and the last one's is whole."""
    require_count(sum(found is not None and found["_id"] == key(n) for n, (found, _) in enumerate(answers)), count)
    require_document(answers[-1][0] or {}, count - 1)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_figures(*sys.argv[1:4], count=int(sys.argv[4])))))
