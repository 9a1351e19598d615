"""Every family of models, there and back through a real server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from bson import Decimal128, ObjectId

from llm_devops_mongodb import Database, DeserializationError, FindOptions, MongoClient, SerializationError
from tests.families import FAMILIES, RUN, StructTrace


class StructWithOptionalTextKey(msgspec.Struct):
    id: str | None = None


family = pytest.mark.parametrize("name", FAMILIES)


@family
async def test_a_value_comes_back_equal_and_is_not_changed(mongo_database: Database, name: str) -> None:
    kind, value = FAMILIES[name]
    traces = mongo_database.collection("traces", kind)

    inserted_id = (await traces.insert_one(value)).inserted_id

    found = await traces.find_one()
    raw = await traces.with_type(dict).find_one()
    assert found is not None
    assert raw is not None
    assert raw["_id"] == inserted_id
    assert next(iter(raw)) == "_id"
    if name == "typeddict":
        assert found == value
    else:
        assert found.id == inserted_id
        assert value.id is None
        found.id = None
        assert found == value


@family
async def test_values_are_stored_as_the_servers_own_types(mongo_database: Database, name: str) -> None:
    kind, value = FAMILIES[name]
    traces = mongo_database.collection("traces", kind)
    await traces.insert_one(value)

    raw = await traces.with_type(dict).find_one()

    assert raw is not None
    assert raw["stage"] == "live"
    assert raw["level"] == 2
    assert raw["cost"] == Decimal128("0.000150")
    assert raw["run"] == RUN
    assert raw["day"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert raw["address"] == {"city": "Ulm", "zip": None}
    (decimals,) = await traces.distinct("cost", {}, Decimal)
    assert decimals == Decimal("0.000150")


@family
async def test_find_stream_and_find_and_update_give_the_model(mongo_database: Database, name: str) -> None:
    kind, value = FAMILIES[name]
    traces = mongo_database.collection("traces", kind)
    await traces.insert_one(value)

    streamed = [trace async for trace in traces.find_stream()]
    listed = await traces.find()
    updated = await traces.find_one_and_update({}, {"$set": {"note": "x"}})
    aggregated = await traces.aggregate([{"$match": {}}, {"$unset": "note"}, {"$set": {"note": None}}], T=kind)

    assert streamed == listed == [updated] == aggregated


@family
async def test_upsert_and_replace_take_the_model(mongo_database: Database, name: str) -> None:
    kind, value = FAMILIES[name]
    traces = mongo_database.collection("traces", kind)

    first = await traces.upsert({"name": "none such"}, value)
    second = await traces.replace_one({"_id": first.upserted_id}, value) if name != "typeddict" else None

    assert isinstance(first.upserted_id, ObjectId)
    assert second is None or second.matched_count == 1
    assert await traces.count_documents({"address.city": "Ulm"}) == 1


@family
async def test_a_document_that_does_not_fit_is_told_by_path_and_never_by_value(
    mongo_database: Database, name: str
) -> None:
    kind, value = FAMILIES[name]
    traces = mongo_database.collection("traces", kind)
    inserted_id = (await traces.insert_one(value)).inserted_id
    await traces.update_one({}, {"$set": {"address.city": {"secret": "hunter2"}}})

    with pytest.raises(DeserializationError) as caught:
        await traces.find_one()

    assert caught.value.document_id == inserted_id
    assert caught.value.namespace == f"{mongo_database.name}.traces"
    assert caught.value.path == "address.city"
    assert "address.city" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@family
async def test_what_does_not_fit_can_be_skipped_and_nothing_else_is_lost(mongo_database: Database, name: str) -> None:
    kind, value = FAMILIES[name]
    traces = mongo_database.collection("traces", kind)
    raw = traces.with_type(dict)
    await traces.insert_one(value)
    good = await raw.find_one()
    assert good is not None
    await raw.insert_many([good | {"_id": ObjectId(), "cost": "dear"}, good | {"_id": ObjectId()}])
    in_order = FindOptions(sort={"_id": 1})

    listed = await traces.find({}, in_order, on_error="skip")
    streamed = [trace async for trace in traces.find_stream({}, in_order, on_error="skip")]
    aggregated = await traces.aggregate([{"$sort": {"_id": 1}}], T=kind, on_error="skip")

    assert len(listed) == 2
    assert streamed == aggregated == listed


async def test_a_stream_goes_on_after_a_document_that_does_not_fit(mongo_database: Database) -> None:
    class Point(msgspec.Struct):
        x: int

    points = mongo_database.collection("points", Point)
    await points.with_type(dict).insert_many([{"_id": 1, "x": 1}, {"_id": 2, "x": "two"}, {"_id": 3, "x": 3}])

    async with points.find_stream({}, FindOptions(sort="_id")) as stream:
        assert await stream.next() == Point(1)
        with pytest.raises(DeserializationError) as caught:
            await stream.next()
        assert await stream.next() == Point(3)
        assert await stream.next() is None

    assert caught.value.document_id == 2


async def test_a_model_serves_two_collections_of_two_clients_at_once(
    mongo_database: Database, mongo_server: Any
) -> None:
    value = FAMILIES["struct"][1]
    async with MongoClient.connect(mongo_server.uri) as other:
        handles = [
            mongo_database.collection("first", StructTrace),
            other.collection(mongo_database.name, "second", StructTrace),
        ]
        await asyncio.gather(*(handle.insert_one(value) for handle in handles for _ in range(10)))
        counts = await asyncio.gather(*(handle.count_documents() for handle in handles))

    assert counts == [10, 10]


async def test_a_value_of_another_type_is_refused(mongo_database: Database) -> None:
    traces: Any = mongo_database.collection("traces", StructTrace)

    with pytest.raises(SerializationError, match="StructTrace"):
        await traces.insert_one({"name": "no struct"})


async def test_a_key_that_a_model_declares_as_text_is_looked_for_as_text(mongo_database: Database) -> None:
    class Model(msgspec.Struct):
        id: str
        n: int = 0

    models = mongo_database.collection("models", Model)
    await models.insert_one(Model("openai/gpt-4o", 1))

    assert await models.find_by_id("openai/gpt-4o") == Model("openai/gpt-4o", 1)
    assert await models.delete_by_id("openai/gpt-4o")
    with pytest.raises(SerializationError, match="_id"):
        await mongo_database.collection("models", StructWithOptionalTextKey).insert_one(StructWithOptionalTextKey())


async def test_a_type_that_is_no_document_is_refused_when_the_handle_is_made(mongo_database: Database) -> None:
    with pytest.raises(TypeError):
        mongo_database.collection("traces", int)
