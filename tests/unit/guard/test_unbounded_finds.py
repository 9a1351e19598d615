"""Finds that collect too much."""

from __future__ import annotations

import warnings

import pytest

from llm_devops_mongodb import FindOptions
from llm_devops_mongodb.errors import QueryGuardError, QueryGuardWarning
from llm_devops_mongodb.replies import CursorReply
from llm_devops_mongodb.transports.guarded.frames import CountedFrames
from tests.stub_transport import StubFrames, frame
from tests.unit.guard.support import guarded


async def test_more_than_the_limit_is_told_once_at_the_line_and_all_is_given() -> None:
    guard = guarded(documents=20, max_documents=5)

    async def ask() -> int:
        return len(await guard.users.find())

    assert await ask() == 20
    (text,) = guard.texts
    assert guard.lines == [(__file__, ask.__code__.co_firstlineno + 1)]
    assert text.endswith("collects more than 5 documents at once; set a limit, or read them one by one by find_stream")


async def test_as_many_as_the_limit_is_left_alone() -> None:
    guard = guarded(documents=5, max_documents=5)

    assert len(await guard.users.find()) == 5
    assert guard.warnings == []


@pytest.mark.parametrize("options", [FindOptions(limit=15), FindOptions(batch_size=100)])
async def test_a_find_with_a_bound_is_left_alone(options: FindOptions) -> None:
    guard = guarded(documents=20, max_documents=5)

    await guard.users.find({}, options)

    assert guard.warnings == []


async def test_streams_and_aggregations_are_left_alone() -> None:
    guard = guarded(documents=20, max_documents=5)

    assert len([user async for user in guard.users.find_stream()]) == 20
    assert len(await guard.users.aggregate([{"$match": {}}])) == 20
    assert guard.warnings == []


async def test_the_search_can_be_switched_off() -> None:
    guard = guarded(documents=20, max_documents=5, unbounded_finds=False)

    await guard.users.find()

    assert guard.warnings == []


async def test_reading_stops_where_the_guard_raises() -> None:
    guard = guarded(documents=20, max_documents=5, mode="raise")

    with pytest.raises(QueryGuardError, match="collects more than 5 documents") as caught:
        await guard.users.find()

    assert (caught.value.finding, caught.value.outcome) == ("unbounded_find", None)


def told() -> None:
    warnings.warn("told", QueryGuardWarning, stacklevel=1)


async def test_a_stream_that_was_stopped_is_closed_and_fails_again() -> None:
    inner = StubFrames([frame({"_id": 1}, {"_id": 2}), frame({"_id": 3})])
    frames = CountedFrames(inner, most=1, tell=told)

    for _ in range(2):
        with pytest.raises(QueryGuardWarning):
            await frames.next()

    assert inner.closed == 1


async def test_an_end_before_the_limit_is_an_end() -> None:
    inner = StubFrames([frame({"_id": 1})])
    frames = CursorReply(CountedFrames(inner, most=1, tell=told)).frames

    assert await frames.next() == frame({"_id": 1})
    assert await frames.next() is None
    await frames.aclose()
    assert inner.closed == 1
