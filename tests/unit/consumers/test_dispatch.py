"""Several events handled at once: their order, their bound, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from llm_devops_mongodb import ChangeEvent
from llm_devops_mongodb.consumers.dispatch import Dispatcher
from tests.unit.change_streams.scripted import token, until


def event_of(place: int, key: int | None) -> ChangeEvent[Any]:
    """An event at a place, of a document or of none."""
    return ChangeEvent(id=token(place), operation="insert", document_key=None if key is None else {"_id": key})


class Bench:
    """Two workers, and handlers that end when they are let."""

    def __init__(self, *, most: int = 4) -> None:
        self.begun: list[Any] = []
        self.passed: list[Any] = []
        self._ends: dict[Any, asyncio.Future[None]] = {}
        self.dispatcher = Dispatcher(self._handle, self._pass, concurrency=2, most=most)

    async def give(self, *events: tuple[int, int | None]) -> None:
        """Give events by their places and keys."""
        for place, key in events:
            await self.dispatcher.give(event_of(place, key))

    async def end(self, place: int, error: Exception | None = None) -> None:
        """Let the handler of an event end."""
        await until(lambda: str(place) in self._ends)
        ending = self._ends[str(place)]
        if error is None:
            ending.set_result(None)
        else:
            ending.set_exception(error)

    async def _handle(self, event: ChangeEvent[Any]) -> None:
        place = event.id.as_document()["_data"]
        self.begun.append(int(place))
        self._ends[place] = asyncio.get_running_loop().create_future()
        await self._ends[place]

    def _pass(self, event: ChangeEvent[Any]) -> None:
        self.passed.append(int(event.id.as_document()["_data"]))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.dispatcher.aclose()


async def test_events_are_passed_in_their_order_whichever_ends_first(bench: Bench) -> None:
    await bench.give((1, 1), (2, 2))
    await bench.end(2)
    await until(lambda: bench.begun == [1, 2])
    assert bench.passed == []
    await bench.end(1)
    await bench.dispatcher.drain()

    assert bench.passed == [1, 2]


async def test_the_next_event_of_a_document_waits_while_others_overtake_it(bench: Bench) -> None:
    await bench.give((1, 1), (2, 1), (3, 3))
    await until(lambda: len(bench.begun) == 2)
    assert bench.begun == [1, 3]
    await bench.end(1)
    await bench.end(2)
    await bench.end(3)
    await bench.dispatcher.drain()

    assert bench.passed == [1, 2, 3]


async def test_more_than_may_be_in_flight_are_not_taken(bench: Bench) -> None:
    giving = asyncio.create_task(bench.give(*((place, place) for place in range(1, 6))))
    await until(lambda: bench.dispatcher.in_flight == 4)
    assert not giving.done()
    await bench.end(1)
    await giving

    assert bench.dispatcher.in_flight == 4


async def test_after_a_failure_those_that_were_begun_end_and_none_is_begun(bench: Bench) -> None:
    await bench.give((1, 1), (2, 2), (3, 3))
    await until(lambda: bench.begun == [1, 2])
    draining = asyncio.create_task(bench.dispatcher.drain())
    await bench.end(2, ZeroDivisionError())
    await bench.end(1)
    with pytest.raises(ZeroDivisionError):
        await draining

    assert bench.begun == [1, 2]
    assert bench.passed == [1]


async def test_to_finish_leaves_what_was_not_begun(bench: Bench) -> None:
    await bench.give((1, 1), (2, 2), (3, 3))
    await until(lambda: bench.begun == [1, 2])
    finishing = asyncio.create_task(bench.dispatcher.finish())
    await asyncio.sleep(0)
    await bench.end(1)
    await bench.end(2)
    await finishing

    assert bench.begun == [1, 2]
    assert bench.passed == [1, 2]


async def test_an_event_of_no_document_is_alone(bench: Bench) -> None:
    giving = asyncio.create_task(bench.give((1, 1), (2, None), (3, 3)))
    await bench.end(1)
    await until(lambda: bench.begun == [1, 2])
    assert not giving.done()
    await bench.end(2)
    await bench.end(3)
    await giving
    await bench.dispatcher.drain()

    assert bench.passed == [1, 2, 3]
