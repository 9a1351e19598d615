"""What a stream survives, and how patiently it tries again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from llm_devops_mongodb import (
    AuthenticationError,
    ChangeStreamOptions,
    ClientStateError,
    CursorError,
    HistoryLostError,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    QueryError,
    ResumeTokenError,
    ServerSelectionError,
    TlsError,
)
from llm_devops_mongodb.change_streams.outage import RESUMABLE, Outage, is_resumable
from tests.unit.change_streams.scripted import (
    Pauses,
    ScriptedCursor,
    ScriptedTransport,
    batch,
    broken,
    cut_off,
    event,
    stream_of,
)

SURVIVED: list[MongoError] = [
    MongoConnectionError("broken"),
    ServerSelectionError("nobody there", timeout=timedelta(seconds=1)),
    OperationTimeoutError("late", timeout=timedelta(seconds=1)),
    CursorError("not found", code=43),
    QueryError("shutting down", code=11600, labels={RESUMABLE}),
    QueryError("overloaded", labels={"SystemOverloadedError", "RetryableError"}),
]
FATAL: list[MongoError] = [
    HistoryLostError("gone", code=286),
    HistoryLostError("gone", code=286, labels={RESUMABLE}),
    ResumeTokenError("bad", code=260),
    TlsError("no certificate"),
    ClientStateError("closed"),
    AuthenticationError("refused", code=18),
    QueryError("no such option", code=40415),
    CursorError("killed", code=237),
    QueryError("no", code=11600, labels={RESUMABLE, "NonResumableChangeStreamError"}),
]


def named(error: MongoError) -> str:
    """A name for a case."""
    return f"{type(error).__name__}-{error.code}-{'-'.join(sorted(error.labels))}"


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("error", SURVIVED, ids=named)
def test_it_survives(error: MongoError) -> None:
    assert is_resumable(error)


@pytest.mark.parametrize("error", FATAL, ids=named)
def test_it_does_not_survive(error: MongoError) -> None:
    assert not is_resumable(error)


async def test_the_first_attempt_is_made_at_once_and_the_pauses_double_up_to_a_bound() -> None:
    pauses = Pauses()
    outage = Outage(jitter=lambda: 1.0, pause=pauses)

    for _ in range(20):
        assert outage.met()
        await outage.wait()

    assert pauses.seconds[:7] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert pauses.seconds[7:] == [5.0] * 12


async def test_chance_shortens_the_pauses() -> None:
    pauses = Pauses()
    outage = Outage(jitter=lambda: 0.5, pause=pauses)

    for _ in range(3):
        outage.met()
        await outage.wait()

    assert pauses.seconds == [0.05, 0.1]


async def test_an_outage_that_is_over_is_forgotten() -> None:
    pauses = Pauses()
    outage = Outage(jitter=lambda: 1.0, pause=pauses)
    for _ in range(5):
        outage.met()
    outage.is_over()

    outage.met()
    await outage.wait()

    assert pauses.seconds == []


def test_an_outage_is_too_long_when_its_limit_is_over_and_then_begins_anew() -> None:
    clock = Clock()
    outage = Outage(timedelta(seconds=10), clock=clock)

    told = []
    for now in (100.0, 105.0, 110.0, 110.1, 115.0, 120.0, 125.1):
        clock.now = now
        told.append(outage.met())

    assert told == [True, True, True, False, True, True, False]


async def test_a_stream_goes_on_after_each_failure_and_counts_them() -> None:
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1)), broken()),
        ScriptedCursor(batch(), cut_off()),
        broken(),
        broken(),
        ScriptedCursor(batch(event(2)), broken()),
        ScriptedCursor(batch(event(3))),
    )
    stream = stream_of(transport)

    seen = [await stream.next() for _ in range(3)]

    assert [event.document_key for event in seen if event] == [{"_id": 1}, {"_id": 2}, {"_id": 3}]
    assert stream.resumes == 3
    assert len(transport.opened) == 6


async def test_a_stream_that_is_told_things_pauses_no_longer_than_at_first() -> None:
    pauses = Pauses()
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1)), broken()),
        *(ScriptedCursor(batch(event(place)), broken()) for place in range(2, 9)),
        ScriptedCursor(batch(event(9))),
    )
    stream = stream_of(transport, outage=Outage(pause=pauses))

    for _ in range(9):
        await stream.next()

    assert pauses.seconds == []


async def test_a_stream_that_opens_and_breaks_at_once_pauses_longer_and_longer() -> None:
    pauses = Pauses()
    cursors = [ScriptedCursor(batch(), broken()) for _ in range(4)]
    stream = stream_of(
        ScriptedTransport(*cursors, ScriptedCursor(batch(event(1)))),
        outage=Outage(jitter=lambda: 1.0, pause=pauses),
    )

    await stream.next()

    assert pauses.seconds == [0.1, 0.2, 0.4]


async def test_past_the_limit_next_raises_and_the_next_call_tries_again() -> None:
    clock = Clock()

    async def pause(seconds: float) -> None:
        clock.now += 4

    transport = ScriptedTransport(
        ScriptedCursor(batch(), broken()), *(broken() for _ in range(3)), ScriptedCursor(batch(event(1)))
    )
    options = ChangeStreamOptions(resume_limit=timedelta(seconds=5))
    stream = stream_of(transport, options, outage=Outage(options.resume_limit, clock=clock, pause=pause))

    with pytest.raises(MongoConnectionError):
        await stream.next()

    assert stream.alive
    assert await stream.next() is not None


@pytest.mark.parametrize("error", FATAL, ids=named)
async def test_a_stream_that_fails_for_good_says_so_each_time(error: MongoError) -> None:
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(event(1)), error)))
    await stream.next()

    for call in (stream.next, stream.try_next, stream.next_batch, stream.next):
        with pytest.raises(type(error)):
            await call()
    with pytest.raises(type(error)):
        [event async for event in stream]

    assert not stream.alive


async def test_a_stream_that_cannot_be_opened_again_fails_for_good() -> None:
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(), broken()), HistoryLostError("gone", code=286)))

    for _ in range(2):
        with pytest.raises(HistoryLostError):
            await stream.next()


@pytest.mark.parametrize("error", [broken(), cut_off(), *FATAL], ids=named)
async def test_the_failure_of_the_first_opening_is_told_at_once(error: MongoError) -> None:
    transport = ScriptedTransport(error, error, error, error)
    stream = stream_of(transport)

    for call in (stream.next, stream.try_next, stream.next_batch, stream.open):
        with pytest.raises(type(error)):
            await call()

    assert len(transport.opened) == 4
    assert stream.resumes == 0


async def test_a_stream_that_did_not_open_may_be_opened_later() -> None:
    stream = stream_of(ScriptedTransport(broken(), ScriptedCursor(batch(event(1)))))
    with pytest.raises(MongoConnectionError):
        await stream.open()

    assert await stream.next() is not None


async def test_one_request_that_takes_too_long_is_told_and_the_stream_goes_on() -> None:
    late = OperationTimeoutError("late", timeout=timedelta(seconds=1))
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(event(1)), late), ScriptedCursor(batch(event(2)))))
    await stream.next()

    with pytest.raises(OperationTimeoutError):
        await stream.next()

    assert stream.alive
    assert await stream.next() is not None
    assert stream.resumes == 1


async def test_try_next_goes_on_once_and_then_tells_what_failed() -> None:
    transport = ScriptedTransport(
        ScriptedCursor(batch(), broken()),
        ScriptedCursor(batch(event(1)), broken()),
        broken(),
        ScriptedCursor(batch(event(2))),
    )
    stream = stream_of(transport)

    assert await stream.try_next() is not None
    with pytest.raises(MongoConnectionError):
        await stream.try_next()

    assert stream.alive
    assert await stream.try_next() is not None
    assert stream.resumes == 2
