"""Secrets never reach the file, and requests that hold some are found nevertheless."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId

from llm_devops_mongodb import FindOptions, SimulationMismatchError, SimulationRecorder
from llm_devops_mongodb.replies import UpdateReply, ValuesReply
from llm_devops_mongodb.simulation.cassette import Recording, write_recording
from llm_devops_mongodb.simulation.scrubbing import scrubbed
from tests.stub_transport import cursor, frame
from tests.unit.simulation.recordings import Things, found, interactions_of, recording, replaying, text_of, things

SECRET = "hunter2-is-secret"
PIPELINES: dict[str, list[dict[str, Any]]] = {
    "a match": [{"$match": {"token": SECRET}}],
    "an expression": [{"$match": {"$expr": {"$eq": ["$user.token", SECRET]}}}],
    "a literal": [{"$set": {"same": {"$in": [{"$literal": SECRET}, ["$token"]]}}}, {"$match": {"token": SECRET}}],
    "an alias": [{"$group": {"_id": "$token"}}, {"$match": {"_id": SECRET}}],
    "a field by its name": [
        {"$match": {"$expr": {"$eq": [{"$getField": "token"}, "$x"]}}},
        {"$match": {"token": SECRET}},
    ],
    "a facet": [{"$facet": {"a": [{"$match": {"auth": {"$elemMatch": {"token": SECRET}}}}]}}],
}
FILTERS: dict[str, dict[str, Any]] = {
    "a field": {"token": SECRET},
    "an operator": {"token": {"$in": [SECRET], "$ne": SECRET}},
    "a dotted name": {"auth.token": SECRET},
    "a logical operator": {"$or": [{"a": 1}, {"$and": [{"token": SECRET}]}]},
    "an array": {"auth": {"$elemMatch": {"token": SECRET}}},
    "a pattern": {"token": {"$regex": SECRET}},
    "a document": {"auth": {"token": {"value": SECRET}}},
    "a name in capitals": {"TOKEN": SECRET},
    "a dollar": {"token": f"${SECRET}"},
}


async def aggregated(things: Things, pipeline: list[dict[str, Any]]) -> Any:
    return await things.aggregate(pipeline)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.jsonl"


async def is_recorded_without_secrets(path: Path, call: Callable[[Things], Awaitable[Any]], *answers: Any) -> Any:
    """Record a call and replay it; the file holds no secret at any time."""
    async with recording(SimulationRecorder(path), *answers) as client:
        await call(things(client))
        journal = str([(each.request, each.reply, [part.documents for part in each.parts]) for each in _so_far(path)])
    assert SECRET not in journal
    assert SECRET not in text_of(path)
    async with replaying(path, strict=True) as client:
        return await call(things(client))


def _so_far(path: Path) -> list[Any]:
    return list(Recording.load(path).interactions)


@pytest.mark.parametrize("form", FILTERS)
async def test_a_filter_holds_none(path: Path, form: str) -> None:
    def call(things: Things) -> Awaitable[Any]:
        return things.find_one(FILTERS[form])

    assert await is_recorded_without_secrets(path, call, found(n=1)) == {"n": 1}


@pytest.mark.parametrize("form", PIPELINES)
async def test_a_pipeline_holds_none(path: Path, form: str) -> None:
    def call(things: Things) -> Awaitable[Any]:
        return things.aggregate(PIPELINES[form])

    # One stream for the recording, and none for the replay.
    assert await is_recorded_without_secrets(path, call, cursor(frame({"n": 1}))) == [{"n": 1}]


@pytest.mark.parametrize(
    "document",
    [
        {"_id": 1, "token": SECRET},
        {"_id": 1, "users": [{"auth": {"token": SECRET}}]},
        {"_id": 1, "credentials": {"deep": [SECRET, {"x": SECRET}]}},
        {"_id": 1, "fullDocument": {"api_key": SECRET}, "updateDescription": {"updatedFields": {"a.token": SECRET}}},
    ],
)
async def test_an_answer_holds_none(path: Path, document: dict[str, Any]) -> None:
    again = await is_recorded_without_secrets(path, lambda things: things.find({}), cursor(frame(document)))

    assert again[0]["_id"] == 1


async def test_an_alias_of_a_sensitive_field_is_hidden_in_the_answer(path: Path) -> None:
    pipeline = [{"$group": {"_id": "$token", "n": {"$sum": 1}}}, {"$project": {"who": "$_id"}}]
    answer = cursor(frame({"_id": SECRET, "n": 1}))

    assert await is_recorded_without_secrets(path, lambda things: aggregated(things, pipeline), answer) == [
        {"_id": "redacted-1", "n": 1}
    ]


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ({"$sortByCount": "$auth.token"}, {"_id": SECRET, "count": 1}),
        ({"$bucketAuto": {"groupBy": "$token", "buckets": 2}}, {"_id": {"min": SECRET, "max": SECRET}}),
        ({"$project": {"v": {"$getField": "token"}}}, {"v": SECRET}),
        ({"$project": {"v": {"$getField": {"field": "token", "input": "$auth"}}}}, {"v": SECRET}),
        ({"$project": {"a": {"$objectToArray": "$$ROOT"}}}, {"a": [{"k": "token", "v": SECRET}]}),
        ({"$group": {"_id": None, "all": {"$push": {"it": "$token"}}}}, {"_id": None, "all": [{"it": SECRET}]}),
    ],
)
async def test_what_a_stage_takes_from_a_sensitive_field_is_hidden_in_the_answer(
    path: Path, stage: dict[str, Any], answer: dict[str, Any]
) -> None:
    def call(things: Things) -> Awaitable[Any]:
        return aggregated(things, [stage])

    assert "redacted-1" in str(await is_recorded_without_secrets(path, call, cursor(frame(answer))))


async def test_an_update_by_a_pipeline_holds_none(path: Path) -> None:
    update = [{"$set": {"token": SECRET}}, {"$set": {"same": {"$cond": [{"$eq": ["$token", SECRET]}, 1, 0]}}}]
    answer = UpdateReply(1, 1, None, acknowledged=True)

    again = await is_recorded_without_secrets(path, lambda things: things.update_many({}, update), answer)
    assert again.modified_count == 1


async def test_a_variable_that_is_compared_with_a_sensitive_field_is_hidden(path: Path) -> None:
    def call(things: Things) -> Awaitable[Any]:
        return things.find_one({"$expr": {"$eq": ["$token", "$$given"]}}, FindOptions(let={"given": SECRET}))

    assert await is_recorded_without_secrets(path, call, found(n=1)) == {"n": 1}


async def test_distinct_values_of_a_sensitive_field_are_hidden(path: Path) -> None:
    answer = ValuesReply(frame({"values": [SECRET, "another"]}))

    values = await is_recorded_without_secrets(path, lambda things: things.distinct("auth.token", {}), answer)
    assert values == ["redacted-1", "redacted-2"]


@pytest.mark.parametrize(
    "value",
    [SECRET, 12345, Int64(12345), 1.5, SECRET.encode(), Binary(SECRET.encode(), 128), Decimal128("1.5"), ObjectId()],
)
async def test_a_placeholder_has_the_type_of_the_secret_and_is_the_same_for_the_same(path: Path, value: Any) -> None:
    async with recording(SimulationRecorder(path), found(token=value, again={"token": value})) as client:
        await things(client).find_one({"token": value})

    (interaction,) = interactions_of(path)
    placeholder = interaction.request["filter"]["token"]
    assert placeholder != value
    assert type(placeholder) is type(value)
    assert interaction.reply["document"] == {"token": placeholder, "again": {"token": placeholder}}


async def test_a_date_is_hidden_too(path: Path) -> None:
    moment = datetime(1990, 5, 17, tzinfo=UTC)
    async with recording(SimulationRecorder(path), found(n=1)) as client:
        await things(client).find_one({"ssn": moment})

    assert str(int(moment.timestamp())) not in text_of(path)


async def test_two_secrets_are_told_apart_and_one_is_known_again(path: Path) -> None:
    async def call(things: Things) -> list[Any]:
        filters = [{"token": "first-one"}, {"token": "second-one"}, {"token": "first-one"}]
        return [(await things.find_one(wanted) or {})["n"] for wanted in filters]

    async with recording(SimulationRecorder(path), found(n=1), found(n=2), found(n=3)) as client:
        await call(things(client))

    async with replaying(path) as client:
        assert await call(things(client)) == [1, 2, 3]
        assert (await things(client).find_one({"token": "second-one"}) or {})["n"] == 2


async def test_a_third_secret_is_not_taken_for_one_of_two(path: Path) -> None:
    async with recording(SimulationRecorder(path), found(n=1)) as client:
        await things(client).find_one({"token": "first-one"})

    async with replaying(path) as client:
        await things(client).find_one({"token": "first-one"})
        # The last answer repeats, for the same request: a placeholder that stands for another secret is none.
        assert await things(client).find_one({"token": "first-one"}) == {"n": 1}
        with pytest.raises(SimulationMismatchError):
            await things(client).find_one({"token": 12345})


async def test_old_files_can_be_scrubbed_and_replayed(path: Path) -> None:
    async def call(things: Things) -> Any:
        await things.find_one({"iban": SECRET})
        return await things.find({"iban": {"$in": [SECRET]}})

    async with recording(
        SimulationRecorder(path), found(iban=SECRET), cursor(frame({"x": {"iban": SECRET}}))
    ) as client:
        await call(things(client))
    assert SECRET in text_of(path)

    recorded = scrubbed(Recording.load(path), ["iban"])
    write_recording(path, recorded.header, recorded.interactions)

    assert SECRET not in text_of(path)
    async with replaying(path) as client:
        assert await call(things(client)) == [{"x": {"iban": "redacted-1"}}]
