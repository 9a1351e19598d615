from __future__ import annotations

import asyncio
import gc
from collections import deque
from contextlib import contextmanager
from datetime import timedelta

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import AutoReconnect, CursorNotFound

from llm_devops_mongodb.errors import CursorError, MongoConnectionError, OperationTimeoutError, TransactionError
from llm_devops_mongodb.transports.driver.cursors import CursorFrames, DocumentFrames, Reaper, TailableFrames, opened
from llm_devops_mongodb.transports.driver.deadlines import Deadline

END = StopAsyncIteration()


class Cursor:
    """A driver's cursor that gives batches; an exception in them is raised, `END` is the end of its data.

    While `gate` is shut a call to the server does not return.
    """

    def __init__(self, *batches, tailable=False, cursor_id=0, close_error=None):
        self.batches = deque(batches)
        self.tailable = tailable
        self.cursor_id = cursor_id
        self.close_error = close_error
        self.alive = True
        self.calls = 0
        self.closed = 0
        self.called = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.close_gate = asyncio.Event()
        self.close_gate.set()
        self.cancelled = False

    async def next(self):
        self.calls += 1
        self.called.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        batch = self.batches.popleft() if self.batches else END
        if batch is END:
            self.alive = self.tailable and bool(self.batches)
        if isinstance(batch, Exception):
            raise batch
        return batch

    async def to_list(self, length):
        documents = await self.next()
        assert len(documents) <= length
        return documents

    async def close(self):
        self.closed += 1
        self.alive = False
        await self.close_gate.wait()
        if self.close_error is not None:
            raise self.close_error


class Sessions:
    """Lends one session, or none, and remembers whether it is out."""

    def __init__(self, session=None):
        self.session = session
        self.out = False
        self.refuse = False
        self.killed = []

    @contextmanager
    def lent(self):
        if self.refuse:
            raise TransactionError("busy")
        self.out = True
        try:
            yield self.session
        finally:
            self.out = False


@pytest.fixture(autouse=True)
async def nothing_is_reported_to_the_loop():
    """A task whose exception nobody retrieved is told to the loop when it is collected."""
    loop = asyncio.get_running_loop()
    before, told = loop.get_exception_handler(), []
    loop.set_exception_handler(lambda _, context: told.append(context))
    yield
    gc.collect()
    loop.set_exception_handler(before)
    assert told == []


@pytest.fixture
async def reaper():
    reaper = Reaper()
    yield reaper
    await reaper.aclose(grace=1)


@pytest.fixture
def sessions():
    return Sessions()


@pytest.fixture
def frames_of(reaper, sessions):
    def frames_of(cursor, kind=CursorFrames, sessions=sessions):
        return kind(
            cursor,
            translate=lambda error, deadline: MongoConnectionError(f"translated {error}"),
            lent=sessions.lent,
            reaper=reaper,
            kill=kill,
        )

    async def kill(number):
        sessions.killed.append(number)

    return frames_of


async def cancelled_while_reading(frames, cursor):
    """Cancel a reader that waits for a batch; return once it has left."""
    cursor.gate.clear()
    reader = asyncio.create_task(frames.next())
    await cursor.called.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader


async def finished(reaper):
    await reaper.aclose(grace=1)


async def turns():
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


# Exhausted


async def test_batches_come_in_order_and_the_end_closes_the_cursor_once(frames_of):
    cursor = Cursor(b"one", b"two")
    frames = frames_of(cursor)
    assert [await frames.next() for _ in range(4)] == [b"one", b"two", None, None]
    assert (cursor.closed, cursor.calls) == (1, 3)


async def test_an_empty_batch_is_passed_over(frames_of):
    assert await frames_of(Cursor(b"", b"one")).next() == b"one"


async def test_closing_after_the_end_closes_no_second_time(frames_of):
    cursor = Cursor()
    frames = frames_of(cursor)
    assert await frames.next() is None
    await frames.aclose()
    assert cursor.closed == 1


async def test_the_session_is_lent_only_while_a_batch_is_asked_for(frames_of, sessions):
    cursor = Cursor(b"one")
    frames = frames_of(cursor)
    cursor.gate.clear()
    reader = asyncio.create_task(frames.next())
    await cursor.called.wait()
    assert sessions.out
    cursor.gate.set()
    await reader
    assert not sessions.out


# Failed


async def test_a_failure_is_translated_closes_the_cursor_and_stays(frames_of, sessions):
    lost = CursorNotFound("lost", 43)
    cursor = Cursor(b"one", lost, b"never")
    frames = frames_of(cursor)
    await frames.next()
    for _ in range(2):
        with pytest.raises(MongoConnectionError, match="translated lost") as raised:
            await frames.next()
        assert raised.value.__cause__ is lost
    await frames.aclose()
    assert (cursor.closed, cursor.calls) == (1, 2)
    assert not sessions.out


async def test_a_cursor_whose_connection_was_lost_is_killed_behind(frames_of, reaper, sessions):
    frames = frames_of(Cursor(AutoReconnect("cut"), cursor_id=7))
    with pytest.raises(MongoConnectionError):
        await frames.next()
    await finished(reaper)
    assert sessions.killed == [7]


async def test_a_cursor_that_was_never_opened_is_not_killed(frames_of, reaper, sessions):
    frames = frames_of(Cursor(AutoReconnect("cut")))
    with pytest.raises(MongoConnectionError):
        await frames.next()
    await finished(reaper)
    assert sessions.killed == []


async def test_a_deadline_ends_a_stream_for_good(frames_of):
    cursor = Cursor(b"one", b"two")
    frames = frames_of(cursor)
    frames.end_by(Deadline(timedelta(microseconds=1)))
    for _ in range(2):
        with pytest.raises(OperationTimeoutError, match="the limit of"):
            await frames.next()
    assert (cursor.calls, cursor.closed) == (0, 1)


async def test_each_request_of_a_tailable_cursor_has_the_whole_limit(frames_of):
    cursor = Cursor(b"one", END, b"two", tailable=True, cursor_id=1)
    frames = frames_of(cursor, TailableFrames)
    deadline = Deadline(timedelta(seconds=60))
    deadline._at = 0.0
    frames.end_by(deadline)
    assert [await frames.next(), await frames.next()] == [b"one", b"two"]


async def test_an_error_that_is_not_the_drivers_passes_and_the_stream_can_be_closed(frames_of):
    cursor = Cursor(RuntimeError("ours"), b"one")
    frames = frames_of(cursor)
    with pytest.raises(RuntimeError, match="ours"):
        await frames.next()
    assert await frames.next() == b"one"
    await frames.aclose()
    assert cursor.closed == 1


async def test_a_session_in_use_refuses_the_read_and_leaves_the_stream_as_it_was(frames_of, sessions):
    cursor = Cursor(b"one")
    frames = frames_of(cursor)
    sessions.refuse = True
    with pytest.raises(TransactionError):
        await frames.next()
    sessions.refuse = False
    assert await frames.next() == b"one"


@pytest.mark.parametrize("error", [AutoReconnect("cut"), RuntimeError("no")])
async def test_a_failing_close_is_swallowed(frames_of, error):
    cursor = Cursor(close_error=error)
    assert await frames_of(cursor).next() is None
    other = Cursor(close_error=error)
    await frames_of(other).aclose()
    assert (cursor.closed, other.closed) == (1, 1)


# Abandoned


async def test_a_stream_that_is_closed_gives_nothing_more(frames_of):
    cursor = Cursor(b"one", b"two")
    frames = frames_of(cursor)
    await frames.next()
    await frames.aclose()
    await frames.aclose()
    assert await frames.next() is None
    assert (cursor.closed, cursor.calls) == (1, 1)


async def test_a_cancelled_reader_leaves_at_once_and_the_cursor_is_closed_behind_it(frames_of, reaper):
    cursor = Cursor(b"one")
    await cancelled_while_reading(frames_of(cursor), cursor)
    assert cursor.closed == 0
    cursor.gate.set()
    await finished(reaper)
    assert cursor.closed == 1
    assert not cursor.cancelled


async def test_a_stream_whose_read_was_cancelled_has_not_come_to_its_end(frames_of, reaper):
    cursor = Cursor(b"one", b"two")
    frames = frames_of(cursor)
    await cancelled_while_reading(frames, cursor)
    for _ in range(2):
        with pytest.raises(CursorError, match="cancelled"):
            await frames.next()
    cursor.gate.set()
    await frames.aclose()
    await finished(reaper)
    assert (cursor.closed, cursor.calls) == (1, 1)


async def test_what_fails_behind_a_cancelled_reader_is_nobodys_concern(frames_of, reaper):
    cursor = Cursor(AutoReconnect("cut"), close_error=AutoReconnect("cut again"))
    await cancelled_while_reading(frames_of(cursor), cursor)
    cursor.gate.set()
    await finished(reaper)
    assert cursor.closed == 1


async def test_a_session_is_free_while_a_cancelled_read_is_finished_behind(frames_of, reaper):
    sessions = Sessions(session=object())
    cursor = Cursor(b"one")
    await cancelled_while_reading(frames_of(cursor, sessions=sessions), cursor)
    assert not sessions.out
    cursor.gate.set()
    await finished(reaper)
    assert not cursor.cancelled
    assert cursor.closed == 1


async def test_a_reader_cancelled_as_its_batch_arrives_still_has_its_cursor_closed(frames_of, reaper):
    cursor = Cursor(b"one", b"two")
    frames = frames_of(cursor)
    cursor.gate.clear()
    reader = asyncio.create_task(frames.next())
    await cursor.called.wait()
    cursor.gate.set()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await finished(reaper)
    assert cursor.closed == 1


async def test_a_close_that_is_cancelled_is_finished_behind(frames_of, reaper):
    cursor = Cursor(b"one", close_error=AutoReconnect("cut"))
    cursor.close_gate.clear()
    frames = frames_of(cursor)
    closing = asyncio.create_task(frames.aclose())
    await turns()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await frames.aclose()
    finishing = asyncio.create_task(finished(reaper))
    await turns()
    assert not finishing.done()
    cursor.close_gate.set()
    await finishing
    assert cursor.closed == 1


# Two tasks


async def test_a_second_reader_is_refused_and_the_first_gets_its_batch(frames_of):
    cursor = Cursor(b"one")
    frames = frames_of(cursor)
    cursor.gate.clear()
    first = asyncio.create_task(frames.next())
    await cursor.called.wait()
    with pytest.raises(CursorError, match="two tasks"):
        await frames.next()
    cursor.gate.set()
    assert await first == b"one"
    assert await frames.next() is None


async def test_closing_while_another_task_reads_lets_it_have_its_batch(frames_of, reaper):
    cursor = Cursor(b"one", b"two")
    frames = frames_of(cursor)
    cursor.gate.clear()
    reader = asyncio.create_task(frames.next())
    await cursor.called.wait()
    await frames.aclose()
    assert cursor.closed == 0
    cursor.gate.set()
    assert await reader == b"one"
    await finished(reaper)
    assert await frames.next() is None
    assert (cursor.closed, cursor.calls) == (1, 1)


# Tailable


async def test_a_tailable_cursor_is_asked_again_at_the_end_of_its_data(frames_of):
    cursor = Cursor(END, b"one", tailable=True)
    assert await frames_of(cursor, TailableFrames).next() == b"one"
    assert cursor.calls == 2


async def test_a_tailable_cursor_that_the_server_closed_has_come_to_its_end(frames_of):
    frames = frames_of(Cursor(b"one", tailable=True), TailableFrames)
    assert [await frames.next(), await frames.next(), await frames.next()] == [b"one", None, None]


async def test_a_tailable_cursor_that_was_lost_is_an_error(frames_of):
    cursor = Cursor(b"one", tailable=True, cursor_id=7)
    frames = frames_of(cursor, TailableFrames)
    await frames.next()
    for _ in range(2):
        with pytest.raises(CursorError, match="lost"):
            await frames.next()
    assert cursor.closed == 1


async def test_a_tailable_cursor_whose_reader_left_is_not_asked_again(frames_of, reaper):
    cursor = Cursor(*[END] * 1000, tailable=True)
    frames = frames_of(cursor, TailableFrames)
    await cancelled_while_reading(frames, cursor)
    cursor.gate.set()
    await finished(reaper)
    assert (cursor.closed, cursor.calls) == (1, 1)


async def test_closing_ends_the_wait_of_a_tailable_cursors_reader(frames_of, reaper):
    cursor = Cursor(*[END] * 1000, tailable=True, cursor_id=7)
    frames = frames_of(cursor, TailableFrames)
    reader = asyncio.create_task(frames.next())
    await cursor.called.wait()
    await frames.aclose()
    assert await reader is None
    await finished(reaper)
    assert cursor.closed == 1


# Documents where the driver has no batches


async def test_documents_are_joined_to_frames(frames_of):
    documents = [RawBSONDocument(bson.encode({"a": number})) for number in range(3)]
    frames = frames_of(Cursor(documents[:2], documents[2:], []), DocumentFrames)
    frame = await frames.next()
    assert bson.decode_all(frame) == [{"a": 0}, {"a": 1}]
    assert bson.decode_all(await frames.next()) == [{"a": 2}]


async def test_no_documents_are_the_end(frames_of):
    cursor = Cursor([])
    cursor.alive = False
    assert await frames_of(cursor, DocumentFrames).next() is None


# Opening


def opening_of(cursor, gate):
    async def opening():
        await gate.wait()
        if isinstance(cursor, Exception):
            raise cursor
        return cursor

    return opening()


async def cancelled_while_opening(cursor, reaper, gate, **options):
    """Cancel a caller that waits for its cursor to open; return what goes on opening it."""
    opening = asyncio.create_task(opening_of(cursor, gate))
    opener = asyncio.create_task(opened(opening, reaper, **options))
    await turns()
    opener.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opener
    return opening


@pytest.fixture
def gate():
    return asyncio.Event()


async def test_an_opened_cursor_is_returned(reaper, gate):
    gate.set()
    cursor = Cursor()
    assert await opened(opening_of(cursor, gate), reaper) is cursor
    assert cursor.closed == 0


async def test_a_cursor_that_does_not_open_raises(reaper, gate):
    gate.set()
    with pytest.raises(AutoReconnect):
        await opened(opening_of(AutoReconnect("cut"), gate), reaper)


async def test_a_cursor_that_opens_after_its_caller_left_is_closed(reaper, gate):
    cursor = Cursor(close_error=AutoReconnect("cut"))
    await cancelled_while_opening(cursor, reaper, gate)
    gate.set()
    await finished(reaper)
    assert cursor.closed == 1


async def test_a_cursor_that_fails_to_open_after_its_caller_left_is_nobodys_concern(reaper, gate):
    await cancelled_while_opening(AutoReconnect("cut"), reaper, gate)
    gate.set()
    await finished(reaper)


# The reaper


async def test_a_reaper_without_work_closes_at_once():
    await Reaper().aclose(grace=0)


async def test_a_reaper_finishes_its_work_before_it_closes(gate):
    reaper, done = Reaper(), []

    async def work():
        await gate.wait()
        done.append(1)

    reaper.adopt(work())
    asyncio.get_running_loop().call_soon(gate.set)
    await reaper.aclose(grace=10)
    assert done == [1]


async def test_work_that_comes_in_while_a_reaper_closes_is_finished_too(gate):
    reaper, done = Reaper(), []

    async def later():
        await turns()
        done.append("later")

    async def work():
        await gate.wait()
        reaper.adopt(later())
        done.append("work")

    reaper.adopt(work())
    asyncio.get_running_loop().call_soon(gate.set)
    await reaper.aclose(grace=10)
    assert done == ["work", "later"]


async def test_work_that_takes_too_long_is_cancelled_with_the_call_it_waits_for(frames_of, reaper):
    cursor = Cursor(b"one")
    await cancelled_while_reading(frames_of(cursor), cursor)
    await reaper.aclose(grace=0)
    assert cursor.cancelled


async def test_an_opening_that_takes_too_long_is_cancelled(reaper, gate):
    opening = await cancelled_while_opening(Cursor(), reaper, gate)
    await reaper.aclose(grace=0)
    assert opening.cancelled()
