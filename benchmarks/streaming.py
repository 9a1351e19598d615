"""How far a process grows while it streams: `python -m benchmarks.streaming WHO URI DATABASE COUNT` prints MiB.

`WHO` is a peer's name, or `ours:` and a kind of model. The growth is from what the process held after it had
connected and read one document to the most it ever held while streaming.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.checks import require_count, require_document
from benchmarks.documents import key
from benchmarks.harness import Absent, WrongResultError
from benchmarks.memory import peak, reset_peak
from benchmarks.ours import opened as opened_ours
from benchmarks.peers import opening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.subjects import Streaming

OURS = "ours:"


@asynccontextmanager
async def _subject(who: str, uri: str, database: str) -> AsyncIterator[Any]:
    if who.startswith(OURS):
        async with opened_ours(uri, database) as ours:
            yield ours[who.removeprefix(OURS)]
        return
    opened = opening(who)
    if isinstance(opened, Absent):
        raise WrongResultError(opened.reason)
    async with opened(uri, database) as subject:
        yield subject


async def _growth(who: str, uri: str, database: str, *, count: int) -> float:
    async with _subject(who, uri, database) as subject:
        require_document(subject.plain(await subject.find_one(key(0))), 0)
        gc.collect()
        before = reset_peak()
        await _stream(subject, count=count)
        return peak() - before


async def _stream(subject: Streaming, *, count: int) -> None:
    streamed = 0
    latest = None
    async for each in subject.stream():
        latest = each
        streamed += 1
    require_count(streamed, count)
    require_document(subject.plain(latest), count - 1)


if __name__ == "__main__":
    print(asyncio.run(_growth(*sys.argv[1:4], count=int(sys.argv[4]))))
