"""Whatever happens to the server or the way to it, a change stream tells every event, once and in its order."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    ChangeStream,
    ChangeStreamOptions,
    MongoClient,
    MongoConnectionError,
    OperationTimeoutError,
    QueryError,
    ServerSelectionError,
)
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from tests.faults.attempts import Attempts
from tests.faults.fail_points import CLOSED, FailPoints, Fault, refused
from tests.faults.operations import Things
from tests.faults.proxy import Proxy, ReplyFault

COMMENT = "a change stream under test"
PATIENCE = timedelta(seconds=30)
SELECTION = timedelta(milliseconds=700)
WATCH = ChangeStreamOptions(comment=COMMENT, batch_size=5, max_await_time=timedelta(milliseconds=200))
HALF = 20
ALL = 2 * HALF


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


@pytest.fixture
def settings(settings: ConfigSettings) -> ConfigSettings:
    """A client that soon gives up looking for a server."""
    return {**settings, "server_selection_timeout": SELECTION}


async def write(stored: Things, numbers: range) -> None:
    """Make an event for each number, one after the other."""
    for number in numbers:
        await stored.insert_one({"_id": number + 1000})


async def numbers_in(stream: ChangeStream[Any], count: int) -> list[int]:
    """Take so many events, and tell their numbers."""
    events = [await stream.next(timeout=PATIENCE) for _ in range(count)]
    return [
        event.document_key["_id"] - 1000 for event in events if event is not None and event.document_key is not None
    ]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may happen to."""

    fail_points: FailPoints
    proxy: Proxy
    admin: MongoClient
    stored: Things


@pytest.fixture
def scene(fail_points: FailPoints, proxy: Proxy, admin: MongoClient, stored: Things) -> Scene:
    """What the client under test depends on."""
    return Scene(fail_points, proxy, admin, stored)


Trouble = Callable[[Scene], AbstractAsyncContextManager[None]]


def answered(fault: Fault) -> Trouble:
    """The next request for events ends like that."""
    return lambda scene: scene.fail_points.on("getMore", fault)


@asynccontextmanager
async def cursor_killed(scene: Scene) -> AsyncGenerator[None]:
    """The server forgets the cursor."""
    found = await scene.admin.database("admin").aggregate(
        [
            {"$currentOp": {"allUsers": True, "idleCursors": True}},
            {"$match": {"cursor.originatingCommand.comment": COMMENT}},
            {"$project": {"cursor": "$cursor.cursorId"}},
        ]
    )
    database = scene.admin.database(scene.stored.namespace.database)
    await database.run_command({"killCursors": scene.stored.name, "cursors": [each["cursor"] for each in found]})
    yield


def reply_lost(fault: ReplyFault) -> Trouble:
    """The answer to the next request for events is lost on its way."""

    @asynccontextmanager
    async def lost(scene: Scene) -> AsyncGenerator[None]:
        scene.proxy.break_replies("getMore", fault)
        yield

    return lost


TROUBLES: dict[str, Trouble] = {
    "connection closed": answered(CLOSED),
    "interrupted at shutdown": answered(refused(11600, "ResumableChangeStreamError")),
    "no primary any more": answered(refused(10107, "ResumableChangeStreamError")),
    "cursor killed": cursor_killed,
    "answer swallowed": reply_lost(ReplyFault.SWALLOWED),
    "answer cut": reply_lost(ReplyFault.CUT),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_a_stream_in_trouble_tells_every_event_once_and_in_order(
    trouble: Trouble, far_things: Things, scene: Scene
) -> None:
    stored = scene.stored
    async with far_things.watch(options=WATCH) as stream:
        await write(stored, range(HALF))
        seen = await numbers_in(stream, HALF // 2)

        async with trouble(scene):
            await write(stored, range(HALF, ALL))
            seen += await numbers_in(stream, ALL - HALF // 2)

        assert seen == list(range(ALL))
        assert stream.resumes == 1


async def test_a_connection_that_breaks_while_a_stream_waits_costs_no_event(
    far_things: Things, stored: Things, proxy: Proxy, attempts: Attempts
) -> None:
    async with far_things.watch(options=WATCH) as stream:
        for turn in range(3):
            waiting = asyncio.create_task(numbers_in(stream, 5))
            await attempts.until("getMore", attempts.of("getMore") + 1)
            proxy.reset()
            await write(stored, range(turn * 5, turn * 5 + 5))

            assert await waiting == list(range(turn * 5, turn * 5 + 5))
        assert stream.resumes == 3


async def test_a_stream_goes_on_where_opening_it_again_fails_too(
    things: Things, stored: Things, fail_points: FailPoints, settings: ConfigSettings, attempts: Attempts
) -> None:
    broken = {"failCommands": ["getMore", "aggregate"], "appName": settings.get("app_name"), **CLOSED}
    async with things.watch(options=WATCH) as stream:
        await write(stored, range(HALF))
        # The driver itself asks twice each time.
        async with fail_points.named("failCommand", {"data": broken}, times=5):
            seen = await numbers_in(stream, HALF)

        assert seen == list(range(HALF))
        assert stream.resumes == 1
    assert attempts.of("aggregate") == 1 + 4 + 1


async def test_a_stream_that_is_cut_off_for_a_while_tells_every_event_once_and_in_order(
    far_things: Things, stored: Things, proxy: Proxy
) -> None:
    async with far_things.watch(options=WATCH) as stream:
        await write(stored, range(HALF))
        seen = await numbers_in(stream, HALF // 2)

        proxy.refuse()
        await write(stored, range(HALF, ALL))
        seen += await _until_nothing_comes(stream, timedelta(seconds=1.5))
        assert len(seen) < ALL
        await proxy.heal()

        seen += await numbers_in(stream, ALL - len(seen))
        assert seen == list(range(ALL))
        assert stream.resumes == 1


async def _until_nothing_comes(stream: ChangeStream[Any], timeout: timedelta) -> list[int]:
    """Take what is at hand, until there is no event for that long."""
    seen: list[int] = []
    while True:
        try:
            event = await stream.next(timeout=timeout)
        except OperationTimeoutError:
            return seen
        assert event is not None
        assert event.document_key is not None
        seen.append(event.document_key["_id"] - 1000)


async def test_a_stream_outlives_an_outage_longer_than_one_looks_for_a_server(
    far_things: Things, stored: Things, proxy: Proxy
) -> None:
    async with far_things.watch(options=WATCH) as stream:
        waiting = asyncio.create_task(numbers_in(stream, HALF))
        proxy.refuse()
        await write(stored, range(HALF))
        # For as long as three times a server is looked for in vain.
        await asyncio.wait((waiting,), timeout=3 * SELECTION.total_seconds())
        assert not waiting.done()
        await proxy.heal()

        assert await waiting == list(range(HALF))
        assert stream.resumes == 1


async def test_an_outage_longer_than_its_limit_is_told_and_the_next_call_tries_again(
    far_things: Things, stored: Things, proxy: Proxy
) -> None:
    options = ChangeStreamOptions(resume_limit=timedelta(seconds=1), max_await_time=timedelta(milliseconds=200))
    async with far_things.watch(options=options) as stream:
        proxy.refuse()
        started = time.monotonic()
        with pytest.raises(MongoConnectionError):
            await stream.next()
        assert time.monotonic() - started < 6
        assert stream.alive

        await write(stored, range(3))
        await proxy.heal()
        assert await numbers_in(stream, 3) == [0, 1, 2]


async def test_try_next_tells_of_an_outage_and_goes_on_later(far_things: Things, stored: Things, proxy: Proxy) -> None:
    async with far_things.watch(options=WATCH) as stream:
        proxy.refuse()
        with pytest.raises(MongoConnectionError):
            await stream.try_next()
        assert stream.alive

        await write(stored, range(3))
        await proxy.heal()
        assert await numbers_in(stream, 3) == [0, 1, 2]


async def test_a_stream_that_cannot_be_opened_says_so_at_once(far_things: Things, proxy: Proxy) -> None:
    await far_things.find_one({})
    proxy.refuse()
    stream = far_things.watch(options=WATCH)

    for call in (stream.open, stream.next):
        started = time.monotonic()
        with pytest.raises((ServerSelectionError, MongoConnectionError)):
            await call()
        assert time.monotonic() - started < 5 * SELECTION.total_seconds()

    await proxy.heal()
    async with stream:
        assert stream.resumes == 0


async def test_a_refusal_that_nothing_heals_is_told_for_good(things: Things, fail_points: FailPoints) -> None:
    async with things.watch(options=WATCH) as stream:
        async with fail_points.on("getMore", refused(96)):
            with pytest.raises(QueryError) as caught:
                await stream.next(timeout=PATIENCE)
        assert caught.value.code == 96
        assert not stream.alive
        with pytest.raises(QueryError):
            await stream.next(timeout=PATIENCE)


async def test_closing_does_not_wait_for_a_server_that_is_gone(far_things: Things, proxy: Proxy) -> None:
    stream = await far_things.watch(options=WATCH)
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    proxy.refuse()

    started = time.monotonic()
    await stream.aclose()

    assert await waiting is None
    assert time.monotonic() - started < 5 * SELECTION.total_seconds()
    await proxy.heal()
