"""What the tests of consumers share: a handler that remembers, and a consumer that runs for a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bson import Timestamp

from llm_devops_mongodb import ChangeEvent, Database, ResumeToken, Session
from llm_devops_mongodb.consumers import ChangeStreamConsumer, ConsumerEvent, HistoryGap

PATIENCE_SECONDS = 20


class Diary:
    """Remembers what a consumer gave to its handler, and what it told its listeners."""

    def __init__(self) -> None:
        self.events: list[ChangeEvent[Any]] = []
        self.told: list[ConsumerEvent] = []
        self._news = asyncio.Event()

    async def handle(self, event: ChangeEvent[Any]) -> None:
        """Be a handler."""
        self.events.append(event)
        self._news.set()

    async def handle_once(self, event: ChangeEvent[Any], session: Session) -> None:
        """Be a handler of exactly-once delivery that writes nothing."""
        await self.handle(event)

    def listen(self, event: ConsumerEvent) -> None:
        """Be a listener."""
        self.told.append(event)
        self._news.set()

    @property
    def ids(self) -> list[Any]:
        """Whose documents the events are of."""
        return [event.document_key["_id"] for event in self.events if event.document_key is not None]

    @property
    def operations(self) -> list[str]:
        """What the events are."""
        return [str(event.operation) for event in self.events]

    @property
    def kinds(self) -> list[str]:
        """What was told."""
        return [str(event.kind) for event in self.told]

    @property
    def gaps(self) -> list[HistoryGap]:
        """The gaps that were told."""
        return [event.details["gap"] for event in self.told if event.kind == "history_lost"]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so that events or news make so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def until_told(self, kind: str, *, times: int = 1) -> None:
        """Wait for so many news of a kind."""
        await self.until(lambda: self.kinds.count(kind) >= times)

    async def until_handled(self, number: int) -> None:
        """Wait for so many events."""
        await self.until(lambda: len(self.events) >= number)

    async def until_stored(self, number: int) -> None:
        """Wait until the place after the event of that number, counted from 0, is stored."""
        await self.until(lambda: len(self.events) > number and self.events[number].id in self._stored)

    @property
    def _stored(self) -> list[Any]:
        return [event.details["token"] for event in self.told if event.kind == "checkpoint_stored"]


@asynccontextmanager
async def running(consumer: ChangeStreamConsumer) -> AsyncIterator[asyncio.Task[None]]:
    """Run a consumer for a block, at the end of which it is stopped."""
    task = asyncio.create_task(consumer.run())
    try:
        yield task
    finally:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await consumer.stop()
        if not task.cancelled():
            await task


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it has ended."""
    task.cancel()
    await asyncio.wait((task,), timeout=PATIENCE_SECONDS)
    assert task.cancelled()


async def time_of(database: Database) -> Timestamp:
    """A logical time after everything that was done."""
    reply = await database.run_command({"hello": 1})
    time: Timestamp = reply["operationTime"]
    return Timestamp(time.time, time.inc + 1)


async def stored_token(database: Database, name: str) -> ResumeToken | None:
    """The token in a consumer's checkpoint, in the collection where checkpoints are by default."""
    found = await database.collection("consumer_checkpoints").find_one({"_id": name})
    token = None if found is None else found["checkpoint"]["token"]
    return None if token is None else ResumeToken(token)
