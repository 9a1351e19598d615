"""A limit holds for the whole operation, whatever it is that takes long."""

from __future__ import annotations

import asyncio
import gc
import inspect
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import Collection, FindOptions, MongoClient, OperationTimeoutError, chunked_insert
from llm_devops_mongodb.bulk import BulkWriteBuilder
from llm_devops_mongodb.collection.query_builder import QueryBuilder
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import MongoServer
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, CLOSED, FailPoints
from tests.faults.operations import (
    COMMANDS,
    MANY_WRITES,
    NEW,
    READS,
    SEED,
    SINGLE_WRITES,
    Operation,
    Things,
    contents,
)
from tests.faults.proxy import Proxy

# PyMongo 4.20 drops a socket without closing it when a connection is given up while it is being made.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

LIMIT = timedelta(milliseconds=300)
SHORT = timedelta(milliseconds=100)
PATIENCE = timedelta(seconds=10)
SLACK = timedelta(milliseconds=700)
"""How late an answer may come on a busy machine."""


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


@contextmanager
def ends_in_time(limit: timedelta = LIMIT) -> Generator[pytest.ExceptionInfo[OperationTimeoutError]]:
    """Expect that the block ends in the error of a limit, when the limit is over and not much later."""
    started = time.monotonic()
    with pytest.raises(OperationTimeoutError) as caught:
        yield caught
    taken = time.monotonic() - started
    # The driver gives up a little early where an answer could not come back in time.
    assert limit.total_seconds() - 0.1 < taken < (limit + SLACK).total_seconds()
    assert caught.value.is_timeout
    assert caught.value.timeout == limit


@pytest.mark.parametrize("operation", [*READS, *SINGLE_WRITES, *MANY_WRITES, *COMMANDS], ids=str)
async def test_every_operation_ends_when_its_limit_is_over(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints
) -> None:
    async with fail_points.on(operation.command, BLOCKED, times=None):
        with ends_in_time(SHORT) as caught:
            await operation.call(things.with_options(timeout=SHORT))

    assert caught.value.outcome == (None if operation in {*READS, COMMANDS[0]} else "unknown")
    assert await contents(stored) == SEED


def test_every_operation_takes_a_limit() -> None:
    without = {"name", "namespace", "bulk_write", "query", "with_type", "within", "write_target"}
    methods = {name: method for name, method in inspect.getmembers(Collection) if not name.startswith("_")}
    takers: list[Any] = [method for name, method in methods.items() if name not in without]
    takers += [BulkWriteBuilder[Any].execute, chunked_insert]
    takers += [
        getattr(QueryBuilder, name)
        for name in ("execute", "first", "stream", "count", "explain", "page", "keyset_page")
    ]

    assert [taker.__qualname__ for taker in takers if "timeout" not in inspect.signature(taker).parameters] == []


async def test_an_operation_whose_limit_is_over_leaves_its_connection_and_the_next_one_succeeds(
    things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("find", BLOCKED):
        with ends_in_time() as caught:
            await things.find_one({"_id": 1}, timeout=LIMIT)

        assert await things.find_one({"_id": 1}, timeout=PATIENCE) == SEED[1]

    assert caught.value.outcome is None
    slow, quick = attempts.connections["find"]
    assert slow != quick


async def test_a_write_whose_limit_is_over_is_not_begun_by_the_server_either(
    things: Things, stored: Things, fail_points: FailPoints
) -> None:
    async with fail_points.on("insert", {**BLOCKED, "blockTimeMS": 600}):
        with ends_in_time() as caught:
            await things.insert_one(NEW, timeout=LIMIT)

        async with asyncio.timeout(PATIENCE.total_seconds()):
            while await fail_points.operations():
                pass

    # The client cannot know.
    assert caught.value.outcome == "unknown"
    assert await contents(stored) == SEED


async def test_the_limit_of_a_client_holds_where_its_operations_have_none(
    server: MongoServer, settings: ConfigSettings, attempts: Attempts, stored: Things, fail_points: FailPoints
) -> None:
    limited: ConfigSettings = {**settings, "timeout": LIMIT}
    async with MongoClient.connect(server.uri, event_listeners=[attempts], **limited) as hurried:
        things = hurried.collection(stored.namespace.database, stored.name)
        async with fail_points.on("find", BLOCKED, times=None):
            with ends_in_time():
                await things.find_one({"_id": 1})
            with ends_in_time(SHORT):
                await things.find_one({"_id": 1}, timeout=SHORT)
        async with fail_points.on("find", {**BLOCKED, "blockTimeMS": 500}):
            assert await things.with_options(timeout=PATIENCE).find_one({"_id": 1}) == SEED[1]


async def test_the_limit_holds_while_a_server_is_looked_for(far_things: Things, proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(OperationTimeoutError):
        await far_things.insert_one(NEW, timeout=LIMIT)

    with ends_in_time() as caught:
        await far_things.insert_one(NEW, timeout=LIMIT)

    assert caught.value.outcome == "not_applied"


async def test_the_limit_holds_while_a_server_takes_connections_and_never_answers(
    far_things: Things, stored: Things, proxy: Proxy
) -> None:
    assert await contents(far_things) == SEED

    proxy.swallow()
    with ends_in_time():
        await far_things.find({}, timeout=LIMIT)
    with ends_in_time() as caught:
        await far_things.update_many({}, {"$inc": {"n": 1}}, timeout=LIMIT)

    assert caught.value.outcome in {"unknown", "not_applied"}
    assert await contents(stored) == SEED


async def test_the_limit_holds_while_a_connection_is_waited_for(
    server: MongoServer,
    settings: ConfigSettings,
    stored: Things,
    fail_points: FailPoints,
    attempts: Attempts,
) -> None:
    single: ConfigSettings = {**settings, "max_pool_size": 1}
    async with MongoClient.connect(server.uri, event_listeners=[attempts], **single) as narrow:
        things = narrow.collection(stored.namespace.database, stored.name)
        async with fail_points.on("find", BLOCKED):
            holding = asyncio.create_task(things.find_one({"_id": 1}))
            await attempts.until("find")

            with ends_in_time() as caught:
                await things.insert_one(NEW, timeout=LIMIT)

            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
    assert caught.value.outcome == "not_applied"
    assert attempts.of("insert") == 0


@pytest.mark.parametrize("operation", [READS[0], SINGLE_WRITES[0]], ids=str)
async def test_the_limit_holds_for_all_attempts_together(
    operation: Operation, things: Things, stored: Things, fail_points: FailPoints
) -> None:
    limit = timedelta(seconds=1)

    async with fail_points.on(operation.command, CLOSED, times=None):
        with ends_in_time(limit):
            await operation.call(things.with_options(timeout=limit))

    assert await contents(stored) == SEED


async def test_the_limit_of_a_stream_holds_for_its_whole_life(
    things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("getMore", {**BLOCKED, "blockTimeMS": 200}, times=None):
        with ends_in_time() as caught:
            async with things.find_stream({}, FindOptions(batch_size=1), timeout=LIMIT) as stream:
                [document async for document in stream]

    assert attempts.of("getMore") == 2
    assert caught.value.outcome is None


async def test_a_stream_whose_limit_is_over_has_failed_for_good(things: Things, fail_points: FailPoints) -> None:
    async with things.find_stream({}, FindOptions(batch_size=1), timeout=SHORT) as stream:
        assert await stream.next() is not None
        async with fail_points.on("getMore", BLOCKED):
            for _ in range(3):
                with pytest.raises(OperationTimeoutError):
                    await stream.next()


async def test_an_operation_that_is_quick_enough_does_not_notice_its_limit(things: Things, stored: Things) -> None:
    limited = things.with_options(timeout=PATIENCE)

    await asyncio.gather(*(limited.update_one({"_id": 1}, {"$inc": {"n": 1}}) for _ in range(50)))

    assert await stored.find_by_id(1) == {**SEED[1], "n": 50}
