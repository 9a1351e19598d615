"""Events that the server cut in pieces."""

from __future__ import annotations

from typing import Any

import pytest

from llm_devops_mongodb import ChangeStreamOptions, CursorError
from tests.unit.change_streams.scripted import (
    ScriptedCursor,
    ScriptedTransport,
    batch,
    broken,
    event,
    fragment,
    places,
    stream_of,
    token,
)

SPLIT = ChangeStreamOptions(split_large_events=True)


def pieces(place: int) -> list[dict[str, Any]]:
    """An event in three pieces, at a place and the two before."""
    whole = event(place)
    document = whole.pop("fullDocument")
    del whole["_id"]
    return [
        fragment(place - 2, 1, 3, **whole),
        fragment(place - 1, 2, 3, fullDocument=document),
        fragment(place, 3, 3, updateDescription={"updatedFields": {"n": place}}),
    ]


async def test_pieces_become_one_event_with_the_last_ones_token() -> None:
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(*pieces(12)))), SPLIT)

    joined = await stream.next()

    assert joined is not None
    assert joined.id == token(12)
    assert joined.operation == "insert"
    assert joined.full_document == {"_id": 12, "n": 12}
    assert joined.update_description is not None
    assert joined.update_description.updated_fields == {"n": 12}
    assert b"splitEvent" not in joined.raw


async def test_pieces_are_joined_across_batches_and_beside_whole_events() -> None:
    first, second, third = pieces(12)
    cursor = ScriptedCursor(batch(event(1), first), batch(second), batch(third, event(13), after=14))
    stream = stream_of(ScriptedTransport(cursor), SPLIT)

    assert places([await stream.next() for _ in range(3)]) == [1, 12, 13]

    assert stream.resume_token == token(14)


async def test_a_field_of_a_later_piece_replaces_the_whole_field_of_an_earlier() -> None:
    first = fragment(
        1, 1, 2, operationType="update", documentKey={"_id": 1}, updateDescription={"removedFields": ["a"]}
    )
    second = fragment(2, 2, 2, updateDescription={"updatedFields": {"b": 1}})
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(first, second))), SPLIT)

    joined = await stream.next()

    assert joined is not None
    assert joined.update_description is not None
    assert joined.update_description.updated_fields == {"b": 1}
    assert joined.update_description.removed_fields == ()


async def test_the_end_of_a_batch_within_an_event_is_no_place_to_go_on() -> None:
    first, second, third = pieces(12)
    cursor = ScriptedCursor(batch(event(1), first, after=10), batch(after=11), batch(second, third, after=13))
    stream = stream_of(ScriptedTransport(cursor), SPLIT)

    seen = []
    await stream.next()
    for _ in range(2):
        seen.append(stream.resume_token)
        await stream.try_next()

    assert seen == [token(1), token(1)]
    assert stream.resume_token == token(13)


async def test_a_stream_cut_off_within_an_event_reads_the_whole_event_again() -> None:
    first, second, third = pieces(12)
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1), after=1), batch(first, after=10), broken()),
        ScriptedCursor(batch(first, second), batch(third)),
    )
    stream = stream_of(transport, SPLIT)

    assert places([await stream.next(), await stream.next()]) == [1, 12]

    assert transport.opened[1].resume_after == token(1)


@pytest.mark.parametrize("missing", [0, 1], ids=["first", "second"])
async def test_a_missing_piece_is_an_error_and_no_torn_event(missing: int) -> None:
    torn = pieces(12)
    del torn[missing]
    transport = ScriptedTransport(
        ScriptedCursor(batch(event(1)), batch(*torn, event(13))), ScriptedCursor(batch(*pieces(12), event(13)))
    )
    stream = stream_of(transport, SPLIT)
    await stream.next()

    with pytest.raises(CursorError, match="fragment"):
        await stream.next()
    assert not stream.alive
    await stream.resume()

    assert places([await stream.next(), await stream.next()]) == [12, 13]
    assert transport.opened[1].resume_after == token(1)


async def test_an_event_between_pieces_is_an_error() -> None:
    first, _, third = pieces(12)
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(first, event(5), third))), SPLIT)

    with pytest.raises(CursorError, match="fragment"):
        await stream.next()


async def test_whole_events_before_a_missing_piece_come_when_the_stream_goes_on() -> None:
    _, second, _ = pieces(12)
    again = ScriptedCursor(batch(event(1), event(2), *pieces(12)))
    stream = stream_of(ScriptedTransport(ScriptedCursor(batch(event(1), event(2), second)), again), SPLIT)

    with pytest.raises(CursorError, match="fragment"):
        await stream.next()
    await stream.resume()

    assert places([await stream.next() for _ in range(3)]) == [1, 2, 12]
