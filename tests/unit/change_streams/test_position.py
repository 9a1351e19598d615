"""Where a stream goes on: the rules of the drivers' specification."""

from __future__ import annotations

import pytest
from bson import Timestamp

from llm_devops_mongodb import ChangeStreamOptions, ResumeToken
from tests.unit.change_streams.scripted import (
    OPENED_AT,
    ScriptedCursor,
    ScriptedTransport,
    batch,
    broken,
    event,
    stream_of,
    stream_over,
    token,
)

EARLIER = Timestamp(3, 9)

ASKED = [
    ChangeStreamOptions(),
    ChangeStreamOptions(resume_after=token(1)),
    ChangeStreamOptions(start_after=token(1)),
    ChangeStreamOptions(start_at_operation_time=EARLIER),
]
ON_ASKED = pytest.mark.parametrize("asked", ASKED, ids=["now", "resume_after", "start_after", "operation time"])


def starts(options: ChangeStreamOptions) -> dict[str, ResumeToken | Timestamp]:
    """What options say of where to begin."""
    told = {
        "resume_after": options.resume_after,
        "start_after": options.start_after,
        "start_at_operation_time": options.start_at_operation_time,
    }
    return {name: start for name, start in told.items() if start is not None}


async def restarted(asked: ChangeStreamOptions, *steps: object, events: int = 0) -> dict[str, ResumeToken | Timestamp]:
    """Read so many events from a cursor of `steps`, have it break, and return where the next one begins."""
    transport = ScriptedTransport(ScriptedCursor(*steps, broken()), ScriptedCursor(batch(event(99))))  # type: ignore[arg-type]
    stream = stream_of(transport, asked)
    for _ in range(events):
        assert await stream.next() is not None
    assert await stream.next() is not None
    return starts(transport.opened[1])


@ON_ASKED
async def test_the_first_cursor_begins_where_it_was_asked_to(asked: ChangeStreamOptions) -> None:
    transport = ScriptedTransport(ScriptedCursor(batch()))

    async with stream_of(transport, asked):
        pass

    assert [starts(options) for options in transport.opened] == [starts(asked)]


async def test_a_stream_that_knows_no_place_goes_on_at_the_time_it_was_opened() -> None:
    assert await restarted(ASKED[0], batch()) == {"start_at_operation_time": OPENED_AT}


async def test_a_stream_that_knows_no_place_goes_on_at_the_time_it_was_asked_for() -> None:
    assert await restarted(ASKED[3], batch()) == {"start_at_operation_time": EARLIER}


async def test_a_stream_without_events_goes_on_after_the_token_it_was_asked_for() -> None:
    assert await restarted(ASKED[1], batch()) == {"resume_after": token(1)}
    assert await restarted(ASKED[2], batch()) == {"start_after": token(1)}


@ON_ASKED
async def test_after_an_event_it_goes_on_after_that_event(asked: ChangeStreamOptions) -> None:
    assert await restarted(asked, batch(), batch(event(2)), events=1) == {"resume_after": token(2)}


@ON_ASKED
async def test_after_the_last_event_of_a_batch_it_goes_on_where_the_batch_ends(asked: ChangeStreamOptions) -> None:
    assert await restarted(asked, batch(event(2), event(3), after=4), events=2) == {"resume_after": token(4)}


@pytest.mark.parametrize("asked", [ASKED[0], ASKED[1], ASKED[3]], ids=["now", "resume_after", "operation time"])
async def test_after_a_batch_without_events_it_goes_on_where_that_ends(asked: ChangeStreamOptions) -> None:
    assert await restarted(asked, batch(), batch(after=5)) == {"resume_after": token(5)}


async def test_start_after_stays_start_after_until_there_was_an_event() -> None:
    assert await restarted(ASKED[2], batch(after=5)) == {"start_after": token(5)}
    assert await restarted(ASKED[2], batch(event(2), after=5), events=1) == {"resume_after": token(5)}


async def test_the_token_moves_event_by_event_and_then_to_the_end_of_the_batch() -> None:
    stream = stream_over(batch(event(1), event(2), event(3), after=9), batch(after=10))
    assert stream.resume_token is None
    seen = []

    for _ in range(3):
        await stream.next()
        seen.append(stream.resume_token)
    await stream.try_next()

    assert seen == [token(1), token(2), token(9)]
    assert stream.resume_token == token(10)


async def test_a_server_that_tells_no_place_leaves_the_events_own() -> None:
    stream = stream_over(batch(event(1), event(2)), batch())

    assert [(await stream.next()) is not None for _ in range(2)] == [True, True]
    await stream.try_next()

    assert stream.resume_token == token(2)


async def test_what_is_at_hand_and_not_given_out_does_not_move_the_place() -> None:
    transport = ScriptedTransport(ScriptedCursor(batch(event(1), event(2), after=9)), ScriptedCursor(batch()))
    async with stream_of(transport) as stream:
        await stream.next()
        await stream.resume()

    assert starts(transport.opened[1]) == {"resume_after": token(1)}


async def test_opening_at_a_place_with_events_keeps_them_until_they_are_asked_for() -> None:
    cursor = ScriptedCursor(batch(event(1), event(2), after=4), batch(after=5))
    stream = stream_of(ScriptedTransport(cursor), ASKED[3])

    first = await stream.try_next()

    assert first is not None
    assert stream.resume_token == token(1)
    assert cursor.asked == 1


async def test_a_batch_of_many_events_is_passed_whole_by_next_batch() -> None:
    stream = stream_over(batch(), batch(event(1), event(2), after=4))

    assert len(await stream.next_batch()) == 2

    assert stream.resume_token == token(4)


async def test_the_place_passes_chunk_after_chunk_of_a_large_batch() -> None:
    many = [event(place, pad="x" * 1000) for place in range(300)]
    stream = stream_over(batch(*many, after=900))

    for place in range(299):
        await stream.next()
        assert stream.resume_token == token(place)
    await stream.next()

    assert stream.resume_token == token(900)


async def test_the_operation_time_is_that_of_the_first_opening() -> None:
    stream = stream_over(batch())
    assert stream.operation_time is None
    await stream.open()
    assert stream.operation_time == OPENED_AT


async def test_after_an_invalidate_it_starts_after_that() -> None:
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1, "drop"), event(2, "invalidate"), after=2, is_last=True), None),
        ScriptedCursor(batch(after=8)),
        ScriptedCursor(batch(event(9))),
    )
    stream = stream_of(transport)
    assert [str(event.operation) async for event in stream.into_stream()] == ["drop", "invalidate"]
    stream = stream_of(transport, ChangeStreamOptions(start_after=stream.resume_token))

    await stream.open()
    await stream.resume()

    assert starts(transport.opened[1]) == {"start_after": token(2)}
    assert starts(transport.opened[2]) == {"start_after": token(8)}


async def test_an_invalidate_that_the_pipeline_leaves_out_ends_the_stream_too() -> None:
    transport = ScriptedTransport(ScriptedCursor(batch(), batch(after=2, is_last=True), None), ScriptedCursor(batch()))
    stream = stream_of(transport)

    assert await stream.next() is None
    assert not stream.alive
    assert stream.resume_token == token(2)

    await stream.resume()
    assert starts(transport.opened[1]) == {"start_after": token(2)}


async def test_an_invalidate_left_out_after_events_is_started_after() -> None:
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1), after=2, is_last=True), None), ScriptedCursor(batch(event(3)))
    )
    stream = stream_of(transport)
    assert await stream.next() is not None

    await stream.resume()

    assert starts(transport.opened[1]) == {"start_after": token(2)}
    assert stream.alive


async def test_a_cursor_that_closes_without_a_reason_is_opened_again() -> None:
    assert await restarted(ASKED[0], batch(event(1)), None, events=1) == {"resume_after": token(1)}
