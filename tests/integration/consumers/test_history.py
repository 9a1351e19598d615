"""History that is lost: told as a gap, and gone on from as was chosen; a refused token is sent once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from bson import Timestamp
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from llm_devops_mongodb import Database, HistoryLostError, MongoClient, ResumeToken, ResumeTokenError
from llm_devops_mongodb.consumers import ChangeStreamConsumer, HistoryGap
from llm_devops_mongodb.testing import MongoServer
from tests.integration.consumers.consuming import Things, consumer_of, handled
from tests.integration.consumers.diary import Diary, running

LONG_AGO = Timestamp(1, 1)
DAMAGED = "82"


class Tokens(CommandListener):
    """The tokens that were sent to the server."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "aggregate":
            stage = event.command["pipeline"][0].get("$changeStream", {})
            token = stage.get("startAfter") or stage.get("resumeAfter")
            self.sent += [] if token is None else [token["_data"]]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Say nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Say nothing."""


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
async def things(mongo_server: MongoServer, mongo_database: Database, tokens: Tokens) -> AsyncIterator[Things]:
    """A collection with one document, as a client sees it whose commands are watched."""
    await mongo_database.collection("things").insert_one({"_id": 0})
    async with MongoClient.connect(mongo_server.uri, event_listeners=[tokens]) as client:
        yield client.collection(mongo_database.name, "things")


@pytest.fixture(params=["lost", "damaged"])
async def token(things: Things, request: pytest.FixtureRequest) -> str:
    """A token that the server refuses."""
    return DAMAGED if request.param == "damaged" else await lost_token(things)


async def lost_token(things: Things) -> str:
    """The token of an event of the first second of all time, which no server has."""
    async with things.watch() as stream:
        await things.insert_one({"_id": "of the token"})
        event = await stream.next(timeout=timedelta(seconds=10))
    assert event is not None
    digits: str = event.id.as_document()["_data"]
    return f"{digits[:2]}{LONG_AGO.time:08X}{LONG_AGO.inc:08X}{digits[18:]}"


async def put_at(things: Things, database: Database, token: str) -> None:
    """Make a checkpoint, and put it at another place."""
    await handled(things, 1)
    await database.collection("consumer_checkpoints").update_one(
        {"_id": "clerk"}, {"$set": {"checkpoint.token": {"_data": token}, "checkpoint.operation_time": None}}
    )


async def failed(consumer: ChangeStreamConsumer) -> Exception:
    """Run a consumer until it fails."""
    async with asyncio.timeout(10):
        try:
            await consumer.run()
        except (ZeroDivisionError, HistoryLostError, ResumeTokenError) as error:
            return error
    raise AssertionError("it did not fail")


async def test_lost_history_is_raised_and_the_gap_is_told(
    things: Things, diary: Diary, mongo_database: Database, token: str
) -> None:
    await put_at(things, mongo_database, token)
    consumer = consumer_of(things, diary)
    assert isinstance(await failed(consumer), ResumeTokenError if token == DAMAGED else HistoryLostError)

    (gap,) = diary.gaps
    assert gap.last_token == ResumeToken({"_data": token})
    assert gap.resumed_at is None
    assert consumer.status().state == "failed"


async def test_the_gap_tells_when_the_last_place_was(things: Things, diary: Diary, mongo_database: Database) -> None:
    await put_at(things, mongo_database, await lost_token(things))
    await failed(consumer_of(things, diary))

    assert diary.gaps[0].last_time == LONG_AGO
    assert diary.gaps[0].last_wall_time is not None


async def test_a_refused_token_is_sent_once_by_whoever_comes(
    things: Things, diary: Diary, mongo_database: Database, tokens: Tokens, token: str
) -> None:
    await put_at(things, mongo_database, token)
    for _ in range(3):
        await failed(consumer_of(things, diary))
    assert await handled(things, 2, on_history_lost="restart_now") == [2]

    assert tokens.sent.count(token) == 1


async def test_a_consumer_may_go_on_from_now(
    things: Things, diary: Diary, mongo_database: Database, token: str
) -> None:
    await put_at(things, mongo_database, token)
    async with running(consumer_of(things, diary, on_history_lost="restart_now")):
        await diary.until_told("started")
        await things.insert_one({"_id": 2})
        await diary.until_handled(1)

    (gap,) = diary.gaps
    assert diary.ids == [2]
    assert gap.resumed_at is not None
    assert await handled(things, 3) == [3]


async def test_a_snapshot_misses_nothing_that_happens_while_it_is_taken(
    things: Things, diary: Diary, mongo_database: Database
) -> None:
    gaps: list[HistoryGap] = []

    async def take_stock(gap: HistoryGap) -> None:
        gaps.append(gap)
        await things.insert_one({"_id": "meanwhile"})

    await put_at(things, mongo_database, await lost_token(things))
    async with running(consumer_of(things, diary, on_history_lost=take_stock)):
        await diary.until_handled(1)

    assert diary.ids == ["meanwhile"]
    assert gaps == diary.gaps


async def test_a_snapshot_that_fails_is_taken_by_the_next(
    things: Things, diary: Diary, mongo_database: Database, tokens: Tokens
) -> None:
    taken: list[HistoryGap] = []

    async def take_stock(gap: HistoryGap) -> None:
        taken.append(gap)
        if len(taken) == 1:
            raise ZeroDivisionError

    token = await lost_token(things)
    await put_at(things, mongo_database, token)
    assert isinstance(await failed(consumer_of(things, diary, on_history_lost=take_stock)), ZeroDivisionError)
    assert await handled(things, 2, on_history_lost=take_stock) == [2]

    assert len(taken) == 2
    assert tokens.sent.count(token) == 1


async def test_a_snapshot_may_stop_the_consumer(things: Things, diary: Diary, mongo_database: Database) -> None:
    async def take_stock(gap: HistoryGap) -> None:
        await consumer.stop()

    await put_at(things, mongo_database, await lost_token(things))
    consumer = consumer_of(things, diary, on_history_lost=take_stock)
    async with asyncio.timeout(5):
        await consumer.run()

    assert consumer.status().state == "stopped"


async def test_a_start_after_a_lost_event_is_lost_history_too(things: Things, diary: Diary, tokens: Tokens) -> None:
    token = await lost_token(things)
    start = ResumeToken({"_data": token})
    assert isinstance(await failed(consumer_of(things, diary, start=start)), HistoryLostError)

    assert await handled(things, 1, start=start, on_history_lost="restart_now") == [1]
    assert tokens.sent.count(token) == 1
