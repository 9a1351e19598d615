"""However a change stream is left, the server's cursor and session are gone soon."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    ChangeStream,
    ChangeStreamOptions,
    ClientStateError,
    Collection,
    Database,
    MongoClient,
    OperationTimeoutError,
)
from llm_devops_mongodb.testing import MongoServer
from llm_devops_mongodb.testing.leaks import ResourceCounts, count_resources, leaked_since

Things = Collection[dict[str, Any]]
Leaving = Callable[[Things], Awaitable[None]]

BRIEF = ChangeStreamOptions(max_await_time=timedelta(milliseconds=100))
SLOW = ChangeStreamOptions(max_await_time=timedelta(seconds=30))


@pytest.fixture
async def baseline(mongo_server: MongoServer, mongo_database: Database) -> AsyncIterator[ResourceCounts]:
    """What was open before the test's own client came; after the test no more is."""
    await mongo_database.collection("things").insert_one({"_id": "first"})
    # The pools of other clients grow meanwhile.
    before = replace(await count_resources(mongo_server.uri), connections=sys.maxsize)
    yield before
    gc.collect()
    assert not await leaked_since(before, mongo_server.uri)


@pytest.fixture
async def things(
    mongo_server: MongoServer, mongo_database: Database, baseline: ResourceCounts
) -> AsyncIterator[Things]:
    """A collection, as a client sees it that is gone when what is left is counted."""
    async with MongoClient.connect(mongo_server.uri, min_pool_size=0) as client:
        yield client.collection(mongo_database.name, "things")


async def no_cursor_since(before: ResourceCounts, server: MongoServer) -> None:
    """Wait until the server has no more cursors than before: sooner than by itself, for a slow one waits for 30 s."""
    async with asyncio.timeout(10):
        while (await count_resources(server.uri)).cursors > before.cursors:
            gc.collect()


async def _write(things: Things) -> None:
    await things.insert_many([{"n": number} for number in range(3)])


async def _break(things: Things) -> None:
    async with things.watch(options=SLOW) as stream:
        await _write(things)
        async for _ in stream:
            break


async def _break_unheld(things: Things) -> None:
    async with things.watch() as stream:
        await _write(things)
        await stream.next()
    async for _ in things.watch(options=ChangeStreamOptions(start_after=stream.resume_token)):
        break


async def _break_generator(things: Things) -> None:
    async with things.watch() as stream:
        await _write(things)
        await stream.next()
    async for _ in things.watch(options=ChangeStreamOptions(start_after=stream.resume_token)).into_stream():
        break


async def _fail(things: Things) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with things.watch(options=SLOW) as stream:
            await _write(things)
            async for _ in stream:
                raise ZeroDivisionError


async def _cancel(things: Things) -> None:
    opened = asyncio.Event()

    async def read() -> None:
        async with things.watch(options=SLOW) as stream:
            opened.set()
            async for _ in stream:
                pass

    reading = asyncio.create_task(read())
    await opened.wait()
    await things.find_one({})
    reading.cancel()
    await asyncio.wait((reading,))


async def _close(things: Things) -> None:
    stream = await things.watch(options=SLOW)
    await stream.aclose()
    await stream.aclose()


async def _close_while_it_waits(things: Things) -> None:
    stream = await things.watch(options=SLOW)
    waiting = asyncio.create_task(stream.next())
    await things.find_one({})
    await stream.aclose()
    assert await asyncio.wait_for(waiting, 2) is None


async def _cut_short(things: Things) -> None:
    stream = await things.watch(options=SLOW)
    with pytest.raises(OperationTimeoutError):
        await stream.next(timeout=timedelta(milliseconds=50))
    await stream.aclose()


async def _drop(things: Things) -> None:
    stream: ChangeStream[Any] | None = await things.watch()
    del stream


async def _drop_while_it_waits(things: Things) -> None:
    stream = await things.watch(options=BRIEF)
    with pytest.raises(OperationTimeoutError):
        await stream.next(timeout=timedelta(milliseconds=5))


async def _resume(things: Things) -> None:
    async with things.watch(options=SLOW) as stream:
        with pytest.raises(OperationTimeoutError):
            await stream.next(timeout=timedelta(milliseconds=20))
        await stream.resume()
        await stream.resume()


LEAVINGS: list[Leaving] = [
    *(_break, _break_unheld, _break_generator, _fail, _cancel),
    *(_close, _close_while_it_waits, _cut_short, _drop, _drop_while_it_waits, _resume),
]


@pytest.mark.parametrize("leave", LEAVINGS, ids=lambda leave: leave.__name__.strip("_").replace("_", " "))
async def test_a_stream_that_is_left_leaves_no_cursor(
    leave: Leaving, things: Things, mongo_server: MongoServer, baseline: ResourceCounts
) -> None:
    await leave(things)

    await no_cursor_since(baseline, mongo_server)


async def test_a_stream_that_ends_by_itself_leaves_no_cursor(
    things: Things, mongo_database: Database, mongo_server: MongoServer, baseline: ResourceCounts
) -> None:
    stream = await things.watch()
    await mongo_database.drop_collection("things")

    assert [event.operation async for event in stream] == ["drop", "invalidate"]

    await no_cursor_since(baseline, mongo_server)


async def _cancelled(work: Coroutine[Any, Any, None], *, after: float) -> None:
    """Cancel `work`; nothing is left that remembers it, and with it the stream."""
    task = asyncio.create_task(work)
    await asyncio.wait((task,), timeout=after)
    task.cancel()
    await asyncio.wait((task,))


async def test_openings_that_are_cancelled_leave_no_cursor(
    things: Things, mongo_server: MongoServer, baseline: ResourceCounts
) -> None:
    async def enter() -> None:
        async with things.watch(options=SLOW) as stream:
            await stream.next()

    async def hold() -> None:
        await (await things.watch(options=BRIEF)).next()

    for milliseconds in range(12):
        for way in (enter, hold):
            await _cancelled(way(), after=milliseconds / 2000)

    await no_cursor_since(baseline, mongo_server)


async def test_a_storm_of_cancelled_readers_leaves_no_cursor(
    things: Things, mongo_server: MongoServer, baseline: ResourceCounts
) -> None:
    async def read(patience: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience), things.watch(options=SLOW) as stream:
                async for _ in stream:
                    pass

    await asyncio.gather(*(read(0.001 * number) for number in range(100)))

    await no_cursor_since(baseline, mongo_server)


async def test_a_client_that_is_closed_closes_its_streams(
    mongo_server: MongoServer, mongo_database: Database, baseline: ResourceCounts
) -> None:
    client = await MongoClient.connect(mongo_server.uri, min_pool_size=0)
    stream = await client.collection(mongo_database.name, "things").watch(options=BRIEF)

    await client.close()

    await no_cursor_since(baseline, mongo_server)
    with pytest.raises(ClientStateError):
        await stream.next()
    await stream.aclose()
