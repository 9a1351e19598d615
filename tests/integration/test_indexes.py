"""Indexes, made, listed and dropped on a real server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    Database,
    DuplicateKeyError,
    InvalidDocumentError,
    MongoClient,
    MongoError,
    QueryError,
    ReadConcern,
    ReadPreference,
    WriteConcern,
)


async def test_an_index_is_named_for_its_keys(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")

    name = await traces.create_index([("status", 1), ("created", -1)])

    assert name == "status_1_created_-1"
    assert [(index["name"], index["key"]) for index in await traces.list_indexes()] == [
        ("_id_", {"_id": 1}),
        ("status_1_created_-1", {"status": 1, "created": -1}),
    ]


@pytest.mark.parametrize("keys", ["status", ["status"], [("status", 1)], {"status": 1}])
async def test_keys_may_be_given_in_every_form_of_a_sort(mongo_database: Database, keys: Any) -> None:
    assert await mongo_database.collection("traces").create_index(keys) == "status_1"


async def test_an_index_keeps_its_settings(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.create_index(
        "at", name="old", expire_after=timedelta(days=1), partial_filter={"kind": "x"}, hidden=True
    )
    await traces.create_index("name", collation={"locale": "en", "strength": 2}, sparse=True)
    await traces.create_index({"$**": 1}, options={"wildcardProjection": {"secret": 0}})

    indexes = {index["name"]: index for index in await traces.list_indexes()}

    assert indexes["old"]["expireAfterSeconds"] == 86400
    assert indexes["old"]["partialFilterExpression"] == {"kind": "x"}
    assert indexes["old"]["hidden"] is True
    assert indexes["name_1"]["collation"]["strength"] == 2
    assert indexes["name_1"]["sparse"] is True
    assert indexes["$**_1"]["wildcardProjection"] == {"secret": 0}


async def test_a_unique_index_refuses_a_second_key(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.create_index("key", unique=True)
    await traces.insert_one({"key": 1})

    with pytest.raises(DuplicateKeyError):
        await traces.insert_one({"key": 1})


async def test_an_index_that_is_there_is_no_error_unless_it_differs(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.create_index("key")
    await traces.create_index("key")

    with pytest.raises(QueryError) as caught:
        await traces.create_index("key", unique=True)

    assert caught.value.code_name == "IndexKeySpecsConflict"


@pytest.mark.parametrize("index", ["key_1", {"key": 1}, [("key", 1)]])
async def test_an_index_is_dropped_by_name_or_by_keys(mongo_database: Database, index: Any) -> None:
    traces = mongo_database.collection("traces")
    await traces.create_index("key")

    await traces.drop_index(index)

    assert [found["name"] for found in await traces.list_indexes()] == ["_id_"]


async def test_a_collection_that_is_not_there_has_no_indexes(mongo_database: Database) -> None:
    assert await mongo_database.collection("nothing").list_indexes() == []


async def test_bad_indexes_are_refused_before_anything_is_sent(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    keys: Any
    for keys in ({}, [], "", 7):
        with pytest.raises(InvalidDocumentError, match="index"):
            await traces.create_index(keys)
    with pytest.raises(InvalidDocumentError, match="every index"):
        await traces.drop_index("*")
    assert await mongo_database.list_collection_names() == []


async def test_an_index_that_cannot_be_listed_says_why(mongo_database: Database) -> None:
    await mongo_database.create_collection("view", {"viewOn": "traces", "pipeline": []})

    with pytest.raises(QueryError) as caught:
        await mongo_database.collection("view").list_indexes()

    assert caught.value.code_name == "CommandNotSupportedOnView"


async def test_a_collection_is_created_with_its_settings(mongo_database: Database) -> None:
    await mongo_database.create_collection("log", {"capped": True, "size": 4096})
    await mongo_database.create_collection("view", {"viewOn": "log", "pipeline": []})

    found = {one["name"]: one for one in await mongo_database.list_collections({"name": {"$in": ["log", "view"]}})}

    assert found["log"]["options"]["capped"] is True
    assert found["view"]["type"] == "view"
    with pytest.raises(QueryError) as caught:
        await mongo_database.create_collection("log", {"capped": True, "size": 8192})
    assert caught.value.code_name == "NamespaceExists"


async def test_more_collections_than_one_batch_holds_are_all_listed(mongo_database: Database) -> None:
    names = {f"c{n}" for n in range(120)}
    for name in names:
        await mongo_database.create_collection(name)

    assert {found["name"] for found in await mongo_database.list_collections()} == names


async def test_settings_of_a_database_are_those_of_its_collections(mongo_client: MongoClient) -> None:

    database = mongo_client.database("test").with_options(write_concern=WriteConcern(w="majority"))
    other = database.with_options(read_concern=ReadConcern.LOCAL, read_preference=ReadPreference.NEAREST)

    assert database.collection("a") == mongo_client.collection("test", "a").with_options(
        write_concern=WriteConcern(w="majority")
    )
    assert other.collection("a") == database.collection("a").with_options(
        read_concern=ReadConcern.LOCAL, read_preference=ReadPreference.NEAREST
    )
    assert await other.aggregate([{"$documents": [{"a": 1}]}]) == [{"a": 1}]


async def test_an_index_is_made_on_the_primary_wherever_reads_go(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces").with_options(
        read_preference=ReadPreference.SECONDARY, write_concern=WriteConcern(w="majority", journal=True)
    )

    assert await traces.create_index("key") == "key_1"
    await traces.drop_index("key_1")


async def test_an_index_is_made_with_the_handle_s_write_concern(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces").with_options(
        write_concern=WriteConcern(w="nobody", timeout=timedelta(seconds=1))
    )

    with pytest.raises(MongoError):
        await traces.create_index("key")


@pytest.mark.parametrize("duration", [timedelta(milliseconds=900), timedelta(seconds=-1), 3600])
async def test_what_is_no_number_of_seconds_deletes_nothing(mongo_database: Database, duration: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="whole seconds"):
        await mongo_database.collection("traces").create_index("at", expire_after=duration)


@pytest.mark.parametrize("keys", [{"a": 0}, {"a": True}, [("a", 1), ("a", -1)], [("a", 1, 2)], [5]])
async def test_bad_directions_are_refused(mongo_database: Database, keys: Any) -> None:
    with pytest.raises(InvalidDocumentError):
        await mongo_database.collection("traces").create_index(keys)
