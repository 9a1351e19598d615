"""Create, read, update, delete, on a real server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import DatetimeMS, ObjectId

from llm_devops_mongodb import (
    CountOptions,
    Database,
    DeleteOptions,
    DistinctOptions,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertOptions,
    InvalidObjectIdError,
    MongoClient,
    QueryError,
    ReadConcern,
    ReadPreference,
    UpdateOptions,
    WriteConcern,
)


async def test_an_inserted_document_comes_back_by_its_generated_id(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    document = {"name": "a"}

    result = await traces.insert_one(document)

    assert isinstance(result.inserted_id, ObjectId)
    assert document == {"name": "a"}
    assert await traces.find_by_id(result.inserted_id) == {"_id": result.inserted_id, "name": "a"}
    assert await traces.find_by_id(str(result.inserted_id)) == {"_id": result.inserted_id, "name": "a"}


async def test_any_bson_value_may_be_an_id(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    for given in (7, "text", uuid.uuid4(), {"a": 1, "b": 2}, datetime(2026, 1, 1, tzinfo=UTC)):
        assert (await traces.insert_one({"_id": given})).inserted_id == given
        assert await traces.find_one({"_id": given}) == {"_id": given}


async def test_many_documents_are_told_by_index(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")

    result = await traces.insert_many({"_id": n} for n in range(3))

    assert dict(result.inserted_ids) == {0: 0, 1: 1, 2: 2}
    assert result.count == 3
    assert await traces.count_documents() == 3


async def test_find_takes_every_option(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": n, "n": n % 3, "s": "x"} for n in range(9)])
    options = FindOptions(
        projection={"n": 1},
        sort={"n": -1, "_id": 1},
        skip=1,
        limit=3,
        batch_size=2,
        hint={"_id": 1},
        collation={"locale": "en"},
        let={"least": 1},
        comment="find",
        max_time=timedelta(seconds=5),
        no_cursor_timeout=False,
        allow_partial_results=False,
        allow_disk_use=True,
    )

    found = await traces.find({"$expr": {"$gte": ["$n", "$$least"]}}, options)

    assert found == [{"_id": 5, "n": 2}, {"_id": 8, "n": 2}, {"_id": 1, "n": 1}]


async def test_find_reads_a_range_of_an_index(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": n} for n in range(9)])
    bounds = FindOptions(min={"_id": 3}, max={"_id": 5}, hint="_id_", return_key=True)

    assert await traces.find({}, bounds) == [{"_id": 3}, {"_id": 4}]


async def test_find_shows_record_ids(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_one({"_id": 1})

    (found,) = await traces.find({}, FindOptions(show_record_id=True))

    assert "$recordId" in found


async def test_find_one_takes_sort_skip_and_projection(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": n, "n": -n} for n in range(5)])

    assert await traces.find_one(None, FindOptions(sort=[("n", 1)], skip=1, projection=["_id"])) == {"_id": 3}
    assert await traces.find_one({"_id": 99}) is None


async def test_find_refuses_more_than_the_configured_number(mongo_database: Database, mongo_server: Any) -> None:
    await mongo_database.collection("traces").insert_many([{"_id": n} for n in range(11)])

    async with MongoClient.connect(mongo_server.uri, max_find_results=10) as client:
        limited = client.collection(mongo_database.name, "traces")
        with pytest.raises(QueryError, match="max_find_results"):
            await limited.find()
        with pytest.raises(QueryError, match="max_find_results"):
            await limited.aggregate([{"$match": {}}])
        assert len(await limited.find({}, FindOptions(limit=10))) == 10


async def test_an_update_tells_matched_and_modified(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 2}])

    one = await traces.update_one({"_id": 1}, {"$set": {"n": 1}})
    many = await traces.update_many({}, {"$inc": {"n": 1}})

    assert (one.matched_count, one.modified_count, one.upserted_id) == (1, 0, None)
    assert (many.matched_count, many.modified_count) == (2, 2)


async def test_an_update_takes_a_pipeline_and_every_option(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_one({"_id": 1, "list": [1, 5, 9]})
    filtered = UpdateOptions(
        array_filters=[{"big": {"$gt": 4}}],
        hint="_id_",
        collation={"locale": "en"},
        comment="update",
        bypass_document_validation=True,
    )

    await traces.update_one({"_id": 1}, {"$set": {"list.$[big]": 0}}, filtered)
    await traces.update_one({"_id": 1}, [{"$set": {"sum": {"$sum": "$list"}}}], UpdateOptions(let={"unused": 1}))

    assert await traces.find_by_id(1) == {"_id": 1, "list": [1, 0, 0], "sum": 1}


async def test_an_upsert_by_option_tells_the_new_id(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    run = uuid.uuid4()

    result = await traces.update_one({"_id": run}, {"$set": {"n": 1}}, UpdateOptions(upsert=True))

    assert result.upserted_id == run
    assert (result.matched_count, result.modified_count) == (0, 0)


async def test_upsert_sets_fields_and_keeps_an_id_it_finds(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")

    first = await traces.upsert({"name": "a"}, {"_id": 7, "name": "a", "n": 1})
    second = await traces.upsert({"name": "a"}, {"_id": 8, "name": "a", "n": 2})

    assert first.upserted_id == 7
    assert (second.matched_count, second.upserted_id) == (1, None)
    assert await traces.find() == [{"_id": 7, "name": "a", "n": 2}]


async def test_replace_keeps_the_id(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_one({"_id": 1, "old": True})

    result = await traces.replace_one({"_id": 1}, {"new": True})
    nothing = await traces.replace_one({"_id": 2}, {"new": True}, UpdateOptions(upsert=True))

    assert result.modified_count == 1
    assert nothing.upserted_id == 2
    assert await traces.find_by_id(1) == {"_id": 1, "new": True}


async def test_deletes_tell_how_many(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": n} for n in range(5)])

    assert (await traces.delete_one({}, DeleteOptions(hint={"_id": 1}, comment="delete"))).deleted_count == 1
    assert await traces.delete_by_id(4)
    assert not await traces.delete_by_id(4)
    assert (await traces.delete_many({}, DeleteOptions(collation={"locale": "en"}))).deleted_count == 3


async def test_find_and_modify_returns_either_form(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_one({"_id": 1, "n": 1})
    after = FindOneAndUpdateOptions(return_document="after")

    assert await traces.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}) == {"_id": 1, "n": 1}
    assert await traces.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}, after) == {"_id": 1, "n": 3}
    assert await traces.find_one_and_replace({"_id": 1}, {"n": 9}, after) == {"_id": 1, "n": 9}
    assert await traces.find_one_and_delete({"_id": 1}) == {"_id": 1, "n": 9}
    assert await traces.find_one_and_delete({"_id": 1}) is None


async def test_find_and_modify_takes_every_option(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": 1, "n": 1, "list": [1, 5]}, {"_id": 2, "n": 2, "list": [5]}])
    options = FindOneAndUpdateOptions(
        projection={"list": 1},
        sort={"n": -1},
        return_document="after",
        array_filters=[{"x": 5}],
        hint="_id_",
        collation={"locale": "en"},
        comment="modify",
        max_time=timedelta(seconds=5),
        bypass_document_validation=True,
    )

    assert await traces.find_one_and_update({}, {"$set": {"list.$[x]": 0}}, options) == {"_id": 2, "list": [0]}
    removal = FindOneAndDeleteOptions(sort=[("n", 1)], projection=["n"], hint=[("_id", 1)], let={"least": 1})
    assert await traces.find_one_and_delete({"$expr": {"$gte": ["$n", "$$least"]}}, removal) == {"_id": 1, "n": 1}


async def test_counts_take_filter_and_options(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    await traces.insert_many([{"_id": n, "n": n % 2} for n in range(10)], InsertOptions(comment="insert"))

    assert await traces.count_documents({"n": 1}) == 5
    assert await traces.count_documents({}, CountOptions(skip=2, limit=3, hint="_id_", comment="count")) == 3
    assert await traces.estimated_document_count() == 10


async def test_distinct_gives_values_of_the_asked_type(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces")
    run = uuid.uuid4()
    await traces.insert_many([{"tag": "a", "run": run}, {"tag": "b"}, {"tag": ["a", "c"]}])

    tags = await traces.distinct("tag", {}, str, options=DistinctOptions(collation={"locale": "en"}))
    runs = await traces.distinct("run")

    assert sorted(tags) == ["a", "b", "c"]
    assert runs == [run]


async def test_settings_of_a_handle_reach_the_server(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces").with_options(
        read_preference=ReadPreference.SECONDARY_PREFERRED,
        read_concern=ReadConcern.MAJORITY,
        write_concern=WriteConcern(w="majority", journal=True, timeout=timedelta(seconds=5)),
    )

    await traces.insert_one({"_id": 1})

    assert await traces.find_one() == {"_id": 1}


async def test_an_unacknowledged_write_says_so(mongo_database: Database) -> None:
    traces = mongo_database.collection("traces").with_options(write_concern=WriteConcern(w=0))

    assert not (await traces.insert_one({"_id": 1})).acknowledged
    assert not (await traces.update_one({}, {"$set": {"n": 1}})).acknowledged
    assert not (await traces.delete_one({})).acknowledged


@pytest.mark.parametrize("text", ["", "abc", "65f0000000000000000000zz"])
async def test_a_bad_object_id_is_refused(mongo_database: Database, text: str) -> None:
    with pytest.raises(InvalidObjectIdError) as caught:
        await mongo_database.collection("traces").find_by_id(text)

    assert caught.value.value == text


async def test_an_upserted_id_that_python_has_no_date_for_does_not_hide_what_was_done(mongo_database: Database) -> None:
    far = DatetimeMS(2**60)
    result = await mongo_database.collection("far").update_one(
        {"_id": far}, {"$set": {"x": 1}}, UpdateOptions(upsert=True)
    )
    assert result.upserted_id == far
