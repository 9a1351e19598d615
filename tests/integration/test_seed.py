"""The seed's own integration tests (section 6.2), in Python."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from llm_devops_mongodb import MongoClient, MongoConfig, NoopCredentialProvider, PipelineBuilder, Session


async def test_crud_operations(mongo_server: Any, mongo_database: Any) -> None:
    config = MongoConfig(uri=mongo_server.uri, default_database="test")
    async with MongoClient.connect(config, credentials=NoopCredentialProvider()) as client:
        collection = client.collection(mongo_database.name, "crud_test")

        insert_result = await collection.insert_one({"name": "test", "value": 42})
        assert isinstance(insert_result.inserted_id, ObjectId)

        found = await collection.find_one({"name": "test"})
        assert found is not None
        assert found["value"] == 42

        update_result = await collection.update_one({"name": "test"}, {"$set": {"value": 100}})
        assert update_result.modified_count == 1

        delete_result = await collection.delete_one({"name": "test"})
        assert delete_result.deleted_count == 1


async def test_transaction(mongo_client: MongoClient, mongo_database: Any) -> None:
    collection = mongo_client.collection(mongo_database.name, "txn_test")

    async def insert_two(session: Session) -> None:
        await session.insert_one(collection, {"id": 1})
        await session.insert_one(collection, {"id": 2})

    await mongo_client.with_transaction(insert_two)

    assert await collection.count_documents({}) == 2


async def test_aggregation(mongo_client: MongoClient, mongo_database: Any) -> None:
    collection = mongo_client.collection(mongo_database.name, "agg_test")
    await collection.insert_many(
        [{"region": "us", "sales": 100}, {"region": "us", "sales": 200}, {"region": "eu", "sales": 150}]
    )

    pipeline = PipelineBuilder().group("$region", {"total": {"$sum": "$sales"}}).sort({"total": -1}).build()
    results = await collection.aggregate(pipeline)

    assert len(results) == 2
    assert results[0] == {"_id": "us", "total": 300}


async def test_bulk_operations(mongo_client: MongoClient, mongo_database: Any) -> None:
    collection = mongo_client.collection(mongo_database.name, "bulk_test")

    result = await (
        collection.bulk_write()
        .insert({"id": 1})
        .insert({"id": 2})
        .update_one({"id": 1}, {"$set": {"updated": True}}, upsert=False)
        .delete_one({"id": 2})
        .execute()
    )

    assert result.inserted_count == 2
    assert result.modified_count == 1
    assert result.deleted_count == 1
