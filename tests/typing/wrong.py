"""What the type checkers must refuse, each line marked; it is checked, never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from llm_devops_mongodb import (
    Collection,
    CountOptions,
    Database,
    Field,
    FilterBuilder,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertOneResult,
    MongoClient,
    MongoConfig,
    PipelineBuilder,
    ReadPreference,
    Session,
    UpdateBuilder,
    UpdateOptions,
    WriteConcern,
    chunked_insert,
    f,
)


@dataclass
class User:
    name: str


@dataclass
class Order:
    total: int


class Row(TypedDict):
    name: str


async def documents(users: Collection[User], rows: Collection[Row], plain: Collection[dict[str, Any]]) -> None:
    await users.insert_one(Order(3))  # error
    await users.insert_one({"name": "Ada"})  # error
    await users.insert_many([Order(3)])  # error
    await users.insert_many(User("Ada"))  # error
    await users.replace_one({}, Order(3))  # error
    await users.upsert({}, Order(3))  # error
    await users.find_one_and_replace({}, Order(3))  # error
    await rows.insert_one({"nmae": "Ada"})  # error
    await rows.insert_one({"name": 3})  # error
    await plain.insert_one(User("Ada"))  # error


async def filters(users: Collection[User]) -> None:
    await users.find("name")  # error
    await users.find_one(["name"])  # error
    await users.update_one()  # error
    await users.update_one({"name": "Ada"})  # error
    await users.update_many(None, {"$set": {"name": "Ada"}})  # error
    await users.update_one({}, None)  # error
    await users.delete_one()  # error
    await users.delete_many()  # error
    await users.delete_many(None)  # error
    await users.delete_by_id()  # error
    await users.aggregate({"$match": {}})  # error
    await users.distinct(["name"])  # error


async def keywords(users: Collection[User], other: UpdateOptions) -> None:
    FindOptions(limits=3)  # error
    FindOptions({"name": 1})  # error
    FindOptions(max_time=3)  # error
    CountOptions(sort="name")  # error
    FindOneAndUpdateOptions(return_document="latest")  # error
    await users.find({}, other)  # error
    await users.find({}, on_error="ignore")  # error
    users.find_stream({}, on_error="warn")  # error
    await users.insert_many([User("Ada")], order=False)  # error
    await users.find({}, session="session")  # error
    users.with_options(read_preference="nearest")  # error
    users.with_options(read_preferences=ReadPreference.NEAREST)  # error
    users.within(None)  # error
    WriteConcern(w=1, j=True)  # error


def configuration(client: MongoClient) -> None:
    MongoConfig()  # error
    MongoConfig("mongodb://localhost")  # error
    MongoConfig(uri="mongodb://localhost", max_pool=3)  # error
    MongoConfig(uri="mongodb://localhost", simulation_mode="play")  # error
    MongoClient.connect("mongodb://localhost", max_pool=3)  # error
    MongoClient.connect("mongodb://localhost", max_pool_size="many")  # error
    MongoClient.connect()  # error
    client.collection("shop")  # error
    client.collection("shop", "users", "User")  # error
    client.database("shop").collection("users", 3)  # error


async def results(users: Collection[User], shop: Database, client: MongoClient) -> None:
    strings: list[str] = await users.find()  # error
    orders: list[Order] = await users.aggregate([{"$match": {}}], T=User)  # error
    numbers: Sequence[int] = await users.distinct("name", {}, str)  # error
    name: str = (await users.find_one()).name  # error
    collection: Collection[Order] = users.with_type(User)  # error
    inserted: InsertOneResult = users.insert_one(User("Ada"))  # error
    (await users.insert_one(User("Ada"))).inserted_id = 3  # error
    users.name = "orders"  # error
    names: list[int] = await shop.list_collection_names()  # error
    assert strings, (orders, numbers, name, collection, inserted, names)
    async for order in users.find_stream():
        assert order.total  # error


async def transactions(client: MongoClient, session: Session, users: Collection[User]) -> None:
    async def callback() -> int:
        return 1

    def blocking(inner: Session) -> int:
        return 1

    await client.with_transaction(callback)  # error
    await client.with_transaction(blocking)  # error
    await session.insert_one(users, Order(3))  # error
    with client.start_session():  # error
        pass


def fields(users: Collection[User]) -> None:
    f(User, lambda user: user.nmae)  # error
    name = f(User, lambda user: user.name)
    FilterBuilder().eq(name, 3)  # error
    FilterBuilder().in_array(name, [3])  # error
    UpdateBuilder().set(name, 3)  # error
    FilterBuilder().eq(3, 3)  # error
    number: Field[int] = name  # error
    users.query().sort(3)  # error
    users.bulk_write().insert(Order(3))  # error
    users.bulk_write().update_one({}, 3)  # error
    assert number


async def builders(users: Collection[User]) -> None:
    await users.find(PipelineBuilder())  # error
    await users.aggregate(FilterBuilder())  # error
    await users.find_page({}, limit=3)  # error
    orders: list[Order] = (await users.find_page({}, sort="a", limit=3)).items  # error
    await chunked_insert(users, [Order(3)], 10)  # error
    assert orders
