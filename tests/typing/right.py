"""What the type checkers must conclude; it is checked, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict, assert_type

import attrs
import msgspec
import pydantic
from bson import ObjectId

from llm_devops_mongodb import (
    AggregateOptions,
    BulkWriteBuilder,
    BulkWriteError,
    BulkWriteResult,
    ClientBulkWriteBuilder,
    Collection,
    CountOptions,
    CredentialProvider,
    CursorType,
    Database,
    DeleteOptions,
    DeleteResult,
    DistinctOptions,
    DocumentStream,
    Field,
    FilterBuilder,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    HealthStatus,
    InsertManyResult,
    InsertOneResult,
    InsertOptions,
    KeysetPage,
    MongoClient,
    MongoConfig,
    MongoCredentials,
    Namespace,
    PaginatedResult,
    PipelineBuilder,
    PyObjectId,
    QueryAnalysis,
    QueryBuilder,
    ReadConcern,
    ReadPreference,
    ReturnDocument,
    Session,
    StaticCredentialProvider,
    TransactionOptions,
    UpdateBuilder,
    UpdateOptions,
    UpdateResult,
    WriteConcern,
    chunked_insert,
    each,
    f,
    some,
)


class PydanticUser(pydantic.BaseModel):
    name: str
    id: PyObjectId | None = pydantic.Field(default=None, alias="_id")


@dataclass
class DataclassUser:
    name: str


class StructUser(msgspec.Struct):
    name: str


@attrs.define
class AttrsUser:
    name: str


@dataclass
class Reading:
    at: int
    names: set[str]
    parts: tuple[int, ...]
    notes: list[str]
    kinds: frozenset[str]


class TypedDictUser(TypedDict):
    name: str


Plain = dict[str, Any]


async def clients() -> None:
    async with MongoClient.connect("mongodb://localhost", app_name="app", connect_timeout="2s") as client:
        assert_type(client, MongoClient)
    client = await MongoClient.connect(MongoConfig(uri="mongodb://localhost"), max_pool_size=10)
    async with client as inner:
        assert_type(inner, MongoClient)
    assert_type(await MongoClient.from_env(), MongoClient)
    assert_type(client.config, MongoConfig)
    assert_type(client.database("shop"), Database)
    assert_type(client.default_database(), Database)
    assert_type(await client.health_check(), HealthStatus)
    assert_type((await client.health_check()).latency, timedelta | None)
    await client.close()


def credentials(given: MongoCredentials) -> None:
    provider: CredentialProvider = StaticCredentialProvider(given)
    MongoClient.connect("mongodb://localhost", credentials=provider)


def collections(client: MongoClient, shop: Database) -> None:
    assert_type(client.collection("shop", "users"), Collection[Plain])
    assert_type(client.collection("shop", "users", dict), Collection[Plain])
    assert_type(client.collection("shop", "users", dict[str, Any]), Collection[Plain])
    assert_type(client.collection("shop", "users", PydanticUser), Collection[PydanticUser])
    assert_type(client.collection("shop", "users", DataclassUser), Collection[DataclassUser])
    assert_type(client.collection("shop", "users", StructUser), Collection[StructUser])
    assert_type(client.collection("shop", "users", AttrsUser), Collection[AttrsUser])
    assert_type(client.collection("shop", "users", TypedDictUser), Collection[TypedDictUser])
    assert_type(shop.collection("users"), Collection[Plain])
    assert_type(shop.collection("users", dict), Collection[Plain])
    assert_type(shop.collection("users", T=DataclassUser), Collection[DataclassUser])
    assert_type(shop.collection("users", TypedDictUser), Collection[TypedDictUser])


async def fields_in_orders(readings: Collection[Reading]) -> None:
    at = f(Reading, lambda reading: reading.at)
    PipelineBuilder().sort([(at, -1)]).sort([at, "b"]).sort(at).sort({at: -1}).sort([("a", 1), (at, -1)])
    PipelineBuilder().fill(sort_by=[at], output={}).set_window_fields(sort_by={at: 1}, output={})
    query = readings.query().sort([at]).sort([(at, -1), "b"]).sort(at, -1).sort({at: 1}).hint([(at, 1)]).hint({at: 1})
    assert_type(query, QueryBuilder[Reading])
    FindOptions(sort=at, hint=[at])
    FindOptions(sort=[at, ("a", 1)])
    await readings.find_page({}, sort=at, limit=5)


def fields_that_are_arrays() -> None:
    names, parts = f(Reading, lambda reading: reading.names), f(Reading, lambda reading: reading.parts)
    notes, kinds = f(Reading, lambda reading: reading.notes), f(Reading, lambda reading: reading.kinds)
    UpdateBuilder().add_to_set(names, "a").pull_all(names, ["a"]).add_each(names, {"a"})
    UpdateBuilder().push(parts, 1).push_each(parts, (1, 2)).push(notes, "a").add_to_set(kinds, "a")


async def reads(users: Collection[DataclassUser], session: Session) -> None:
    assert_type(await users.find_one(), DataclassUser | None)
    assert_type(await users.find_one({"name": "Ada"}, FindOptions(skip=1), session=session), DataclassUser | None)
    assert_type(await users.find_by_id("65f000000000000000000001"), DataclassUser | None)
    assert_type(await users.find_by_id(ObjectId()), DataclassUser | None)
    assert_type(await users.find({"name": "Ada"}, on_error="skip"), list[DataclassUser])
    assert_type(await users.count_documents({"name": "Ada"}), int)
    assert_type(await users.estimated_document_count(), int)

    stream = users.find_stream({"name": "Ada"})
    assert_type(stream, DocumentStream[DataclassUser])
    assert_type(await stream.next(), DataclassUser | None)
    assert_type(aiter(stream), AsyncGenerator[DataclassUser, None])
    async with stream as opened:
        assert_type(opened, DocumentStream[DataclassUser])
        async for user in opened:
            assert_type(user, DataclassUser)
    assert_type([user.name async for user in users.find_stream()], list[str])


async def dicts(users: Collection[Plain], typed: Collection[TypedDictUser]) -> None:
    found = await users.find_one()
    assert_type(found, Plain | None)
    await users.insert_one({"name": "Ada", "age": 36})
    await users.insert_many([{"name": "Ada"}, {"name": "Bo"}])
    await users.replace_one({}, {"name": "Ada"})
    known = await typed.find_one()
    assert_type(known, TypedDictUser | None)
    if known is not None:
        assert_type(known["name"], str)
    await typed.insert_one({"name": "Ada"})
    await typed.insert_many([{"name": "Ada"}, {"name": "Bo"}])


async def results_of_other_types(users: Collection[DataclassUser], shop: Database) -> None:
    pipeline: list[Plain] = [{"$match": {"name": "Ada"}}, {"$limit": 1}]
    assert_type(await users.aggregate(pipeline), list[Plain])
    assert_type(await users.aggregate(pipeline, T=dict), list[Plain])
    assert_type(await users.aggregate(pipeline, T=StructUser), list[StructUser])
    assert_type(await users.aggregate(pipeline, AggregateOptions(), PydanticUser), list[PydanticUser])
    assert_type(await users.aggregate(pipeline, None, AttrsUser, on_error="skip"), list[AttrsUser])
    assert_type(await users.aggregate(pipeline, T=TypedDictUser), list[TypedDictUser])
    assert_type(users.aggregate_stream(pipeline), DocumentStream[Plain])
    assert_type(users.aggregate_stream(pipeline, T=StructUser), DocumentStream[StructUser])
    assert_type(users.aggregate_stream(pipeline, None, TypedDictUser), DocumentStream[TypedDictUser])
    assert_type(await shop.aggregate(pipeline), list[Plain])
    assert_type(await shop.aggregate(pipeline, T=TypedDictUser), list[TypedDictUser])
    assert_type(await shop.aggregate(pipeline, None, StructUser), list[StructUser])
    assert_type(await shop.run_command({"ping": 1}), Plain)
    assert_type(await shop.list_collection_names(), list[str])

    assert_type(await users.distinct("name"), list[Any])
    assert_type(await users.distinct("name", {"name": "Ada"}), list[Any])
    assert_type(await users.distinct("name", T=str), list[str])
    assert_type(await users.distinct("name", {}, ObjectId, options=DistinctOptions()), list[ObjectId])
    assert_type(await users.distinct("name", None, StructUser), list[StructUser])


async def writes(users: Collection[PydanticUser], user: PydanticUser, session: Session) -> None:
    change: Mapping[str, Any] = {"$set": {"name": "Ada"}}
    assert_type(await users.insert_one(user, InsertOptions(comment="c")), InsertOneResult)
    assert_type(await users.insert_many([user]), InsertManyResult)
    assert_type(await users.insert_many((each for each in [user]), ordered=False, session=session), InsertManyResult)
    assert_type((await users.insert_many([user])).inserted_ids, Mapping[int, Any])
    assert_type(await users.update_one({}, change, UpdateOptions(upsert=True)), UpdateResult)
    assert_type(await users.update_many({}, [{"$set": {"name": "Ada"}}]), UpdateResult)
    assert_type(await users.replace_one({}, user), UpdateResult)
    assert_type(await users.upsert({}, user), UpdateResult)
    assert_type(await users.delete_one({}, DeleteOptions(hint="name_1")), DeleteResult)
    assert_type(await users.delete_many({}), DeleteResult)
    assert_type(await users.delete_by_id("65f000000000000000000001"), bool)
    after = FindOneAndUpdateOptions(return_document="after", sort={"name": 1})
    before = FindOneAndUpdateOptions(return_document=ReturnDocument.BEFORE)
    assert_type(await users.find_one_and_update({}, change, after), PydanticUser | None)
    assert_type(await users.find_one_and_replace({}, user, before), PydanticUser | None)
    assert_type(await users.find_one_and_delete({}, FindOneAndDeleteOptions(sort="name")), PydanticUser | None)


def handles(users: Collection[PydanticUser], session: Session) -> None:
    assert_type(users.with_type(StructUser), Collection[StructUser])
    assert_type(users.with_type(TypedDictUser), Collection[TypedDictUser])
    assert_type(users.with_type(dict), Collection[Plain])
    assert_type(users.with_type(dict[str, Any]), Collection[Plain])
    assert_type(users.within(session), Collection[PydanticUser])
    assert_type(users.with_options(read_preference=ReadPreference.NEAREST), Collection[PydanticUser])
    assert_type(
        users.with_options(read_concern=ReadConcern.MAJORITY, write_concern=WriteConcern(w="majority")),
        Collection[PydanticUser],
    )
    assert_type(users.name, str)
    assert_type(users.namespace, Namespace)


async def transactions(client: MongoClient, users: Collection[StructUser]) -> None:
    async def rename(session: Session) -> int:
        result = await session.update_one(users, {}, {"$set": {"name": "Ada"}})
        return result.modified_count

    options = TransactionOptions(max_commit_time=timedelta(seconds=1))
    assert_type(await client.with_transaction(rename), int)
    async with client.start_session() as session:
        assert_type(session, Session)
        assert_type(await session.with_transaction(rename, options), int)
        async with session.transaction(options) as inner:
            assert_type(inner, Session)
            assert_type(await inner.insert_one(users, StructUser("Ada")), InsertOneResult)
            assert_type(await inner.find_one(users), StructUser | None)
            assert_type(await inner.delete_one(users, {}), DeleteResult)
        assert_type(session.in_transaction, bool)


def options() -> None:
    FindOptions(projection=["name"], sort=[("name", 1)], hint={"name": 1}, max_time=timedelta(seconds=1))
    FindOptions(projection={"name": 1}, sort={"score": {"$meta": "textScore"}}, cursor_type=CursorType.TAILABLE)
    FindOptions(sort="name", collation={"locale": "en"}, let={"x": 1}, comment={"any": "value"})
    CountOptions(limit=10, max_time=timedelta(seconds=1))
    MongoConfig(uri="mongodb://localhost", write_concern="majority", read_preference="nearest", tls=True)


def errors(error: BulkWriteError) -> None:
    assert_type(error.result, InsertManyResult | BulkWriteResult)
    assert_type(error.labels, frozenset[str])
    assert_type(error.code, int | None)
    assert_type(error.is_retryable, bool)


@dataclass
class Part:
    price: float
    names: list[str]


@dataclass
class Machine:
    year: int
    main: Part
    parts: list[Part]
    spare: Part | None = None


def fields() -> None:
    assert_type(f(Machine, lambda machine: machine.year), Field[int])
    assert_type(f(Machine, lambda machine: machine.main.price), Field[float])
    assert_type(f(Machine, lambda machine: some(machine.spare).names), Field[list[str]])
    assert_type(f(Machine, lambda machine: each(machine.parts).price), Field[float])
    assert_type(f(Machine, lambda machine: machine.parts[0].names), Field[list[str]])
    assert_type(Field[int]("a.b"), Field[int])


def builders(machines: Collection[Machine], client: MongoClient) -> None:
    year = f(Machine, lambda machine: machine.year)
    new = FilterBuilder().gte(year, 2020).in_array(year, [2024, 2025]).eq("anything", object())
    change = UpdateBuilder().set(year, 2026).inc("count", 1)
    assert_type(new, FilterBuilder)
    assert_type(new.build(), dict[str, Any])
    pipeline = PipelineBuilder().match_stage(new).limit(3)
    assert_type(pipeline, PipelineBuilder)
    assert_type(machines.query().filter(new).sort(year, -1), QueryBuilder[Machine])
    bulk = machines.bulk_write().update_one(new, change, upsert=True).insert(Machine(1, Part(1, []), []))
    assert_type(bulk, BulkWriteBuilder[Machine])
    assert_type(client.bulk_write().insert(machines, Machine(1, Part(1, []), [])), ClientBulkWriteBuilder)


async def pages_and_bulk(machines: Collection[Machine]) -> None:
    new = FilterBuilder().eq("year", 2026)
    assert_type(await machines.query().execute(), list[Machine])
    assert_type(await machines.query().first(), Machine | None)
    assert_type(await machines.find_page(new, sort={"year": 1}, limit=3), KeysetPage[Machine])
    assert_type(await machines.find_paginated(new, 0, 3), PaginatedResult[Machine])
    assert_type(await machines.bulk_write().delete_many(new).execute(), BulkWriteResult)
    assert_type(await machines.explain(new), QueryAnalysis)
    assert_type(await machines.explain(PipelineBuilder().match_stage(new)), QueryAnalysis)
    assert_type(await chunked_insert(machines, iter([Machine(1, Part(1, []), [])]), 10), InsertManyResult)
    await machines.update_many(new, UpdateBuilder().set("a", 1))
    await machines.aggregate(PipelineBuilder().count("all"))
