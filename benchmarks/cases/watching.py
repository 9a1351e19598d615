"""Change events: through `watch` into structs, and through a consumer that stores where it is every 100 events.

The changes are made once. Every entrant then reads the same history, from the time before the first change; PyMongo
reads it as dictionaries, and stores nothing.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient

from benchmarks.checks import require_count
from benchmarks.documents import documents
from benchmarks.harness import REFERENCE, Arena, Case, Entrant, Measure, timed
from benchmarks.models import RequestStruct
from llm_devops_mongodb import ChangeEvent, ChangeStreamOptions, Collection, MongoClient
from llm_devops_mongodb.consumers import ChangeStreamConsumer, CollectionCheckpoints

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from bson import Timestamp
    from pymongo.asynchronous.collection import AsyncCollection

WATCH_TARGET = 1.0
# At least 0.8 times as many events in a second is at most so many times the time.
CONSUMER_TARGET = 1 / 0.8
WATCHED = "watched"
CHECKPOINTS = "checkpoints"
BETWEEN_CHECKPOINTS = 100


@asynccontextmanager
async def entrants(arena: Arena) -> AsyncGenerator[list[Entrant]]:
    async with AsyncMongoClient[dict[str, Any]](arena.uri) as driver, MongoClient.connect(arena.uri) as client:
        theirs = driver[arena.database][WATCHED]
        ours = client.collection(arena.database, WATCHED, RequestStruct)
        checkpoints = client.collection(arena.database, CHECKPOINTS)
        before = await _made_changes(theirs, arena.documents)
        numbers = count()

        async def watch(_: None) -> int:
            return await _watch(ours, before, arena.documents)

        async def consume(_: None) -> int:
            store = CollectionCheckpoints(checkpoints)
            return await _consume(ours, before, arena.documents, store=store, run=next(numbers))

        async def watch_by_driver(_: None) -> int:
            return await _watch_by_driver(theirs, before, arena.documents)

        def measure(action: Callable[[None], Awaitable[int]]) -> Measure:
            return timed(action, prepare=_nothing, check=partial(_check, arena), scale=1e6 / arena.documents)

        yield [
            Entrant(name="watch", measure=measure(watch), row="watch", target=WATCH_TARGET),
            Entrant(name="consumer", measure=measure(consume), row="consumer", target=CONSUMER_TARGET),
            Entrant(name=REFERENCE, measure=measure(watch_by_driver)),
        ]
        await theirs.drop()
        await checkpoints.delete_many({})


async def _made_changes(collection: AsyncCollection[dict[str, Any]], many: int) -> Timestamp:
    """Insert documents, and return the time before."""
    await collection.drop()
    await collection.insert_one({"_id": "the first"})
    hello = await collection.database.client.admin.command("hello")
    await collection.insert_many(documents(many))
    before: Timestamp = hello["operationTime"]
    return type(before)(before.time, before.inc + 1)


async def _watch(collection: Collection[RequestStruct], before: Timestamp, many: int) -> int:
    read = 0
    async with collection.watch(options=ChangeStreamOptions(start_at_operation_time=before)) as stream:
        async for event in stream:
            read += event.full_document is not None
            if read == many:
                break
    return read


async def _watch_by_driver(collection: AsyncCollection[dict[str, Any]], before: Timestamp, many: int) -> int:
    read = 0
    async with await collection.watch(start_at_operation_time=before) as stream:
        async for event in stream:
            read += event["fullDocument"] is not None
            if read == many:
                break
    return read


async def _consume(
    collection: Collection[RequestStruct], before: Timestamp, many: int, *, store: CollectionCheckpoints, run: int
) -> int:
    read = 0

    async def handle(event: ChangeEvent[RequestStruct]) -> None:
        nonlocal read
        read += event.full_document is not None
        if read == many:
            await consumer.stop()

    consumer = ChangeStreamConsumer(
        collection,
        handle,
        name=f"benchmark {run}",
        checkpoints=store,
        start=before,
        checkpoint_every=BETWEEN_CHECKPOINTS,
        checkpoint_interval=timedelta(minutes=1),
    )
    await consumer.run()
    return read


async def _nothing() -> None:
    """What a reader of history needs to be prepared."""


async def _check(arena: Arena, read: int) -> None:
    require_count(read, arena.documents)


CASE = Case(name="watching", unit="µs", entrants=entrants)
