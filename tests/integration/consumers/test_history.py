"""History that is lost: told as a gap, and gone on from as was chosen; a refused token is sent once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson import Timestamp
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from llm_devops_mongodb import Database, HistoryLostError, MongoClient, ResumeToken, ResumeTokenError
from llm_devops_mongodb.consumers import HistoryGap
from llm_devops_mongodb.testing import MongoServer
from tests.integration.consumers.consuming import Things, consumer_of, handled
from tests.integration.consumers.diary import Diary, running

LONG_AGO = Timestamp(1, 1)
TOO_OLD = "82" + "0000000100000001" + "2B0429296E1404"
"""A place of the first second of all time, as the server writes places without an event."""

DAMAGED = "no token"
LOST = [(TOO_OLD, HistoryLostError), (DAMAGED, ResumeTokenError)]


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


async def put_at(things: Things, database: Database, token: str) -> None:
    """Make a checkpoint, and put it at another place."""
    await handled(things, 1)
    await database.collection("consumer_checkpoints").update_one(
        {"_id": "clerk"}, {"$set": {"checkpoint.token": {"_data": token}, "checkpoint.operation_time": None}}
    )


@pytest.mark.parametrize(("token", "error"), LOST, ids=["too old", "damaged"])
async def test_lost_history_is_raised_and_the_gap_is_told(
    things: Things, diary: Diary, mongo_database: Database, token: str, error: type[Exception]
) -> None:
    await put_at(things, mongo_database, token)
    consumer = consumer_of(things, diary)
    with pytest.raises(error):
        await consumer.run()

    (gap,) = diary.gaps
    assert gap.last_token == ResumeToken({"_data": token})
    assert gap.resumed_at is None
    assert consumer.status().state == "failed"


async def test_the_gap_tells_when_the_last_place_was(things: Things, diary: Diary, mongo_database: Database) -> None:
    await put_at(things, mongo_database, TOO_OLD)
    with pytest.raises(HistoryLostError):
        await consumer_of(things, diary).run()

    assert diary.gaps[0].last_time == LONG_AGO
    assert diary.gaps[0].last_wall_time is not None


@pytest.mark.parametrize("token", [TOO_OLD, DAMAGED], ids=["too old", "damaged"])
async def test_a_refused_token_is_sent_once_by_whoever_comes(
    things: Things, diary: Diary, mongo_database: Database, tokens: Tokens, token: str
) -> None:
    await put_at(things, mongo_database, token)
    for _ in range(3):
        with pytest.raises((HistoryLostError, ResumeTokenError)):
            await consumer_of(things, diary).run()
    assert await handled(things, 2, on_history_lost="restart_now") == [2]

    assert tokens.sent.count(token) == 1


@pytest.mark.parametrize("token", [TOO_OLD, DAMAGED], ids=["too old", "damaged"])
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

    await put_at(things, mongo_database, TOO_OLD)
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

    await put_at(things, mongo_database, TOO_OLD)
    with pytest.raises(ZeroDivisionError):
        await consumer_of(things, diary, on_history_lost=take_stock).run()
    assert await handled(things, 2, on_history_lost=take_stock) == [2]

    assert len(taken) == 2
    assert tokens.sent.count(TOO_OLD) == 1


async def test_a_snapshot_may_stop_the_consumer(things: Things, diary: Diary, mongo_database: Database) -> None:
    async def take_stock(gap: HistoryGap) -> None:
        await consumer.stop()

    await put_at(things, mongo_database, TOO_OLD)
    consumer = consumer_of(things, diary, on_history_lost=take_stock)
    async with asyncio.timeout(5):
        await consumer.run()

    assert consumer.status().state == "stopped"


@pytest.mark.parametrize("start", [LONG_AGO, ResumeToken({"_data": TOO_OLD})], ids=["time", "token"])
async def test_a_start_that_is_too_old_is_lost_history_too(things: Things, diary: Diary, start: Any) -> None:
    with pytest.raises(HistoryLostError):
        await consumer_of(things, diary, start=start).run()

    assert await handled(things, 1, start=start, on_history_lost="restart_now") == [1]
