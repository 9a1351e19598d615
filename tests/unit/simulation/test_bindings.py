"""What a program makes anew each time it runs stands for what it made when it was recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId

from llm_devops_mongodb import SimulationMismatchError, SimulationRecorder
from llm_devops_mongodb.operations import InsertOne
from llm_devops_mongodb.replies import DocumentReply, InsertReply, Reply
from llm_devops_mongodb.simulation import bindings, recorder
from tests.unit.simulation.recordings import Things, recording, replaying, things


class Store:
    """Answers inserts, and what is found is what was inserted last."""

    def __init__(self) -> None:
        self.inserted: list[bytes] = []

    def __call__(self, operation: Any) -> Reply:
        if isinstance(operation, InsertOne):
            self.inserted.append(operation.document)
            return InsertReply(acknowledged=True)
        wanted = bson.decode(operation.filter).get("_id")
        return DocumentReply(next(raw for raw in self.inserted if bson.decode(raw)["_id"] == wanted))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.jsonl"


@pytest.fixture
def another_run(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have ObjectIds made from now on as another process would make them."""

    def begin() -> None:
        monkeypatch.setattr(ObjectId, "_ObjectId__random", b"\1\2\3\4\5", raising=False)

    return begin


async def remember(things: Things) -> Sequence[bool]:
    """A job that makes ids and dates, and says whether what it finds is what it made."""
    now = datetime.now(UTC).replace(microsecond=0)
    first = await things.insert_one({"at": now})
    mine = ObjectId()
    await things.insert_one({"_id": mine, "before": first.inserted_id, "text": f"after {first.inserted_id}"})
    found = await things.find_by_id(first.inserted_id) or {}
    second = await things.find_by_id(mine) or {}
    return (
        found["_id"] == first.inserted_id,
        found["at"] == now,
        second["before"] == first.inserted_id,
        second["text"] == f"after {first.inserted_id}",
    )


async def test_a_job_that_makes_ids_and_dates_gets_its_own_back(path: Path, another_run: Callable[[], None]) -> None:
    async with recording(SimulationRecorder(path), Store()) as client:
        assert all(await remember(things(client)))
    another_run()

    async with replaying(path) as client:
        assert all(await remember(things(client)))
        # Twice in one replay: other ids stand for the same ones.
        assert all(await remember(things(client)))


async def test_an_id_that_was_made_stands_for_none_that_was_there_before(path: Path) -> None:
    async with recording(SimulationRecorder(path), Store()) as client:
        inserted = await things(client).insert_one({})
        await things(client).find_by_id(inserted.inserted_id)

    async with replaying(path) as client:
        await things(client).insert_one({})
        with pytest.raises(SimulationMismatchError):
            await things(client).find_by_id(ObjectId())


async def test_a_date_that_is_not_of_now_stands_for_itself_only(path: Path) -> None:
    async with recording(SimulationRecorder(path), InsertReply(acknowledged=True)) as client:
        await things(client).insert_one({"_id": 1, "due": datetime.now(UTC) + timedelta(hours=1)})

    async with replaying(path) as client:
        with pytest.raises(SimulationMismatchError, match="another date"):
            await things(client).insert_one({"_id": 1, "due": datetime.now(UTC) + timedelta(hours=1)})


async def test_two_dates_of_now_need_not_differ_as_they_did(path: Path) -> None:
    moment = datetime.now(UTC)
    async with recording(SimulationRecorder(path), InsertReply(acknowledged=True)) as client:
        await things(client).insert_one({"_id": 1, "made": moment, "changed": moment})

    async with replaying(path) as client:
        later = datetime.now(UTC)
        await things(client).insert_one({"_id": 1, "made": later, "changed": later + timedelta(milliseconds=3)})


async def test_many_ids_are_bound_in_time_that_grows_as_they_do(path: Path) -> None:
    async with recording(SimulationRecorder(path), InsertReply(acknowledged=True)) as client:
        for _ in range(2000):
            await things(client).insert_one({})

    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename == bindings.__file__

    async with replaying(path) as client:
        sys.setprofile(count)
        for _ in range(2000):
            await things(client).insert_one({})
        sys.setprofile(None)
    assert calls < 2000 * 30


def test_the_recorder_knows_its_own_process() -> None:
    assert recorder.this_process() == ObjectId().binary[4:9]
