"""Opening a change stream is a read: the driver asks once more where that may help, and never a third time.

Source: https://github.com/mongodb/specifications/blob/master/source/retryable-reads/retryable-reads.md
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import ChangeStream, ChangeStreamOptions, MongoClient, MongoError
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import MongoServer
from tests.faults.attempts import Attempts
from tests.faults.fail_points import CLOSED, FailPoints, Fault, refused
from tests.faults.operations import Things

PATIENCE = timedelta(seconds=20)
OPTIONS = ChangeStreamOptions(max_await_time=timedelta(milliseconds=200))

UNREACHABLE = (6, 7, 89, 9001)
NO_PRIMARY = (91, 189, 10107, 11600, 11602, 13435, 13436)
NOT_NOW = (134, 262)
ONE_OF_EACH_KIND: dict[str, Fault] = {"connection closed": CLOSED, "error 6": refused(6), "error 91": refused(91)}
THE_OTHERS = [code for code in (*UNREACHABLE, *NO_PRIMARY, *NOT_NOW) if code not in {6, 91}]

Stream = ChangeStream[Any]


def of_collection(client: MongoClient, stored: Things) -> Stream:
    """Watch the collection."""
    return client.collection(stored.namespace.database, stored.name).watch(options=OPTIONS)


def of_database(client: MongoClient, stored: Things) -> Stream:
    """Watch its database."""
    return client.database(stored.namespace.database).watch(options=OPTIONS)


def of_client(client: MongoClient, stored: Things) -> Stream:
    """Watch every database, and look at that one."""
    return client.watch([{"$match": {"ns.db": stored.namespace.database}}], OPTIONS)


WATCHES = (of_collection, of_database, of_client)


@pytest.fixture(params=WATCHES)
def stream(request: pytest.FixtureRequest, client: MongoClient, stored: Things) -> Stream:
    """A stream of each kind, not yet opened."""
    made: Stream = request.param(client, stored)
    return made


@pytest.fixture(params=WATCHES)
async def stream_of_one_attempt(
    request: pytest.FixtureRequest, server: MongoServer, settings: ConfigSettings, attempts: Attempts, stored: Things
) -> AsyncIterator[Stream]:
    """The same, of a client that was told not to read again."""
    once: ConfigSettings = {**settings, "retry_reads": False}
    async with MongoClient.connect(server.uri, event_listeners=[attempts], **once) as client:
        yield request.param(client, stored)


async def assert_tells_of_a_change(stream: Stream, stored: Things) -> None:
    """Make a change and see it."""
    await stored.insert_one({"_id": "seen"})

    event = await stream.next(timeout=PATIENCE)

    assert event is not None
    assert event.document_key == {"_id": "seen"}
    assert stream.resumes == 0


@pytest.mark.parametrize("fault", ONE_OF_EACH_KIND.values(), ids=ONE_OF_EACH_KIND)
async def test_a_stream_opens_at_the_second_attempt(
    fault: Fault, stream: Stream, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("aggregate", fault), stream:
        assert attempts.of("aggregate") == 2
        await assert_tells_of_a_change(stream, stored)


@pytest.mark.parametrize("code", THE_OTHERS)
async def test_it_does_so_after_every_error_that_may_pass(
    code: int, things: Things, stored: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("aggregate", refused(code)), things.watch(options=OPTIONS) as stream:
        assert attempts.of("aggregate") == 2
        await assert_tells_of_a_change(stream, stored)


@pytest.mark.parametrize("fault", ONE_OF_EACH_KIND.values(), ids=ONE_OF_EACH_KIND)
async def test_a_second_failure_is_told(
    fault: Fault, stream: Stream, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("aggregate", fault, times=2):
        with pytest.raises(MongoError) as caught:
            await stream

    assert caught.value.code == fault.get("errorCode")
    assert attempts.of("aggregate") == 2


@pytest.mark.parametrize("fault", ONE_OF_EACH_KIND.values(), ids=ONE_OF_EACH_KIND)
async def test_the_first_failure_is_told_where_reads_are_not_to_be_repeated(
    fault: Fault, stream_of_one_attempt: Stream, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("aggregate", fault):
        with pytest.raises(MongoError) as caught:
            await stream_of_one_attempt

    assert caught.value.code == fault.get("errorCode")
    assert attempts.of("aggregate") == 1


async def test_a_refusal_that_would_come_again_is_told_at_once(
    stream: Stream, fail_points: FailPoints, attempts: Attempts
) -> None:
    async with fail_points.on("aggregate", refused(96)):
        with pytest.raises(MongoError) as caught:
            await stream

    assert caught.value.code == 96
    assert attempts.of("aggregate") == 1


async def test_a_stream_that_failed_to_open_may_be_opened_later(
    stream: Stream, stored: Things, fail_points: FailPoints
) -> None:
    async with fail_points.on("aggregate", CLOSED, times=2):
        with pytest.raises(MongoError):
            await stream.open()

    async with stream:
        await assert_tells_of_a_change(stream, stored)
