"""A reader may be cancelled, cut short and disturbed at any moment: every event comes once and in its order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_devops_mongodb import ChangeStream, ChangeStreamOptions, MongoError, OperationTimeoutError
from llm_devops_mongodb.operations import Watch
from llm_devops_mongodb.replies import ChangeBatch, ChangeStreamReply
from tests.unit.change_streams.scripted import (
    OPENED_AT,
    ScriptedCursor,
    ScriptedTransport,
    batch,
    broken,
    cut_off,
    document_of,
    event,
    fragment,
    places,
    stream_of,
    stream_over,
    until,
)

READS: list[Callable[[ChangeStream[Any]], Awaitable[Any]]] = [
    ChangeStream.next,
    ChangeStream.try_next,
    ChangeStream.next_batch,
    lambda stream: anext(aiter(stream)),
]
ON_READS = pytest.mark.parametrize("read", READS, ids=["next", "try_next", "next_batch", "iteration"])

EVENTS = 30
PIECES = 3


async def cancelled(work: Awaitable[Any], *, after: int) -> list[Any]:
    """Cancel `work` after so many turns of the event loop, and return what it gave if it was quicker."""
    task = asyncio.ensure_future(work)
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    if task.cancelled() or isinstance(task.exception(), MongoError):
        return []
    result = task.result()
    return result if isinstance(result, list) else [result] if result is not None else []


@ON_READS
async def test_a_cancelled_read_leaves_its_request_for_the_next(
    read: Callable[[ChangeStream[Any]], Awaitable[Any]],
) -> None:
    gate = asyncio.Event()
    cursor = ScriptedCursor(batch(), gate, batch(event(1)))
    async with stream_of(ScriptedTransport(cursor)) as stream:
        for _ in range(3):
            reading = asyncio.ensure_future(read(stream))
            await until(lambda: cursor.asked == 2)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        gate.set()

        assert places([await stream.next()]) == [1]
        assert cursor.asked == 2


async def test_a_read_cancelled_while_the_answer_is_there_does_not_lose_it() -> None:
    stream = await stream_over(batch(), batch(event(1)))

    for after in range(8):
        if taken := await cancelled(stream.next(), after=after):
            break

    assert places(taken) == [1]


async def test_an_opening_that_is_cancelled_is_taken_by_the_next_call() -> None:
    transport = ScriptedTransport(ScriptedCursor(batch(event(1))))
    stream = stream_of(transport)

    assert await cancelled(stream.open(), after=1) == []

    assert places([await stream.next()]) == [1]
    assert len(transport.opened) == 1


async def test_an_opening_that_fails_behind_a_reader_is_told_to_the_next() -> None:
    stream = stream_of(ScriptedTransport(broken(), ScriptedCursor(batch(event(1)))))
    assert await cancelled(stream.next(), after=1) == []

    with pytest.raises(MongoError):
        await stream.next()

    assert places([await stream.next()]) == [1]


@pytest.mark.parametrize("way", ["entered", "awaited"])
async def test_an_opening_that_is_cancelled_leaves_nothing_open_where_nobody_has_the_stream(way: str) -> None:
    gate = asyncio.Event()
    cursor = ScriptedCursor(gate, batch(event(1)))

    async def enter() -> None:
        if way == "awaited":
            await stream_of(ScriptedTransport(cursor))
        async with stream_of(ScriptedTransport(cursor)):
            pass

    entering = asyncio.create_task(enter())
    await until(lambda: cursor.asked == 1)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering

    assert cursor.closed == 1


@pytest.mark.parametrize("way", ["resume", "aclose"])
async def test_a_cancelled_resume_may_be_followed_by_anything(way: str) -> None:
    for after in range(6):
        cursors = [ScriptedCursor(batch(event(1), event(2))), *(ScriptedCursor(batch(event(2))) for _ in range(3))]
        stream = stream_of(ScriptedTransport(*cursors))
        await stream.next()

        await cancelled(stream.resume(), after=after)
        if way == "resume":
            await stream.resume()
            assert places([await stream.next()]) == [2]
        await stream.aclose()

        assert all(cursor.closed for cursor in cursors if cursor.asked)


async def test_a_reader_cancelled_in_a_pause_goes_on_later() -> None:
    pausing = asyncio.Event()

    class Endless:
        """An outage whose pauses do not end."""

        def met(self) -> bool:
            return True

        def is_over(self) -> None:
            pass

        async def wait(self) -> None:
            pausing.set()
            await asyncio.Event().wait()

    transport = ScriptedTransport(ScriptedCursor(batch(event(1)), broken()), ScriptedCursor(batch(event(2))))
    stream = stream_of(transport, outage=Endless())  # type: ignore[arg-type]
    await stream.next()
    waiting = asyncio.create_task(stream.next())
    await pausing.wait()
    waiting.cancel()
    await asyncio.wait((waiting,))

    assert places([await stream.next()]) == [2]


class Deployment:
    """Has a history of events, and gives it from wherever a stream begins, disturbed as it is told.

    Args:
        faults: What comes of each request in turn: a number of events, or what fails; then all goes well.
        pieces: Cut every event in pieces.
    """

    def __init__(self, faults: list[int | str], *, pieces: bool) -> None:
        self._faults = iter(faults)
        self._pieces = pieces

    async def handle(self, operation: Any) -> ChangeStreamReply:
        assert isinstance(operation, Watch)
        await asyncio.sleep(0)
        fault = next(self._faults, 1)
        if fault == "broken":
            raise broken()
        options = operation.options
        after = options.resume_after or options.start_after
        begin = 0.0 if after is None else float(after.as_document()["_data"])
        return ChangeStreamReply(History(begin, self._faults, pieces=self._pieces), OPENED_AT)

    async def aclose(self) -> None:
        """Nothing is open."""


class History:
    """A cursor on the history, from a place on."""

    def __init__(self, begin: float, faults: Any, *, pieces: bool) -> None:
        self._faults = faults
        history = [piece for place in range(1, EVENTS + 1) for piece in (_cut(place) if pieces else [event(place)])]
        self._rest = [piece for piece in history if float(piece["_id"]["_data"]) > begin]
        self._place = begin

    async def next(self) -> ChangeBatch | None:
        await asyncio.sleep(0)
        fault = next(self._faults, 2)
        if fault == "broken":
            raise broken()
        if fault == "cut off":
            raise cut_off()
        if fault == "late":
            raise OperationTimeoutError("late", timeout=timedelta(seconds=1))
        given, self._rest = self._rest[: int(fault)], self._rest[int(fault) :]
        if given:
            self._place = float(given[-1]["_id"]["_data"])
        # The place at the end of a batch lies behind its last event.
        return batch(*given, after=self._place + 0.01)

    async def aclose(self) -> None:
        """Nothing is open."""


def _cut(place: int) -> list[dict[str, Any]]:
    whole = event(place)
    del whole["_id"]
    names = list(whole)
    parts: list[dict[str, Any]] = [{name: whole[name] for name in names[number::PIECES]} for number in range(PIECES)]
    return [
        fragment(place - (PIECES - 1 - number) / 10, number + 1, PIECES, **part) for number, part in enumerate(parts)
    ]


FAULTS = st.lists(st.one_of(st.integers(0, 4), st.sampled_from(["broken", "cut off", "late"])), max_size=40)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["next", "try_next", "next_batch", "loop", "timeout", "resume", "open"]), st.integers(0, 12)
    ),
    max_size=40,
)


async def _read_all(deployment: Deployment, actions: list[tuple[str, int]], options: ChangeStreamOptions) -> list[Any]:
    """Do `actions`, each cancelled after some turns, then read to the end; the token agrees with what was given."""
    stream = stream_of(deployment, options)
    seen: list[Any] = []

    async def loop() -> Any:
        return await anext(aiter(stream))

    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "next": stream.next,
        "try_next": stream.try_next,
        "next_batch": stream.next_batch,
        "loop": loop,
        "timeout": lambda: stream.next(timeout=timedelta(microseconds=1)),
        "resume": stream.resume,
        "open": stream.open,
    }
    stream._is_held = True
    for action, turns in actions:
        taken = await cancelled(calls[action](), after=turns)
        seen += [event for event in taken if not isinstance(event, ChangeStream)]
        last = seen[-1].document_key["_id"] if seen else 0
        assert stream.resume_token is None or float(stream.resume_token.as_document()["_data"]) < last + 1
    while len(seen) < EVENTS:
        try:
            taken = await stream.next()
        except MongoError:
            continue
        assert taken is not None
        seen.append(taken)
    await stream.aclose()
    return seen


@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "in pieces"])
@settings(deadline=None, max_examples=150)
@given(faults=FAULTS, actions=ACTIONS)
def test_every_event_comes_once_and_in_order(
    pieces: bool,
    faults: list[int | str],
    actions: list[tuple[str, int]],
) -> None:
    options = ChangeStreamOptions(split_large_events=pieces)

    seen = asyncio.run(_read_all(Deployment(faults, pieces=pieces), actions, options))

    assert places(seen) == list(range(1, EVENTS + 1))


def test_the_cut_events_are_as_the_whole_ones() -> None:
    joined = {name: value for piece in _cut(5) for name, value in piece.items() if name != "splitEvent"}

    assert joined | {"_id": document_of(5)} == event(5)
