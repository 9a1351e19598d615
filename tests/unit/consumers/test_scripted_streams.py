"""Consumers of streams whose server does what a script says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_devops_mongodb import ChangeEvent, ClientStateError, HistoryLostError, MongoClient, MongoConfig
from llm_devops_mongodb.consumers import ChangeStreamConsumer, ConsumerEvent, HistoryGap
from tests.unit.change_streams.scripted import ScriptedCursor, ScriptedTransport, batch, broken, event, token
from tests.unit.consumers.in_memory import InMemory


class Desk:
    """A consumer at a scripted server, and all that is to be seen of it."""

    def __init__(self, *cursors: ScriptedCursor | Exception, until: int, **settings: Any) -> None:
        self.transport = ScriptedTransport(*cursors)
        self.store = InMemory()
        self.told: list[ConsumerEvent] = []
        self.handled: list[Any] = []
        self._until = until
        client = MongoClient(MongoConfig(uri="mongodb://localhost"), self.transport)
        self.consumer = ChangeStreamConsumer(
            client.collection("shop", "items"),
            self._handle,
            name="clerk",
            checkpoints=self.store,
            event_listeners=[self.told.append],
            **settings,
        )

    async def run(self) -> None:
        """Run it until it has handled so many events, or fails."""
        async with asyncio.timeout(10):
            await self.consumer.run()

    @property
    def gaps(self) -> list[HistoryGap]:
        """The gaps that were told."""
        return [event.details["gap"] for event in self.told if event.kind == "history_lost"]

    async def _handle(self, event: ChangeEvent[Any]) -> None:
        assert event.document_key is not None
        self.handled.append(event.document_key["_id"])
        if len(self.handled) == self._until:
            await self.consumer.stop()


def lost() -> HistoryLostError:
    """The failure of a stream that read too slowly."""
    return HistoryLostError("what comes next is no longer kept", code=136)


async def test_history_that_is_lost_while_it_is_read_is_raised_with_its_gap() -> None:
    desk = Desk(ScriptedCursor(batch(event(1)), lost()), until=2)
    with pytest.raises(HistoryLostError):
        await desk.run()

    (gap,) = desk.gaps
    assert (gap.last_token, gap.resumed_at) == (token(1), None)
    assert desk.store.stored[-1].token == token(1)
    assert desk.store.stored[-1].rejected is not None


async def test_history_that_is_lost_while_it_is_read_is_gone_on_from_now() -> None:
    cursors = ScriptedCursor(batch(event(1)), lost()), ScriptedCursor(batch(event(9)))
    desk = Desk(*cursors, until=2, on_history_lost="restart_now")
    await desk.run()

    (gap,) = desk.gaps
    assert desk.handled == [1, 9]
    assert gap.last_token == token(1)
    assert gap.resumed_at is not None
    assert [(options.start_after, options.resume_after) for options in desk.transport.opened] == [(None, None)] * 2
    assert (desk.store.stored[-1].token, desk.store.stored[-1].rejected) == (token(9), None)


async def test_a_snapshot_is_taken_once_the_new_stream_is_open() -> None:
    opened: list[int] = []

    async def take_stock(_: HistoryGap) -> None:
        opened.append(len(desk.transport.opened))

    cursors = ScriptedCursor(batch(event(1)), lost()), ScriptedCursor(batch(event(9)))
    desk = Desk(*cursors, until=2, on_history_lost=take_stock)
    await desk.run()

    assert opened == [2]


async def test_a_client_that_was_closed_is_not_waited_for() -> None:
    desk = Desk(ScriptedCursor(batch(event(1)), ClientStateError("the client is closed")), until=2)
    with pytest.raises(ClientStateError):
        await desk.run()

    assert "reopened" not in {str(event.kind) for event in desk.told}


async def test_what_was_handled_before_an_outage_is_counted_once() -> None:
    before, after = ScriptedCursor(batch(event(1), event(2)), broken()), ScriptedCursor(batch(event(3)))
    desk = Desk(before, broken(), broken(), broken(), after, until=3)
    await desk.run()

    assert desk.handled == [1, 2, 3]
    assert desk.consumer.status().events_handled == 3
    assert desk.transport.opened[-1].start_after == token(2)


async def test_a_failed_consumer_tells_why() -> None:
    desk = Desk(ScriptedCursor(batch(event(1)), lost()), until=2)
    with pytest.raises(HistoryLostError):
        await desk.run()

    status = desk.consumer.status()
    assert status.state == "failed"
    assert status.last_error is not None
    assert status.last_error.startswith("HistoryLostError: ")
