"""A stream that is cut off never looks like one that ended, and leaves no cursor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llm_devops_mongodb import (
    CursorError,
    DocumentStream,
    FindOptions,
    MongoClient,
    MongoConnectionError,
    MongoError,
    QueryError,
)
from llm_devops_mongodb.options import AggregateOptions
from llm_devops_mongodb.testing import MongoServer
from llm_devops_mongodb.testing.leaks import count_resources
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, CLOSED, FailPoints, Fault, refused
from tests.faults.operations import SEED, Things
from tests.faults.proxy import Proxy, ReplyFault

Stream = DocumentStream[dict[str, Any]]
Opening = Callable[[Things], Stream]
Leaving = Callable[[Stream], Awaitable[None]]

COMMENT = "a stream under test"
OPENINGS: list[Opening] = [
    lambda things: things.find_stream({}, FindOptions(batch_size=2, sort="_id", comment=COMMENT)),
    lambda things: things.aggregate_stream([{"$sort": {"_id": 1}}], AggregateOptions(batch_size=2, comment=COMMENT)),
]
ON_OPENINGS = pytest.mark.parametrize("opening", OPENINGS, ids=["find", "aggregate"])


async def first_batch(stream: Stream) -> None:
    """Read what came with the first reply."""
    assert [await stream.next(), await stream.next()] == SEED[:2]


async def failure_of(stream: Stream) -> MongoError:
    """Ask for the next document, which must fail for good, and return how."""
    with pytest.raises(MongoError) as caught:
        await stream.next()
    for _ in range(2):
        with pytest.raises(type(caught.value)):
            await stream.next()
    with pytest.raises(type(caught.value)):
        [document async for document in stream]
    return caught.value


@ON_OPENINGS
async def test_a_killed_cursor_is_told_and_is_no_end(opening: Opening, things: Things, admin: MongoClient) -> None:
    async with opening(things) as stream:
        await first_batch(stream)
        await _kill_cursor(admin, things)

        failure = await failure_of(stream)

    assert isinstance(failure, CursorError)
    assert failure.code == 43
    assert failure.code_name == "CursorNotFound"


@ON_OPENINGS
async def test_a_connection_that_breaks_under_a_stream_is_told_and_is_no_end(
    opening: Opening, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with opening(things) as stream:
        await first_batch(stream)
        async with fail_points.on("getMore", CLOSED):
            failure = await failure_of(stream)

    assert isinstance(failure, (CursorError, MongoConnectionError))
    assert attempts.of("getMore") == 1


@ON_OPENINGS
@pytest.mark.parametrize("fault", [ReplyFault.SWALLOWED, ReplyFault.CUT], ids=lambda fault: fault.name.lower())
async def test_a_batch_that_is_lost_on_its_way_is_told_and_is_no_end(
    opening: Opening, fault: ReplyFault, far_things: Things, proxy: Proxy, attempts: Attempts
) -> None:
    async with opening(far_things) as stream:
        await first_batch(stream)
        proxy.break_replies("getMore", fault)

        failure = await failure_of(stream)

    assert isinstance(failure, (CursorError, MongoConnectionError))
    assert attempts.of("getMore") == 1


@ON_OPENINGS
@pytest.mark.parametrize("fault", [refused(96), refused(280), refused(10107)], ids=["96", "280", "10107"])
async def test_a_batch_that_is_refused_is_told_and_is_no_end(
    opening: Opening, fault: Fault, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with opening(things) as stream:
        await first_batch(stream)
        async with fail_points.on("getMore", fault):
            failure = await failure_of(stream)

    assert failure.code == fault["errorCode"]
    assert failure.outcome is None
    assert attempts.of("getMore") == 1


async def test_a_cursor_that_is_refused_after_it_was_found_is_told(things: Things, fail_points: FailPoints) -> None:
    async with OPENINGS[0](things) as stream:
        await first_batch(stream)
        async with fail_points.named("failGetMoreAfterCursorCheckout", {"data": {"errorCode": 280}}, times=1):
            failure = await failure_of(stream)

    assert isinstance(failure, QueryError)
    assert failure.code == 280


async def _break(stream: Stream) -> None:
    async for _ in stream:
        break


async def _fail(stream: Stream) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async for _ in stream:
            raise ZeroDivisionError


async def _give_up(stream: Stream) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            async for _ in stream:
                await asyncio.Event().wait()


@ON_OPENINGS
@pytest.mark.parametrize("leave", [_break, _fail, _give_up])
async def test_a_stream_that_is_left_gives_its_cursor_back(
    opening: Opening, leave: Leaving, things: Things, server: MongoServer
) -> None:
    before = await count_resources(server.uri)

    async with opening(things) as stream:
        await leave(stream)
    await leave(opening(things))

    await _until_no_cursor_since(before.cursors, server)


@ON_OPENINGS
async def test_a_reader_that_is_cancelled_while_it_waits_gives_its_cursor_back(
    opening: Opening, things: Things, server: MongoServer, fail_points: FailPoints, attempts: Attempts
) -> None:
    before = await count_resources(server.uri)
    stream = opening(things)
    await first_batch(stream)

    async with fail_points.on("getMore", BLOCKED):
        reading = asyncio.create_task(stream.next())
        await attempts.until("getMore")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    await _until_no_cursor_since(before.cursors, server)
    assert isinstance(await failure_of(stream), CursorError)


async def _until_no_cursor_since(before: int, server: MongoServer) -> None:
    async with asyncio.timeout(2):
        while (await count_resources(server.uri)).cursors > before:
            pass


async def _kill_cursor(admin: MongoClient, things: Things) -> None:
    (found,) = await admin.database("admin").aggregate(
        [
            {"$currentOp": {"allUsers": True, "idleCursors": True}},
            {"$match": {"cursor.originatingCommand.comment": COMMENT}},
            {"$project": {"cursor": "$cursor.cursorId"}},
        ]
    )
    database = admin.database(things.namespace.database)
    await database.run_command({"killCursors": things.name, "cursors": [found["cursor"]]})
