"""What cannot work is told clearly, at once, and nothing is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from bson import ObjectId

from llm_devops_mongodb import (
    BulkWriteError,
    Database,
    DeserializationError,
    DocumentTooLargeError,
    DuplicateKeyError,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertManyResult,
    InvalidDocumentError,
    MongoClient,
    MongoError,
    QueryError,
    SerializationError,
    UpdateOptions,
    WriteError,
)


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {"end": True}
    for _ in range(depth - 1):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"": 1}, ""),
        ({"a": {"": 1}}, "a"),
        ({"nul\0": 1}, "nul"),
        ({"$set": {"a": 1}}, "$set"),
        ({"a": [{"$where": "1"}]}, "a.0"),
        (nested(101), "a"),
    ],
)
async def test_a_bad_document_is_refused_before_it_is_sent(
    mongo_database: Database, document: dict[str, Any], path: str
) -> None:
    traces = mongo_database.collection("traces")

    with pytest.raises(InvalidDocumentError) as caught:
        await traces.insert_one(document)
    with pytest.raises(InvalidDocumentError):
        await traces.insert_many([{"_id": 1}, document])

    assert caught.value.outcome == "not_applied"
    assert caught.value.path.startswith(path)
    assert await traces.count_documents() == 0


async def test_a_document_of_a_hundred_levels_is_taken(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_one(nested(100))
    assert await traces.count_documents() == 1


async def test_a_document_over_16_mib_is_refused_with_its_size(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    large = {"x": "x" * (16 * 1024 * 1024)}

    for refused in (
        traces.insert_one(large),
        traces.insert_many([{"_id": 1}, large]),
        traces.replace_one({}, large),
        traces.upsert({"_id": 2}, large),
    ):
        with pytest.raises(DocumentTooLargeError) as caught:
            await refused
        assert caught.value.size > 16 * 1024 * 1024

    assert await traces.count_documents() == 0


async def test_documents_of_15_mib_travel_in_as_many_messages_as_they_need(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": n, "x": "x" * (15 * 1024 * 1024)} for n in range(4)])
    assert [len(document["x"]) async for document in traces.find_stream()] == [15 * 1024 * 1024] * 4


async def test_validation_can_be_switched_off(mongo_database: Database, mongo_server: Any) -> None:
    async with MongoClient.connect(mongo_server.uri, validate_documents=False) as client:
        traces = client.collection(mongo_database.name, "traces")
        await traces.insert_one({"_id": 1, "a": {"$odd": 1}})
        assert await traces.find_one() == {"_id": 1, "a": {"$odd": 1}}
        with pytest.raises(QueryError) as caught:
            await traces.find({"a": {"$unknown": 1}})

    assert caught.value.code == 2


async def test_an_unknown_operator_names_the_nearest(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")

    with pytest.raises(InvalidDocumentError, match=r"\$exists"):
        await traces.find({"a": {"$exist": True}})
    with pytest.raises(InvalidDocumentError, match=r"\$set"):
        await traces.update_one({}, {"$sett": {"a": 1}})
    with pytest.raises(InvalidDocumentError, match=r"\$match"):
        await traces.aggregate([{"$mach": {}}])


@pytest.mark.parametrize("name", ["", "system.users", "nul\0", "x" * 200, "a$b"])
async def test_a_bad_collection_name_is_refused_when_the_handle_is_made(mongo_client: MongoClient, name: str) -> None:
    with pytest.raises(InvalidDocumentError):
        mongo_client.collection("test", name)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "x" * 64, "$a", "nul\0"])
async def test_a_bad_database_name_is_refused_when_the_handle_is_made(mongo_client: MongoClient, name: str) -> None:
    with pytest.raises(InvalidDocumentError):
        mongo_client.database(name)


async def test_a_duplicate_key_names_the_index_and_keeps_the_code(mongo_database: Database) -> None:
    users = mongo_database.collection("users")
    await mongo_database.run_command(
        {"createIndexes": "users", "indexes": [{"key": {"email": 1}, "name": "email_1", "unique": True}]}
    )
    await users.insert_one({"email": "ada@example.com"})

    with pytest.raises(DuplicateKeyError) as caught:
        await users.insert_one({"email": "ada@example.com"})

    error = caught.value
    assert (error.code, error.index_name, error.key_pattern) == (11000, "email_1", {"email": 1})
    assert error.outcome == "not_applied"
    assert "ada@example.com" not in str(error)
    assert error.__cause__ is not None


@pytest.mark.parametrize("ordered", [True, False])
async def test_duplicates_in_the_middle_tell_what_was_inserted_by_original_index(
    mongo_database: Database, *, ordered: bool
) -> None:
    numbers = mongo_database.collection("numbers")
    await numbers.insert_many([{"_id": 2}, {"_id": 4}])

    with pytest.raises(BulkWriteError) as caught:
        await numbers.insert_many([{"_id": n} for n in range(6)], ordered=ordered)

    error = caught.value
    assert isinstance(error.result, InsertManyResult)
    inserted = {0: 0, 1: 1} if ordered else {0: 0, 1: 1, 3: 3, 5: 5}
    assert dict(error.result.inserted_ids) == inserted
    assert set(error.write_errors) == ({2} if ordered else {2, 4})
    assert all(isinstance(failure, DuplicateKeyError) for failure in error.write_errors.values())
    assert await numbers.count_documents() == len(inserted) + 2 - len({2, 4} & set(inserted.values()))


async def test_duplicates_across_messages_keep_their_original_index(mongo_database: Database) -> None:
    numbers = mongo_database.collection("numbers")
    await numbers.insert_one({"_id": 100_500})

    with pytest.raises(BulkWriteError) as caught:
        await numbers.insert_many(({"_id": n} for n in range(101_000)), ordered=False)

    assert list(caught.value.write_errors) == [100_500]
    assert caught.value.result.count == 100_999  # type: ignore[union-attr]  # an insert's result


async def test_many_of_nothing_is_refused(mongo_database: Database) -> None:
    traces: Any = mongo_database.collection("traces")
    with pytest.raises(InvalidDocumentError, match="no documents"):
        await traces.insert_many([])
    with pytest.raises(InvalidDocumentError, match="insert_one"):
        await traces.insert_many({"_id": 1})


async def test_a_forgotten_filter_is_refused_and_an_explicit_one_taken(mongo_database: Database) -> None:
    traces: Any = mongo_database.collection("traces")
    await traces.insert_many([{"_id": 1}, {"_id": 2}])

    with pytest.raises(InvalidDocumentError, match="every document"):
        await traces.delete_many(None)
    with pytest.raises(InvalidDocumentError, match="every document"):
        await traces.update_many(None, {"$set": {"a": 1}})
    assert (await traces.delete_many({})).deleted_count == 2


@pytest.mark.parametrize(
    "value", [2**64, "\ud800", object(), {1, "a"}, 1 + 2j], ids=["big int", "surrogate", "object", "set", "complex"]
)
async def test_a_value_that_bson_cannot_hold_is_refused_with_its_path(mongo_database: Database, value: Any) -> None:
    traces = mongo_database.collection("traces")
    refusals = {
        "insert": traces.insert_one({"a": {"b": [value]}}),
        "filter": traces.find({"a": {"b": [value]}}),
        "update": traces.update_one({}, {"$set": {"a": {"b": [value]}}}),
        "pipeline": traces.aggregate([{"$match": {"a": {"b": [value]}}}]),
        "upsert": traces.upsert({}, {"a": {"b": [value]}}),
    }
    for refused in refusals.values():
        with pytest.raises(MongoError) as caught:
            await refused
        assert isinstance(caught.value, (SerializationError, InvalidDocumentError))
        assert "a.b.0" in str(caught.value)


async def test_an_option_that_bson_cannot_hold_is_refused(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    for comment in (2**64, "\ud800", object()):
        with pytest.raises(MongoError):
            await traces.find({}, FindOptions(comment=comment))


async def test_a_server_refusal_keeps_code_and_name_and_hides_values(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_one({"_id": 1, "name": "hunter2"})

    with pytest.raises(WriteError) as caught:
        await traces.update_one({"_id": 1}, {"$inc": {"name": 1}})
    with pytest.raises(QueryError) as unknown:
        await mongo_database.run_command({"noSuchCommand": 1})

    assert caught.value.code == 14
    assert "hunter2" not in str(caught.value)
    assert (unknown.value.code, unknown.value.code_name) == (59, "CommandNotFound")


async def test_an_empty_command_is_refused(mongo_database: Database) -> None:
    with pytest.raises(InvalidDocumentError, match="empty"):
        await mongo_database.run_command({})


async def test_ids_and_uuids_in_commands_come_back_as_they_are(mongo_database: Database) -> None:
    given = ObjectId()
    await mongo_database.run_command({"insert": "traces", "documents": [{"_id": given}]})
    reply = await mongo_database.run_command({"find": "traces", "filter": {"_id": given}})
    assert reply["cursor"]["firstBatch"] == [{"_id": given}]


async def test_an_option_that_a_method_does_not_have_is_refused(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    filters = [{"x": 1}]
    for refused in (
        traces.update_many({}, {"$set": {"a": 1}}, UpdateOptions(sort={"a": 1})),
        traces.replace_one({}, {"a": 1}, UpdateOptions(array_filters=filters)),
        traces.find_one_and_replace({}, {"a": 1}, FindOneAndUpdateOptions(array_filters=filters)),
    ):
        with pytest.raises(InvalidDocumentError, match="takes no"):
            await refused


async def test_a_misspelt_choice_is_refused(mongo_database: Database) -> None:
    traces: Any = mongo_database.collection("traces")
    with pytest.raises(InvalidDocumentError, match="on_error"):
        await traces.find({}, on_error="ignore")
    with pytest.raises(InvalidDocumentError, match="on_error"):
        traces.find_stream({}, on_error="ignore")
    for value in ("AFTER", True, "new"):
        with pytest.raises(InvalidDocumentError, match="return_document"):
            FindOneAndUpdateOptions(return_document=value)  # type: ignore[arg-type]  # the mistake is the point


async def test_a_change_whose_document_does_not_fit_is_told_as_applied(mongo_database: Database) -> None:
    class Point(msgspec.Struct):
        x: int

    points = mongo_database.collection("points", Point)
    await points.with_type(dict).insert_one({"_id": 1, "x": "no number"})

    with pytest.raises(DeserializationError) as caught:
        await points.find_one_and_delete({})

    assert caught.value.outcome == "applied"
    assert await points.count_documents() == 0


async def test_an_upsert_that_would_make_a_key_of_another_type_is_refused(mongo_database: Database) -> None:
    class Model(msgspec.Struct):
        id: str | None = None
        n: int = 0

    models = mongo_database.collection("models", Model)
    with pytest.raises(SerializationError, match="_id"):
        await models.upsert({"n": 1}, Model(n=1))
    assert (await models.upsert({"_id": "a"}, Model(n=1))).upserted_id == "a"


async def test_large_documents_come_back_as_they_went(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    large = {"_id": 1, "x": "x" * 10_000}
    await traces.insert_one(large)

    assert await traces.find_one() == large
    assert await traces.find_one_and_update({}, {"$set": {"y": 1}}) == large
    reply = await mongo_database.run_command({"find": "traces"})
    assert reply["cursor"]["firstBatch"] == [large | {"y": 1}]
