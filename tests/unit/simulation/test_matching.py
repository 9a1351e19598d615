"""Which recorded operation answers one that is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bson import Decimal128, Int64, ObjectId
from bson.regex import Regex

from llm_devops_mongodb import (
    CommitError,
    FindOptions,
    MongoClient,
    ReadConcern,
    SimulatedFault,
    SimulationError,
    SimulationMismatchError,
    SimulationRecorder,
    SimulationReplayer,
    SimulationTypeMismatchError,
)
from llm_devops_mongodb.replies import CountReply
from llm_devops_mongodb.simulation.cassette import Recording, write_recording
from tests.unit.simulation.recordings import CONFIG, DONE, Things, found, recording, replaying, things

Call = Callable[[Things], Awaitable[Any]]
Taped = Callable[..., Awaitable[Path]]

BEFORE = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def taped(tmp_path: Path) -> Taped:
    """Records calls, each answered by a document that holds its number from 1; gives the file."""

    async def record(*calls: Call) -> Path:
        path = tmp_path / "r.jsonl"
        answers = [found(n=number) for number in range(1, len(calls) + 1)]
        async with recording(SimulationRecorder(path), *answers, found(n=0)) as client:
            for call in calls:
                await call(things(client))
        return path

    return record


def one(filter: Any, options: FindOptions | None = None) -> Call:
    return lambda things: things.find_one(filter, options)


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        (one({"a": 1, "b": 2}), one({"b": 2, "a": 1})),
        (one({"a": {"$gt": 1, "$lt": 2}}), one({"a": {"$lt": 2, "$gt": 1}})),
        (one({"$or": [{"a": 1, "b": 2}]}), one({"$or": [{"b": 2, "a": 1}]})),
        (one({"a": {"$elemMatch": {"b": 1, "c": 2}}}), one({"a": {"$elemMatch": {"c": 2, "b": 1}}})),
        (one({}), one(None)),
        (one({}, FindOptions(sort="a")), one({}, FindOptions(sort={"a": 1}))),
        (one({}, FindOptions(sort=["a"])), one({}, FindOptions(sort=[("a", 1)]))),
        (one({}, FindOptions(projection=["a", "b"])), one({}, FindOptions(projection={"b": 1, "a": 1}))),
        (one({}, FindOptions(collation={"locale": "de", "strength": 1})),
         one({}, FindOptions(collation={"strength": 1, "locale": "de"}))),
    ],
)  # fmt: skip
async def test_what_asks_the_same_is_the_same(taped: Taped, recorded: Call, asked: Call) -> None:
    async with replaying(await taped(recorded)) as client:
        assert await asked(things(client)) == {"n": 1}


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        *((one({"a": 1}), one({"a": value})) for value in (1.0, Int64(1), True, "1", Decimal128("1"), 2, None, [1])),
        (one({"a": {"x": 1, "y": 2}}), one({"a": {"y": 2, "x": 1}})),
        (one({"a": [1, 2]}), one({"a": [2, 1]})),
        (one({"a": "x"}), one({"a": Regex("x")})),
        (one({"a": Regex("x")}), one({"a": Regex("x", "i")})),
        (one({"a": BEFORE}), one({"a": BEFORE + timedelta(seconds=1)})),
        (one({"_id": ObjectId("65000000aabbccddee000001")}), one({"_id": ObjectId("65000000aabbccddee000002")})),
        (one({"_id": ObjectId("65000000aabbccddee000001")}), one({"_id": ObjectId()})),
        (one({}, FindOptions(sort=[("a", 1), ("b", 1)])), one({}, FindOptions(sort=[("b", 1), ("a", 1)]))),
        (one({}, FindOptions(hint="a_1")), one({}, FindOptions(hint={"a": 1}))),
        (one({}, FindOptions(collation={"locale": "de"})), one({})),
        (one({}), one({}, FindOptions(skip=1))),
        (one({}), lambda things: things.with_options(read_concern=ReadConcern.MAJORITY).find_one({})),
        (one({}), lambda things: things.find_one_and_delete({})),
    ],
)  # fmt: skip
async def test_what_asks_for_something_else_is_not_found(taped: Taped, recorded: Call, asked: Call) -> None:
    async with replaying(await taped(recorded)) as client:
        with pytest.raises(SimulationMismatchError, match="was not recorded"):
            await asked(things(client))


async def test_the_same_request_is_answered_in_recorded_order_and_the_last_answer_repeats(taped: Taped) -> None:
    async with replaying(await taped(one({}), one({"a": 1}), one({}))) as client:
        answers = [await things(client).find_one({}) for _ in range(4)]

    assert answers == [{"n": 1}, {"n": 3}, {"n": 3}, {"n": 3}]


async def test_operations_may_be_skipped_and_come_in_another_order(taped: Taped) -> None:
    async with replaying(await taped(one({"a": 1}), one({"a": 2}), one({"a": 3}))) as client:
        assert await things(client).find_one({"a": 3}) == {"n": 3}
        assert await things(client).find_one({"a": 1}) == {"n": 1}


async def test_a_replay_can_begin_anew(taped: Taped) -> None:
    replayer = SimulationReplayer.load(await taped(one({}), one({})))
    async with MongoClient.with_simulation(CONFIG, replayer) as client:
        await things(client).find_one({})
        assert [each.number for each in replayer.unused] == [2]
        replayer.rewind()

        assert [await things(client).find_one({}) for _ in range(2)] == [{"n": 1}, {"n": 2}]


async def test_a_miss_tells_the_nearest_recording_and_what_differs_but_no_value(taped: Taped) -> None:
    path = await taped(one({"name": "Ada", "age": {"$gt": 36}}), one({"other": 1}))
    async with replaying(path) as client:
        with pytest.raises(SimulationMismatchError) as caught:
            await things(client).find_one({"name": "Bob", "age": {"$gt": 36.5}})

    text = str(caught.value)
    assert "interaction 1, line 2" in text
    assert "filter.name (another string)" in text
    assert "filter.age.$gt (recorded int32, asked double)" in text
    assert not any(value in text for value in ("Ada", "Bob", "36"))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda client: client.collection("shop", "others").find_one({}), "find_one was recorded on shop.things"),
        (lambda client: things(client).delete_one({}), "nor any other delete_one"),
    ],
)
async def test_a_miss_tells_what_was_recorded_instead(taped: Taped, asked: Any, told: str) -> None:
    async with replaying(await taped(one({}))) as client:
        with pytest.raises(SimulationMismatchError, match=told):
            await asked(client)


async def test_an_answer_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with recording(SimulationRecorder(path), CountReply(3)) as client:
        with pytest.raises(SimulationTypeMismatchError):
            await things(client).find_one({})

    async with replaying(path) as client:
        with pytest.raises(SimulationTypeMismatchError) as caught:
            await things(client).find_one({})
    assert (caught.value.expected, caught.value.actual) == ("DocumentReply", "CountReply")


async def test_strict_takes_the_recorded_order_only(taped: Taped) -> None:
    replayer = SimulationReplayer.load(await taped(one({"a": 1}), one({"a": 2})), strict=True)
    client = MongoClient.with_simulation(CONFIG, replayer)
    with pytest.raises(SimulationMismatchError, match=r"out of order.*interaction 1"):
        await things(client).find_one({"a": 2})


async def test_strict_gives_no_answer_twice(taped: Taped) -> None:
    async with replaying(await taped(one({})), strict=True) as client:
        await things(client).find_one({})
        with pytest.raises(SimulationMismatchError, match="none twice"):
            await things(client).find_one({})


async def test_strict_refuses_at_the_end_what_was_not_asked(taped: Taped) -> None:
    client = replaying(await taped(one({}), one({"a": 1})), strict=True)
    await things(client).find_one({})

    with pytest.raises(SimulationMismatchError, match=r"1 of 2 .* the first is interaction 2, find_one"):
        await client.close()


async def test_an_error_in_the_block_is_not_hidden_by_what_was_not_asked(taped: Taped) -> None:
    with pytest.raises(ZeroDivisionError):
        async with replaying(await taped(one({})), strict=True):
            _ = 1 / 0


async def test_ignored_fields_do_not_count(taped: Taped) -> None:
    path = await taped(one({"a": 1, "trace_id": "x", "meta": {"at": 1, "by": 2}}))
    async with replaying(path, ignore_fields=["traceId", "meta.at"]) as client:
        assert await things(client).find_one({"a": 1, "trace_id": "y", "meta": {"at": 5, "by": 2}}) == {"n": 1}
        assert await things(client).find_one({"a": 1, "meta": {"by": 2}}) == {"n": 1}
        with pytest.raises(SimulationMismatchError):
            await things(client).find_one({"a": 1, "trace_id": "y", "meta": {"at": 5, "by": 3}})


async def test_matchers_decide_by_name(taped: Taped) -> None:
    def same_tenant(recorded: Any, asked: Any) -> bool:
        return bool(recorded["filter"]["tenant"] == asked["filter"]["tenant"])

    path = await taped(one({"tenant": 1, "q": "x"}), one({"tenant": 2, "q": "y"}))
    async with replaying(path, matchers={"tenant": same_tenant}) as client:
        assert await things(client).find_one({"tenant": 2, "q": "something else"}) == {"n": 2}
        with pytest.raises(SimulationMismatchError):
            await things(client).find_one({"tenant": 3, "q": "x"})


@pytest.mark.parametrize(
    ("match_on", "told"), [(("operation", "argument"), "arguments"), (("namespace",), "operation")]
)
async def test_what_cannot_be_matched_on_is_refused(taped: Taped, match_on: tuple[str, ...], told: str) -> None:
    path = await taped(one({}))
    with pytest.raises(SimulationError, match=told):
        SimulationReplayer.load(path, match_on=match_on)


async def test_a_fault_takes_the_place_of_an_answer_once(taped: Taped) -> None:
    lost = CommitError("cut off", is_retryable=True, outcome="unknown")
    path = await taped(one({}), one({}), one({}))
    async with replaying(path, faults=[SimulatedFault("find_one", lost, nth=2)]) as client:
        assert await things(client).find_one({}) == {"n": 1}
        with pytest.raises(CommitError) as caught:
            await things(client).find_one({})
        assert await things(client).find_one({}) == {"n": 2}
    assert caught.value.labels == {"UnknownTransactionCommitResult"}


async def test_answers_take_as_long_as_is_asked_for(taped: Taped) -> None:
    async with replaying(await taped(one({})), latency=timedelta(seconds=30)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await things(client).find_one({})


async def test_answers_take_as_long_as_they_took(taped: Taped) -> None:
    path = await taped(one({}))
    recorded = Recording.load(path)
    slow = [msgspec.structs.replace(each, seconds=30.0) for each in recorded.interactions]
    write_recording(path, recorded.header, slow)
    async with replaying(path) as client:
        assert await things(client).find_one({}) == {"n": 1}
    async with replaying(path, latency="recorded") as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await things(client).find_one({})


async def test_a_hook_changes_what_is_answered(taped: Taped) -> None:
    def hook(told: dict[str, Any]) -> dict[str, Any]:
        told["reply"]["document"]["n"] += told["request"]["filter"]["a"]
        return told

    async with replaying(await taped(one({"a": 10})), before_replay=hook) as client:
        assert await things(client).find_one({"a": 10}) == {"n": 11}


async def test_the_fingerprint_is_of_what_is_asked_not_of_the_values_made_anew(tmp_path: Path) -> None:
    fingerprints: list[list[str]] = []
    for run in range(2):
        path = tmp_path / f"{run}.jsonl"
        async with recording(SimulationRecorder(path), DONE) as client:
            await things(client).insert_one({"a": 1, "at": datetime.now(UTC)})
            await things(client).insert_one({"a": 2, "at": datetime.now(UTC)})
        fingerprints.append([each.fingerprint for each in SimulationReplayer.load(path).unused])

    assert fingerprints[0] == fingerprints[1]
    assert fingerprints[0][0] != fingerprints[0][1]
