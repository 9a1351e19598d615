"""How a stream is opened, read and closed."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from llm_devops_mongodb import (
    ChangeStream,
    CursorError,
    DeserializationError,
    InvalidDocumentError,
    OperationTimeoutError,
    OperationType,
)
from tests.unit.change_streams.scripted import (
    ScriptedCursor,
    ScriptedTransport,
    batch,
    broken,
    event,
    places,
    stream_of,
    stream_over,
    token,
    until,
)

SHORT = timedelta(milliseconds=5)
MISFIT = event(2, fullDocument={"_id": 2, "n": "two"})


class Item(msgspec.Struct):
    n: int
    id: int = msgspec.field(name="_id")


async def test_nothing_is_asked_before_it_is_opened() -> None:
    transport = ScriptedTransport(ScriptedCursor(batch()))
    stream = stream_of(transport)

    assert transport.opened == []
    assert stream.alive
    await stream.aclose()


@pytest.mark.parametrize("opened", ["entered", "awaited", "awaited and entered", "opened twice", "read"])
async def test_it_opens_once_however_it_is_opened(opened: str) -> None:
    transport = ScriptedTransport(ScriptedCursor(batch(event(1))))
    stream = stream_of(transport)

    match opened:
        case "entered":
            async with stream as entered:
                assert entered is stream
        case "awaited":
            assert await stream is stream
        case "awaited and entered":
            async with await stream:
                pass
        case "opened twice":
            assert await (await stream.open()).open() is stream
        case _:
            await stream.next()

    assert len(transport.opened) == 1


async def test_next_waits_through_batches_without_events() -> None:
    stream = stream_over(batch(), batch(after=1), batch(after=2), batch(event(3)))

    seen = await stream.next()

    assert seen is not None
    assert seen.id == token(3)


async def test_next_without_an_event_in_time_says_so_and_the_stream_goes_on() -> None:
    gate = asyncio.Event()
    cursor = ScriptedCursor(batch(), gate, batch(event(1)))
    stream = stream_of(ScriptedTransport(cursor))

    for _ in range(3):
        with pytest.raises(OperationTimeoutError) as caught:
            await stream.next(timeout=SHORT)
        assert caught.value.timeout == SHORT
        assert stream.alive
    gate.set()

    assert places([await stream.next(timeout=timedelta(seconds=5))]) == [1]
    assert cursor.asked == 2
    assert stream.resumes == 0


async def test_a_limit_around_next_is_not_taken_for_its_own() -> None:
    stream = stream_over(batch())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005):
            await stream.next()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005):
            await stream.next(timeout=timedelta(seconds=5))


@pytest.mark.parametrize("timeout", [timedelta(), timedelta(seconds=-1), 1])
async def test_a_limit_that_is_none_is_refused(timeout: Any) -> None:
    with pytest.raises(InvalidDocumentError):
        await stream_over(batch()).next(timeout=timeout)


async def test_try_next_makes_one_request_and_takes_what_there_is() -> None:
    cursor = ScriptedCursor(batch(), batch(after=1), batch(event(2), event(3)), batch())
    stream = await stream_of(ScriptedTransport(cursor))

    seen = []
    asked = []
    for _ in range(4):
        seen.append(await stream.try_next())
        asked.append(cursor.asked)

    assert [event and event.document_key for event in seen] == [None, {"_id": 2}, {"_id": 3}, None]
    assert asked == [2, 3, 3, 4]


async def test_next_batch_gives_what_is_at_hand_and_then_asks_once() -> None:
    cursor = ScriptedCursor(batch(), batch(event(1), event(2), event(3)), batch(after=4), batch(event(5)))
    stream = await stream_of(ScriptedTransport(cursor))

    first = await stream.next()
    rest = await stream.next_batch()

    assert places([first]) == [1]
    assert places(rest) == [2, 3]
    assert await stream.next_batch() == []
    assert places(await stream.next_batch()) == [5]


async def test_iteration_gives_every_event_until_the_stream_ends() -> None:
    stream = stream_over(batch(event(1)), batch(event(2), event(3, "invalidate"), is_last=True), None)

    assert [event.operation async for event in stream] == ["insert", "insert", "invalidate"]

    assert not stream.alive
    assert await stream.next() is None
    assert await stream.try_next() is None
    assert await stream.next_batch() == []


@pytest.mark.parametrize("iterated", [lambda stream: stream, lambda stream: stream.into_stream()], ids=["it", "into"])
async def test_a_loop_that_is_left_closes_a_stream_that_nobody_holds(
    iterated: Callable[[ChangeStream[Any]], Any],
) -> None:
    cursor = ScriptedCursor(batch(event(1), event(2)))

    async for _ in iterated(stream_of(ScriptedTransport(cursor))):
        break
    gc.collect()

    await until(lambda: cursor.closed == 1)


async def test_a_loop_that_is_left_leaves_a_stream_open_that_is_held() -> None:
    cursor = ScriptedCursor(batch(event(1), event(2)))
    async with stream_of(ScriptedTransport(cursor)) as stream:
        async for _ in stream:
            break
        async for second in stream:
            assert places([second]) == [2]
            break
        assert cursor.closed == 0

    assert cursor.closed == 1


async def test_two_readers_are_refused_and_the_first_reads_on() -> None:
    gate = asyncio.Event()
    stream = stream_over(batch(), gate, batch(event(1)))
    first = asyncio.create_task(stream.next())
    await asyncio.sleep(0)

    calls: list[Callable[[], Awaitable[object]]] = [stream.next, stream.try_next, stream.next_batch, stream.resume]
    for call in calls:
        with pytest.raises(CursorError, match="two tasks"):
            await call()
    gate.set()

    assert places([await first]) == [1]
    assert stream.alive


async def test_an_unknown_kind_of_on_error_is_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="on_error"):
        stream_over(on_error="ignore")


async def test_a_document_that_does_not_fit_is_told_by_its_event() -> None:
    stream = stream_over(batch(event(1), MISFIT, event(3)), kind=Item)

    first, second, third = [await stream.next() for _ in range(3)]

    assert first is not None
    assert second is not None
    assert third is not None
    assert first.full_document == Item(1, 1)
    assert first.error is None
    assert second.full_document is None
    assert second.error is not None
    assert second.error.document_id == 2
    assert second.error.path == "n"
    assert second.error.namespace == "shop.items"
    assert "two" not in str(second.error)
    assert third.full_document == Item(3, 3)


async def test_a_document_that_does_not_fit_is_raised_and_the_stream_goes_on() -> None:
    stream = stream_over(batch(event(1), MISFIT, event(3)), kind=Item, on_error="raise")
    await stream.next()

    with pytest.raises(DeserializationError):
        await stream.next()

    assert stream.resume_token == token(2)
    assert places([await stream.next()]) == [3]


async def test_a_document_that_does_not_fit_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    stream = stream_over(batch(event(1), MISFIT, event(3)), kind=Item, on_error="skip")

    with caplog.at_level(logging.WARNING, logger="llm_devops_mongodb"):
        assert places([await stream.next(), await stream.next()]) == [1, 3]

    (record,) = caplog.records
    assert "skipped" in record.getMessage()
    assert "two" not in record.getMessage()


async def test_next_batch_raises_what_does_not_fit_by_itself() -> None:
    stream = stream_over(batch(event(1), MISFIT, event(3)), kind=Item, on_error="raise")

    assert places(await stream.next_batch()) == [1]
    assert stream.resume_token == token(1)
    with pytest.raises(DeserializationError):
        await stream.next_batch()
    assert stream.resume_token == token(2)
    assert places(await stream.next_batch()) == [3]


@pytest.mark.parametrize(("on_error", "given"), [("event", [1, 2, 3]), ("skip", [1, 3])])
async def test_next_batch_passes_what_does_not_fit(on_error: str, given: list[int]) -> None:
    stream = stream_over(batch(event(1), MISFIT, event(3), after=4), kind=Item, on_error=on_error)

    assert places(await stream.next_batch()) == given
    assert stream.resume_token == token(4)


async def test_a_batch_of_nothing_that_fits_is_passed_by_try_next() -> None:
    stream = await stream_over(batch(), batch(MISFIT, after=4), batch(event(5)), kind=Item, on_error="skip")

    assert await stream.try_next() is None
    assert stream.resume_token == token(4)
    assert places([await stream.try_next()]) == [5]


@pytest.mark.parametrize("read", [ChangeStream.next, ChangeStream.try_next, ChangeStream.next_batch])
async def test_an_event_without_an_id_ends_the_stream_and_nothing_after_it_is_given(
    read: Callable[[ChangeStream[Any]], Awaitable[object]],
) -> None:
    nameless = event(2)
    del nameless["_id"]
    stream = stream_over(batch(), batch(nameless, *(event(place, pad="x" * 1000) for place in range(3, 300))))

    for _ in range(3):
        with pytest.raises(CursorError, match="_id"):
            await read(await stream)

    assert not stream.alive


async def test_a_request_that_is_left_under_way_is_finished_and_its_failure_not_complained_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = asyncio.Event()
    transport = ScriptedTransport(ScriptedCursor(batch(), gate, broken()))
    stream = stream_of(transport)
    with pytest.raises(OperationTimeoutError):
        await stream.next(timeout=SHORT)

    gone = weakref.ref(stream)
    del stream
    gate.set()
    await until(lambda: gc.collect() >= 0 and gone() is None)

    assert [record.getMessage() for record in caplog.records] == []


async def test_closing_ends_a_wait() -> None:
    cursor = ScriptedCursor(batch())
    stream = stream_of(ScriptedTransport(cursor))
    waiting = asyncio.create_task(stream.next())
    await until(lambda: cursor.asked == 2)

    await stream.aclose()

    assert await waiting is None
    assert cursor.closed == 1
    assert not stream.alive


async def test_closing_ends_a_loop() -> None:
    cursor = ScriptedCursor(batch(event(1)))
    stream = stream_of(ScriptedTransport(cursor))

    async def read() -> list[Any]:
        return [event async for event in stream]

    reading = asyncio.create_task(read())
    await until(lambda: cursor.asked == 2)
    await stream.aclose()

    assert places(await reading) == [1]


async def test_closing_ends_a_stream_that_is_being_opened() -> None:
    opening = asyncio.Event()

    class Slow(ScriptedTransport):
        async def handle(self, operation: Any) -> Any:
            opening.set()
            await asyncio.Event().wait()

    stream = stream_of(Slow())
    waiting = asyncio.create_task(stream.next())
    await opening.wait()

    await stream.aclose()

    assert await waiting is None


async def test_closing_twice_closes_once() -> None:
    cursor = ScriptedCursor(batch(event(1), event(2)))
    stream = await stream_of(ScriptedTransport(cursor))

    await asyncio.gather(stream.aclose(), stream.aclose())
    await stream.aclose()

    assert cursor.closed == 1
    assert await stream.next() is None
    assert await stream.try_next() is None
    assert await stream.next_batch() == []
    assert [event async for event in stream] == []


async def test_a_cancelled_closing_is_done_behind_the_back() -> None:
    gate = asyncio.Event()

    class Reluctant(ScriptedCursor):
        async def aclose(self) -> None:
            await gate.wait()
            await super().aclose()

    cursor = Reluctant(batch())
    stream = await stream_of(ScriptedTransport(cursor))
    closing = asyncio.create_task(stream.aclose())
    await asyncio.sleep(0)

    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not stream.alive
    gate.set()
    await stream.aclose()

    assert cursor.closed == 1


async def test_a_stream_that_was_never_opened_is_closed_without_a_request() -> None:
    transport = ScriptedTransport()
    stream = stream_of(transport)

    await stream.aclose()

    assert transport.opened == []
    assert await stream.next() is None


async def test_what_is_at_hand_is_gone_when_it_is_closed_and_the_place_is_before_it() -> None:
    stream = stream_over(batch(event(1), event(2), after=3))
    await stream.next()

    await stream.aclose()

    assert await stream.next() is None
    assert stream.resume_token == token(1)


async def test_a_closed_stream_is_not_resumed() -> None:
    stream = await stream_over(batch())
    await stream.aclose()

    with pytest.raises(CursorError, match="closed"):
        await stream.resume()


async def test_resuming_goes_on_after_the_last_event_that_was_given_out() -> None:
    old = ScriptedCursor(batch(event(1), event(2)))
    stream = stream_of(ScriptedTransport(old, ScriptedCursor(batch(event(2), event(3)))))
    await stream.next()

    await stream.resume()

    assert old.closed == 1
    assert places([await stream.next(), await stream.next()]) == [2, 3]
    assert stream.resumes == 1


async def test_resuming_revives_a_stream_that_failed() -> None:
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1)), CursorError("killed", code=237)), ScriptedCursor(batch(event(2)))
    )
    stream = stream_of(transport)
    await stream.next()
    with pytest.raises(CursorError):
        await stream.next()
    assert not stream.alive

    await stream.resume()

    assert stream.alive
    assert places([await stream.next()]) == [2]


async def test_resuming_drops_a_request_under_way() -> None:
    old = ScriptedCursor(batch())
    stream = stream_of(ScriptedTransport(old, ScriptedCursor(batch(event(1)))))
    with pytest.raises(OperationTimeoutError):
        await stream.next(timeout=SHORT)

    await stream.resume()

    assert old.closed == 1
    assert places([await stream.next()]) == [1]


async def test_resuming_after_an_invalidate_gives_events_again() -> None:
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1, "invalidate"), is_last=True), None), ScriptedCursor(batch(event(2)))
    )
    stream = stream_of(transport)
    assert [event.operation async for event in await stream] == [OperationType.INVALIDATE]

    await stream.resume()

    assert places([await stream.next()]) == [2]


async def test_a_damaged_batch_ends_the_stream() -> None:
    whole = batch(event(1))
    torn = type(whole)(whole.frame[:-3], None)
    stream = await stream_over(batch(), torn)

    for _ in range(2):
        with pytest.raises(DeserializationError):
            await stream.next()

    assert not stream.alive
