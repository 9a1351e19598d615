"""How far a process grows while it inserts: `python -m benchmarks.inserting URI DATABASE COUNT` prints MiB.

The growth is from what the process held after it had connected and inserted a chunk to the most it ever held, with
the result of the whole still there.
"""

from __future__ import annotations

import asyncio
import gc
import sys

from benchmarks.checks import require_count
from benchmarks.documents import generated
from benchmarks.memory import peak, reset_peak
from benchmarks.subjects import WRITTEN
from llm_devops_mongodb import MongoClient, chunked_insert

CHUNK = 10_000


async def _growth(uri: str, database: str, *, count: int) -> float:
    async with MongoClient.connect(uri) as client:
        await client.database(database).drop_collection(WRITTEN)
        collection = client.collection(database, WRITTEN)
        await chunked_insert(collection, generated(CHUNK), CHUNK)
        gc.collect()
        before = reset_peak()
        result = await chunked_insert(collection, generated(count), CHUNK)
        grown = peak() - before
        require_count(result.count, count)
        await client.database(database).drop_collection(WRITTEN)
        return grown


if __name__ == "__main__":
    print(asyncio.run(_growth(*sys.argv[1:3], count=int(sys.argv[3]))))
