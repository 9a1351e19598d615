"""The deployment forgets what a change stream has not read yet: that is told, and never looks like nothing to tell."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from bson import Timestamp

from llm_devops_mongodb import ChangeStream, ChangeStreamOptions, HistoryLostError
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.faults.operations import Things
from tests.faults.proxy import Proxy

WATCH = ChangeStreamOptions(batch_size=1, max_await_time=timedelta(milliseconds=100))
PATIENCE = timedelta(seconds=20)
LARGE = "x" * 100_000
MANY = 100
MOST = 60
ONLY_SMALL = [{"$match": {"fullDocument.text": {"$exists": False}}}]


@pytest.fixture(scope="module")
async def forgetful() -> AsyncIterator[EmbeddedMongo]:
    """A server that keeps little history, and makes room every second."""
    async with EmbeddedMongo(oplog_size=1, arguments=("--syncdelay", "1")) as started:
        yield started


@pytest.fixture(scope="module")
def server(forgetful: EmbeddedMongo) -> EmbeddedMongo:
    return forgetful


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


async def written(stored: Things, first: int) -> None:
    """Make ten events."""
    await stored.insert_many([{"_id": first + number} for number in range(10)])


async def forget(server: EmbeddedMongo, stored: Things) -> None:
    """Write until the server no longer has what it has now."""
    known = (await server.run_command({"hello": 1}))["lastWrite"]["opTime"]["ts"]
    for _ in range(MOST):
        await stored.insert_many([{"text": LARGE} for _ in range(MANY)])
        if await _first_entry(server) > known:
            return
    raise AssertionError("the server keeps its history")


async def _first_entry(server: EmbeddedMongo) -> Timestamp:
    find = {"find": "oplog.rs", "limit": 1, "projection": {"ts": 1}}
    reply = await server.run_command(find, database="local")
    first: Timestamp = reply["cursor"]["firstBatch"][0]["ts"]
    return first


async def read_into(seen: list[Any], stream: ChangeStream[Any]) -> None:
    """Read until something is wrong; an end is nothing wrong."""
    while (event := await stream.next(timeout=PATIENCE)) is not None:
        seen.append(event)


async def test_what_was_forgotten_is_told_and_is_no_silence(
    server: EmbeddedMongo, things: Things, stored: Things
) -> None:
    async with things.watch() as ended:
        await written(stored, 100)
        await ended.next(timeout=PATIENCE)
    async with things.watch(ONLY_SMALL, WATCH) as live:
        await written(stored, 200)
        seen = [await live.next(timeout=PATIENCE)]
        await forget(server, stored)

        starts: list[dict[str, Any]] = [
            {"resume_after": ended.resume_token},
            {"start_after": ended.resume_token},
            {"start_at_operation_time": ended.operation_time},
        ]
        for start in starts:
            late = things.watch(options=ChangeStreamOptions(**start))
            for call in (late.open, late.next, late.try_next):
                with pytest.raises(HistoryLostError) as caught:
                    await call()
                assert caught.value.code == 286
                assert "events were lost" in str(caught.value)

        with pytest.raises(HistoryLostError) as caught:
            await read_into(seen, live)
        assert caught.value.code == 136
        for call in (live.next, live.try_next, live.next_batch):
            with pytest.raises(HistoryLostError):
                await call()
        assert not live.alive
        # What was told before is told in its order, and nothing is told as an end.
        assert [event and event.document_key for event in seen] == [{"_id": 200 + n} for n in range(len(seen))]


async def test_a_stream_that_was_cut_off_for_too_long_is_told_what_it_missed(
    server: EmbeddedMongo, far_things: Things, stored: Things, proxy: Proxy
) -> None:
    async with far_things.watch(ONLY_SMALL, WATCH) as stream:
        await written(stored, 100)
        assert await stream.next(timeout=PATIENCE) is not None
        proxy.refuse()
        await forget(server, stored)
        await proxy.heal()

        with pytest.raises(HistoryLostError):
            await read_into([], stream)
        assert not stream.alive


async def test_a_stream_that_lost_history_goes_on_from_now(
    server: EmbeddedMongo, things: Things, stored: Things
) -> None:
    async with things.watch() as ended:
        await written(stored, 100)
        await ended.next(timeout=PATIENCE)
    await forget(server, stored)
    with pytest.raises(HistoryLostError):
        await things.watch(options=ChangeStreamOptions(start_after=ended.resume_token)).open()

    async with things.watch(ONLY_SMALL) as anew:
        await written(stored, 300)
        event = await anew.next(timeout=PATIENCE)

    assert event is not None
    assert event.document_key == {"_id": 300}
