"""The job that is killed: what writers write, what a consumer makes of it, and what must come of it.

Every document is one of a series: `"key/sequence"`. The consumer counts each series up in `series` and writes an
effect for each event.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bson import Timestamp

from llm_devops_mongodb import ChangeEvent, Collection, Database, DuplicateKeyError, MongoError, Session

Document = dict[str, Any]

WRITERS = 4
KEYS_OF_A_WRITER = 5
DELIVERIES = ("at_least_once", "exactly_once")
FEW_SECONDS = timedelta(seconds=2)
_PAUSE_SECONDS = 0.05
_BATCH = 25


@dataclass(frozen=True)
class Job:
    """The collections of one run.

    Attributes:
        database: Where they are.
        events: How many documents are written in all.
        start: A time before the first was written.
    """

    database: Database
    events: int = 0
    start: Timestamp | None = None

    @property
    def written(self) -> Collection[Document]:
        """What the consumer watches."""
        return self.database.collection("written")

    @property
    def effects(self) -> Collection[Document]:
        """One document for each time an event was handled."""
        return self.database.collection("effects")

    @property
    def series(self) -> Collection[Document]:
        """How far each series was handled, in exactly-once mode."""
        return self.database.collection("series")

    async def prepared(self) -> Job:
        """Make the collections, for in a transaction none is made on the side, and take the time."""
        for collection in (self.written, self.effects, self.series):
            await self.database.create_collection(collection.name)
        async with self.written.watch() as stream:
            assert stream.operation_time is not None
            return replace(self, start=stream.operation_time)

    async def write(self) -> None:
        """Write every document, whatever fails meanwhile."""
        async with asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(self._write(writer))

    async def _write(self, writer: int) -> None:
        for number in range(self.events // WRITERS):
            key = f"{writer}.{number % KEYS_OF_A_WRITER}"
            sequence = number // KEYS_OF_A_WRITER
            await self._insert({"_id": f"{key}/{sequence}", "key": key, "sequence": sequence})
            if not number % _BATCH:
                await asyncio.sleep(random.random() * _PAUSE_SECONDS)

    async def _insert(self, document: Document) -> None:
        while True:
            try:
                await self.written.insert_one(document)
            except DuplicateKeyError:
                return
            except MongoError:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def handle(self, event: ChangeEvent[Document], process: int) -> None:
        """Write the effect of one event."""
        await self.effects.insert_one(_effect(event, process))

    async def handle_once(self, event: ChangeEvent[Document], session: Session, process: int) -> None:
        """Write the effect of one event in a transaction, and that its series is one further: in order, and once."""
        document = event.full_document
        assert document is not None
        place = {"_id": document["key"], "next": document["sequence"]}
        if document["sequence"]:
            counted = await self.series.update_one(place, {"$inc": {"next": 1}}, session=session)
            assert counted.matched_count == 1, f"{document['_id']} is not the next of its series"
        else:
            await self.series.insert_one({**place, "next": 1}, session=session)
        await self.effects.insert_one(_effect(event, process), session=session)

    async def latest_process(self) -> int | None:
        """The process that wrote the latest effect."""
        latest = await self.effects.query().sort("_id", -1).first()
        return None if latest is None else latest["process"]

    async def handled(self) -> int:
        """How many different events were handled."""
        groups = await self.effects.aggregate([{"$group": {"_id": "$document"}}, {"$count": "events"}])
        return groups[0]["events"] if groups else 0

    async def check(self, *, once: bool) -> int:
        """See that no event is missing, and in exactly-once mode that none is there twice.

        Returns:
            How many events were handled again.
        """
        expected = {document["_id"] async for document in self.written.find_stream({})}
        assert len(expected) == self.events
        times: Counter[str] = Counter()
        tokens: dict[str, set[str]] = {}
        async for effect in self.effects.find_stream({}):
            times[effect["document"]] += 1
            tokens.setdefault(effect["document"], set()).add(effect["token"])
        assert not expected - times.keys(), f"lost: {sorted(expected - times.keys())[:10]}"
        assert not times.keys() - expected
        assert all(len(ids) == 1 for ids in tokens.values()), "an event came under two names"
        again = times.total() - len(times)
        assert not (once and again), f"twice: {[name for name, count in times.items() if count > 1][:10]}"
        return again


def _effect(event: ChangeEvent[Document], process: int) -> Document:
    assert event.document_key is not None
    return {"document": event.document_key["_id"], "token": event.id.to_json(), "process": process}
