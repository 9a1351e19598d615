"""What a collection asks of its transport, and what it makes of the reply."""

from __future__ import annotations

import copy
import re
from collections import UserDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bson
import pytest
from bson import ObjectId

from llm_devops_mongodb import (
    AggregateOptions,
    BulkWriteError,
    Collection,
    CountOptions,
    DeleteOptions,
    DeleteResult,
    DeserializationError,
    DistinctOptions,
    DocumentTooLargeError,
    DuplicateKeyError,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertManyResult,
    InsertOneResult,
    InsertOptions,
    InvalidDocumentError,
    InvalidObjectIdError,
    MongoClient,
    MongoConfig,
    MongoError,
    Namespace,
    QueryError,
    ReadConcern,
    ReadPreference,
    SerializationError,
    SimulationTypeMismatchError,
    TransactionError,
    UpdateOptions,
    UpdateResult,
    WriteConcern,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.replies import (
    CountReply,
    CursorReply,
    DeleteReply,
    DocumentReply,
    DoneReply,
    InsertReply,
    UpdateReply,
    ValuesReply,
)
from tests.stub_transport import Answer, StubFrames, StubTransport, cursor, frame

ID = ObjectId("65f000000000000000000001")
PLACE = Namespace("shop", "users")
RAW = bson.encode({"_id": ID, "name": "Ada", "age": 36})
INSERTED = InsertReply(acknowledged=True)
UPDATED = UpdateReply(2, 1, None, acknowledged=True)
DELETED = DeleteReply(3, acknowledged=True)
NOTHING: dict[str, Any] = {}
ALL = bson.encode(NOTHING)
WHERE = {"age": {"$gt": 30}}
CHANGE = {"$set": {"name": "Ada"}}


@dataclass
class User:
    name: str
    age: int = 0
    id: ObjectId | None = None


@dataclass
class Name:
    name: str


def client_on(transport: StubTransport, **settings: Any) -> MongoClient:
    return MongoClient(MongoConfig(uri="mongodb://localhost", **settings), transport, new_id=lambda: ID)


def users_on(*answers: Answer, **settings: Any) -> tuple[StubTransport, Collection[User]]:
    transport = StubTransport(*answers)
    return transport, client_on(transport, **settings).collection("shop", "users", User)


def plain_on(*answers: Answer, **settings: Any) -> tuple[StubTransport, Collection[dict[str, Any]]]:
    transport = StubTransport(*answers)
    return transport, client_on(transport, **settings).collection("shop", "users")


# Each method with its options, the fields of the operation beyond the target, the reply and the result.
Call = Callable[[Collection[User], Any], Any]
OPERATIONS: dict[str, tuple[Call, Any, Any, Any, Any]] = {
    "insert_one": (
        lambda users, session: users.insert_one(User("Ada", 36), InsertOptions(comment="c"), session=session),
        (op.InsertOne, {"document": RAW}),
        InsertOptions(comment="c"),
        INSERTED,
        InsertOneResult(ID),
    ),
    "insert_many": (
        lambda users, session: users.insert_many([User("Ada", 36)], InsertOptions(comment="c"), session=session),
        (op.InsertMany, {"documents": (RAW,), "ordered": True}),
        InsertOptions(comment="c"),
        INSERTED,
        InsertManyResult({0: ID}),
    ),
    "find_one": (
        lambda users, session: users.find_one(WHERE, FindOptions(skip=1), session=session),
        (op.FindOne, {"filter": bson.encode(WHERE)}),
        FindOptions(skip=1),
        DocumentReply(RAW),
        User("Ada", 36, ID),
    ),
    "update_one": (
        lambda users, session: users.update_one(WHERE, CHANGE, UpdateOptions(upsert=True), session=session),
        (op.UpdateOne, {"filter": bson.encode(WHERE), "update": bson.encode(CHANGE)}),
        UpdateOptions(upsert=True),
        UPDATED,
        UpdateResult(2, 1),
    ),
    "update_many": (
        lambda users, session: users.update_many(WHERE, [CHANGE], UpdateOptions(comment="c"), session=session),
        (op.UpdateMany, {"filter": bson.encode(WHERE), "update": (bson.encode(CHANGE),)}),
        UpdateOptions(comment="c"),
        UPDATED,
        UpdateResult(2, 1),
    ),
    "replace_one": (
        lambda users, session: users.replace_one(WHERE, User("Ada", 36, ID), UpdateOptions(hint="h"), session=session),
        (op.ReplaceOne, {"filter": bson.encode(WHERE), "replacement": RAW}),
        UpdateOptions(hint="h"),
        UPDATED,
        UpdateResult(2, 1),
    ),
    "upsert": (
        lambda users, session: users.upsert(WHERE, User("Ada", 36, ID), session=session),
        (
            op.UpdateOne,
            {
                "filter": bson.encode(WHERE),
                "update": bson.encode({"$set": {"name": "Ada", "age": 36}, "$setOnInsert": {"_id": ID}}),
            },
        ),
        UpdateOptions(upsert=True),
        UpdateReply(0, 0, bson.encode({"_id": ID}), acknowledged=True),
        UpdateResult(0, 0, ID),
    ),
    "delete_one": (
        lambda users, session: users.delete_one(WHERE, DeleteOptions(hint="h"), session=session),
        (op.DeleteOne, {"filter": bson.encode(WHERE)}),
        DeleteOptions(hint="h"),
        DELETED,
        DeleteResult(3),
    ),
    "delete_many": (
        lambda users, session: users.delete_many(WHERE, DeleteOptions(hint="h"), session=session),
        (op.DeleteMany, {"filter": bson.encode(WHERE)}),
        DeleteOptions(hint="h"),
        DELETED,
        DeleteResult(3),
    ),
    "find_one_and_update": (
        lambda users, session: users.find_one_and_update(
            WHERE, CHANGE, FindOneAndUpdateOptions(return_document="after"), session=session
        ),
        (op.FindOneAndUpdate, {"filter": bson.encode(WHERE), "update": bson.encode(CHANGE)}),
        FindOneAndUpdateOptions(return_document="after"),
        DocumentReply(RAW),
        User("Ada", 36, ID),
    ),
    "find_one_and_replace": (
        lambda users, session: users.find_one_and_replace(
            WHERE, User("Ada", 36), FindOneAndUpdateOptions(upsert=True), session=session
        ),
        (op.FindOneAndReplace, {"filter": bson.encode(WHERE), "replacement": bson.encode({"name": "Ada", "age": 36})}),
        FindOneAndUpdateOptions(upsert=True),
        DocumentReply(RAW),
        User("Ada", 36, ID),
    ),
    "find_one_and_delete": (
        lambda users, session: users.find_one_and_delete(WHERE, FindOneAndDeleteOptions(hint="h"), session=session),
        (op.FindOneAndDelete, {"filter": bson.encode(WHERE)}),
        FindOneAndDeleteOptions(hint="h"),
        DocumentReply(RAW),
        User("Ada", 36, ID),
    ),
    "count_documents": (
        lambda users, session: users.count_documents(WHERE, CountOptions(limit=9), session=session),
        (op.CountDocuments, {"filter": bson.encode(WHERE)}),
        CountOptions(limit=9),
        CountReply(7),
        7,
    ),
    "distinct": (
        lambda users, session: users.distinct(
            "name", WHERE, str, options=DistinctOptions(comment="c"), session=session
        ),
        (op.Distinct, {"field": "name", "filter": bson.encode(WHERE)}),
        DistinctOptions(comment="c"),
        ValuesReply(bson.encode({"values": ["Ada", "Bo"]})),
        ["Ada", "Bo"],
    ),
}


def ready(answer: Any) -> Answer:
    """The answer, made anew where it can be used up."""
    return (lambda _: cursor(answer)) if isinstance(answer, bytes) else answer


OPERATIONS |= {
    "find": (
        lambda users, session: users.find(WHERE, FindOptions(limit=5), session=session),
        (op.Find, {"filter": bson.encode(WHERE)}),
        FindOptions(limit=5),
        RAW,
        [User("Ada", 36, ID)],
    ),
    "find_stream": (
        lambda users, session: users.find_stream(WHERE, FindOptions(limit=5), session=session).next(),
        (op.Find, {"filter": bson.encode(WHERE)}),
        FindOptions(limit=5, batch_size=1000),
        RAW,
        User("Ada", 36, ID),
    ),
    "aggregate": (
        lambda users, session: users.aggregate(
            [{"$match": WHERE}], AggregateOptions(comment="c"), Name, session=session
        ),
        (op.Aggregate, {"pipeline": (bson.encode({"$match": WHERE}),)}),
        AggregateOptions(comment="c"),
        RAW,
        [Name("Ada")],
    ),
    "aggregate_stream": (
        lambda users, session: users.aggregate_stream(
            [{"$match": WHERE}], AggregateOptions(comment="c"), T=Name, session=session
        ).next(),
        (op.Aggregate, {"pipeline": (bson.encode({"$match": WHERE}),)}),
        AggregateOptions(comment="c", batch_size=1000),
        RAW,
        Name("Ada"),
    ),
}


@pytest.mark.parametrize("method", OPERATIONS)
async def test_a_method_makes_one_operation_and_returns_its_reply_typed(method: str) -> None:
    call, (kind, arguments), options, answer, result = OPERATIONS[method]
    transport, users = users_on(ready(answer))

    assert await call(users, None) == result

    expected = kind(PLACE, Settings(), None, *arguments.values(), options)
    assert transport.operations == [expected]
    for name, value in arguments.items():
        assert getattr(expected, name) == value


@pytest.mark.parametrize("method", OPERATIONS)
async def test_a_method_works_in_the_session_it_is_given(method: str) -> None:
    call, _, _, answer, _ = OPERATIONS[method]
    transport = StubTransport(ready(answer))
    client = client_on(transport)
    await call(client.collection("shop", "users", User), client.start_session(snapshot=True))
    assert transport.operations[0].session == op.SessionRef(1, snapshot=True)


@pytest.mark.parametrize("method", OPERATIONS)
async def test_a_method_refuses_a_session_of_another_client(method: str) -> None:
    transport, users = users_on(INSERTED)
    with pytest.raises(TransactionError, match="of another client"):
        await OPERATIONS[method][0](users, client_on(StubTransport(INSERTED)).start_session())
    assert transport.operations == []


@pytest.mark.parametrize("method", OPERATIONS)
async def test_a_method_refuses_a_reply_of_another_kind(method: str) -> None:
    _, users = users_on(DoneReply())
    with pytest.raises(SimulationTypeMismatchError) as caught:
        await OPERATIONS[method][0](users, None)
    assert caught.value.actual == "DoneReply"
    assert caught.value.expected.endswith("Reply")


@pytest.mark.parametrize("method", OPERATIONS)
async def test_a_transport_s_error_passes_untouched(method: str) -> None:
    failure = MongoError("no")
    _, users = users_on(failure)
    with pytest.raises(MongoError) as caught:
        await OPERATIONS[method][0](users, None)
    assert caught.value is failure


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda users: users.find_one(), DocumentReply(None)),
        (lambda users: users.find(), frame({"name": "Ada"})),
        (lambda users: users.find_stream().next(), frame({"name": "Ada"})),
        (lambda users: users.count_documents(), CountReply(0)),
        (lambda users: users.distinct("name"), ValuesReply(bson.encode({"values": NOTHING}))),
        (lambda users: users.delete_many({}), DELETED),
        (lambda users: users.update_many({}, CHANGE), UPDATED),
    ],
    ids=["find_one", "find", "find_stream", "count_documents", "distinct", "delete_many", "update_many"],
)
async def test_no_filter_and_an_empty_filter_match_everything(call: Any, answer: Any) -> None:
    transport, users = users_on(ready(answer))
    await call(users)
    assert transport.operations[0].filter == ALL


@pytest.mark.parametrize(
    "call",
    [
        lambda users: users.update_one(None, CHANGE),
        lambda users: users.update_many(None, CHANGE),
        lambda users: users.replace_one(None, User("Ada")),
        lambda users: users.upsert(None, User("Ada")),
        lambda users: users.delete_one(None),
        lambda users: users.delete_many(None),
        lambda users: users.find_one_and_update(None, CHANGE),
        lambda users: users.find_one_and_replace(None, User("Ada")),
        lambda users: users.find_one_and_delete(None),
    ],
    ids=[
        *("update_one", "update_many", "replace_one", "upsert", "delete_one", "delete_many"),
        *("find_one_and_update", "find_one_and_replace", "find_one_and_delete"),
    ],
)
async def test_a_write_refuses_a_forgotten_filter(call: Any) -> None:
    transport, users = users_on(UPDATED)
    with pytest.raises(InvalidDocumentError, match="no filter was given"):
        await call(users)
    assert transport.operations == []


async def test_the_estimated_count_needs_no_filter() -> None:
    transport, users = users_on(CountReply(41))
    assert await users.estimated_document_count(options=CountOptions(comment="c")) == 41
    assert transport.operations == [op.EstimatedDocumentCount(PLACE, Settings(), None, CountOptions(comment="c"))]


async def test_nothing_found_is_none() -> None:
    _, users = users_on(DocumentReply(None))
    assert await users.find_one() is None
    assert await users.find_one_and_update({}, CHANGE) is None
    assert await users.find_one_and_replace({}, User("Ada")) is None
    assert await users.find_one_and_delete({}) is None


async def test_an_unacknowledged_write_says_so() -> None:
    transport, users = users_on(
        InsertReply(acknowledged=False),
        InsertReply(acknowledged=False),
        UpdateReply(0, 0, None, acknowledged=False),
        DeleteReply(0, acknowledged=False),
    )
    assert await users.insert_one(User("Ada")) == InsertOneResult(ID, acknowledged=False)
    assert await users.insert_many([User("Ada")]) == InsertManyResult({0: ID}, acknowledged=False)
    assert await users.update_one({}, CHANGE) == UpdateResult(0, 0, acknowledged=False)
    assert await users.delete_one({}) == DeleteResult(0, acknowledged=False)
    assert len(transport.operations) == 4


async def test_an_upserted_id_of_any_type_is_told() -> None:
    _, users = users_on(UpdateReply(0, 0, bson.encode({"_id": {"a": 1}}), acknowledged=True))
    assert (await users.update_one({}, CHANGE, UpdateOptions(upsert=True))).upserted_id == {"a": 1}


# Handles


def test_a_handle_tells_its_name_and_type() -> None:
    _, users = users_on(INSERTED)
    assert repr(users) == "Collection('shop.users', User)"
    assert repr(users.with_type(dict[str, Any])) == "Collection('shop.users', dict)"
    assert (users.name, users.namespace) == ("users", PLACE)


async def test_with_type_reads_the_same_collection_as_another_type() -> None:
    transport, users = users_on(DocumentReply(RAW))
    assert await users.with_type(Name).find_one() == Name("Ada")
    assert await users.with_type(dict).find_one() == {"_id": ID, "name": "Ada", "age": 36}
    assert {operation.namespace for operation in transport.operations} == {PLACE}


@pytest.mark.parametrize("kind", [int, object, list[int], 3, "User"])
def test_with_type_refuses_what_no_document_can_be(kind: Any) -> None:
    _, users = users_on(INSERTED)
    with pytest.raises(TypeError, match="cannot be a document"):
        users.with_type(kind)


async def test_settings_of_a_handle_go_with_every_operation_and_add_up() -> None:
    transport, users = users_on(DocumentReply(None))
    nearest = users.with_options(read_preference=ReadPreference.NEAREST, write_concern=WriteConcern(w=0))
    both = nearest.with_options(read_concern=ReadConcern.MAJORITY, read_preference=ReadPreference.SECONDARY)

    await users.find_one()
    await nearest.find_one()
    await both.with_options().with_type(Name).find_one()

    unacknowledged = WriteConcern(w=0)
    assert [operation.settings for operation in transport.operations] == [
        Settings(),
        Settings(read_preference=ReadPreference.NEAREST, write_concern=unacknowledged),
        Settings(
            read_preference=ReadPreference.SECONDARY, read_concern=ReadConcern.MAJORITY, write_concern=unacknowledged
        ),
    ]


async def test_a_handle_within_a_session_keeps_it_through_every_change() -> None:
    transport = StubTransport(DocumentReply(None))
    client = client_on(transport)
    users = client.collection("shop", "users", User)
    inner = users.within(client.start_session())

    await inner.find_one()
    await inner.with_type(Name).find_one()
    await inner.with_options(read_concern=ReadConcern.LOCAL).find_one()
    await inner.find_one(session=client.start_session())
    await users.find_one()

    numbers = [operation.session and operation.session.number for operation in transport.operations]
    assert numbers == [1, 1, 1, 2, None]


async def test_a_session_that_has_ended_is_refused_when_it_is_used() -> None:
    transport = StubTransport(DoneReply())
    client = client_on(transport)
    session = client.start_session()
    users = client.collection("shop", "users").within(session)
    await session.end()
    with pytest.raises(TransactionError, match="has ended"):
        await users.find_one()
    assert transport.operations == [op.EndSession(op.SessionRef(1))]


async def test_a_session_s_own_methods_are_the_collection_s_within_it() -> None:
    transport = StubTransport(INSERTED, DocumentReply(RAW), UPDATED, DELETED)
    client = client_on(transport)
    users, session = client.collection("shop", "users", User), client.start_session()

    assert (await session.insert_one(users, User("Ada"))).inserted_id == ID
    assert await session.find_one(users, {"_id": ID}) == User("Ada", 36, ID)
    assert (await session.update_one(users, WHERE, CHANGE)).matched_count == 2
    assert (await session.delete_one(users, WHERE)).deleted_count == 3

    assert {operation.session for operation in transport.operations} == {op.SessionRef(1)}


# By id


@pytest.mark.parametrize("given", [ID, str(ID), str(ID).upper()])
async def test_an_object_id_may_be_given_as_its_text(given: object) -> None:
    transport, users = users_on(DocumentReply(RAW), DeleteReply(1, acknowledged=True))
    assert await users.find_by_id(given) == User("Ada", 36, ID)
    assert await users.delete_by_id(given) is True
    assert [operation.filter for operation in transport.operations] == [bson.encode({"_id": ID})] * 2


@pytest.mark.parametrize("given", [7, 2.5, b"key", None, True])
async def test_a_scalar_id_is_looked_for_as_it_is(given: object) -> None:
    transport, users = users_on(DocumentReply(None))
    assert await users.find_by_id(given) is None
    assert transport.operations[0].filter == bson.encode({"_id": given})


@pytest.mark.parametrize(
    "given",
    [{"tenant": 1}, {"$exists": True}, {"$gt": ""}, UserDict(region="eu"), re.compile("^a"), bson.Regex("^a")],
    ids=repr,
)
async def test_an_id_is_never_read_as_an_operator_or_a_pattern(given: Any) -> None:
    transport, users = users_on(DeleteReply(0, acknowledged=True))
    assert await users.delete_by_id(given) is False
    assert bson.decode(transport.operations[0].filter).keys() == {"_id"}
    assert transport.operations[0].filter == bson.encode({"_id": {"$eq": given}})


@pytest.mark.parametrize("text", ["", "ada", "65f00000000000000000000", "zzf000000000000000000001"])
async def test_text_that_is_no_object_id_is_refused(text: str) -> None:
    transport, users = users_on(DocumentReply(None))
    for call in (users.find_by_id, users.delete_by_id):
        with pytest.raises(InvalidObjectIdError) as caught:
            await call(text)
        assert caught.value.value == text
    assert transport.operations == []


# Inserting


async def test_an_id_is_made_where_there_is_none_and_kept_where_there_is_one() -> None:
    transport, plain = plain_on(INSERTED)
    assert (await plain.insert_one({"a": 1})).inserted_id == ID
    assert (await plain.insert_one({"a": 1, "_id": "own"})).inserted_id == "own"
    assert [bson.decode(operation.document) for operation in transport.operations] == [
        {"_id": ID, "a": 1},
        {"_id": "own", "a": 1},
    ]


async def test_insert_many_takes_any_iterable() -> None:
    def produced() -> Iterator[User]:
        yield User("Ada", id=ObjectId("65f00000000000000000000a"))
        yield User("Bo")

    transport, users = users_on(INSERTED)
    result = await users.insert_many(produced(), ordered=False)

    assert result == InsertManyResult({0: ObjectId("65f00000000000000000000a"), 1: ID})
    assert result.count == 2
    operation = transport.operations[0]
    assert [bson.decode(raw)["name"] for raw in operation.documents] == ["Ada", "Bo"]
    assert operation.ordered is False


@pytest.mark.parametrize("documents", [{"a": 1}, UserDict(a=1), "ab", b"ab"])
async def test_insert_many_refuses_what_is_one_document_or_none(documents: Any) -> None:
    transport, plain = plain_on(INSERTED)
    with pytest.raises(InvalidDocumentError, match="several documents"):
        await plain.insert_many(documents)
    assert transport.operations == []


@pytest.mark.parametrize("documents", [[], (), iter(())])
async def test_insert_many_refuses_nothing(documents: Any) -> None:
    transport, plain = plain_on(INSERTED)
    with pytest.raises(InvalidDocumentError, match="no documents"):
        await plain.insert_many(documents)
    assert transport.operations == []


async def test_one_bad_document_keeps_all_from_being_sent() -> None:
    transport, plain = plain_on(INSERTED)
    with pytest.raises(InvalidDocumentError):
        await plain.insert_many([{"a": 1}, {"$set": {"a": 1}}])
    with pytest.raises(SerializationError):
        await plain.insert_many([{"a": 1}, {"a": object()}])
    with pytest.raises(SerializationError):
        await plain.insert_many([{"a": 1}, None])  # type: ignore[list-item]  # what is tested
    assert transport.operations == []


async def test_a_document_of_another_type_is_refused() -> None:
    transport, users = users_on(INSERTED)
    with pytest.raises(SerializationError, match="expected User, got Name"):
        await users.insert_one(Name("Ada"))  # type: ignore[arg-type]  # what is tested
    assert transport.operations == []


@pytest.mark.parametrize(
    ("ordered", "failed", "inserted"),
    [
        (True, [2], {0, 1}),
        (False, [2], {0, 1, 3}),
        (False, [0, 3], {1, 2}),
        (True, [0], set()),
        (True, [], {0, 1, 2, 3}),
    ],
)
async def test_a_partial_insert_is_told_by_original_index(ordered: bool, failed: list[int], inserted: set[int]) -> None:
    errors = {index: DuplicateKeyError("duplicate", code=11000) for index in failed}
    failure = BulkWriteError("some failed", result=InsertManyResult.empty(), write_errors=dict(errors))
    _, plain = plain_on(failure)

    with pytest.raises(BulkWriteError) as caught:
        await plain.insert_many([{"_id": f"id{index}"} for index in range(4)], ordered=ordered)

    assert caught.value.result == InsertManyResult({index: f"id{index}" for index in inserted})
    assert caught.value.write_errors == errors


# Upserting and replacing


async def test_upsert_without_an_id_sets_none() -> None:
    transport, plain = plain_on(UPDATED)
    await plain.upsert(WHERE, {"a": 1})
    assert [operation.update for operation in transport.operations] == [bson.encode({"$set": {"a": 1}})]


async def test_upsert_with_an_id_of_none_sets_null_on_insert() -> None:
    transport, plain = plain_on(UPDATED)
    await plain.upsert(WHERE, {"a": 1, "_id": None})
    assert bson.decode(transport.operations[0].update) == {"$set": {"a": 1}, "$setOnInsert": {"_id": None}}


@pytest.mark.parametrize("is_checked", [True, False])
async def test_a_replacement_is_never_taken_for_an_update(is_checked: bool) -> None:
    transport, plain = plain_on(UPDATED, validate_documents=is_checked)
    with pytest.raises(InvalidDocumentError):
        await plain.replace_one(WHERE, {"$set": {"a": 1}})
    assert transport.operations == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"a.b": 1}, "a.b"),
        ({"$inc": {"a": 1}}, "$inc"),
        ({"_id": [1], "a": 1}, "_id"),
        ({"_id": {"$gt": 1}, "a": 1}, "_id.$gt"),
        ({"a": {"$where": "1"}}, "a.$where"),
    ],
)
async def test_upsert_refuses_names_that_would_mean_something_else(document: dict[str, Any], path: str) -> None:
    transport, plain = plain_on(UPDATED)
    with pytest.raises(InvalidDocumentError) as caught:
        await plain.upsert({}, document)
    assert caught.value.path == path
    assert transport.operations == []


async def test_upsert_takes_dotted_names_within_values() -> None:
    transport, plain = plain_on(UPDATED)
    await plain.upsert({}, {"a": {"b.c": 1}})
    assert transport.operations[0].update == bson.encode({"$set": {"a": {"b.c": 1}}})


async def test_a_replacement_may_not_be_an_update() -> None:
    transport, plain = plain_on(UPDATED)
    for call in (plain.replace_one, plain.find_one_and_replace):
        with pytest.raises(InvalidDocumentError, match="operator"):
            await call({}, {"$set": {"a": 1}})
    assert transport.operations == []


async def test_a_document_that_is_too_large_is_refused() -> None:
    transport, plain = plain_on(UPDATED)
    large = {"a": b"\0" * (16 * 1024 * 1024)}
    for call in (
        plain.insert_one(large),
        plain.insert_many([large]),
        plain.replace_one({}, large),
        plain.find_one_and_replace({}, large),
        plain.upsert({}, large),
    ):
        with pytest.raises(DocumentTooLargeError):
            await call
    assert transport.operations == []


# Checking


@pytest.mark.parametrize(
    "call",
    [
        lambda plain: plain.insert_one({"$bad": 1}),
        lambda plain: plain.insert_many([{"$bad": 1}]),
        lambda plain: plain.upsert({}, {"$bad": 1}),
        lambda plain: plain.upsert({}, {"a.b": 1}),
        lambda plain: plain.update_one({"$bad": 1}, {"$set": {"a": 1}}),
        lambda plain: plain.update_one({}, {"$bad": 1}),
        lambda plain: plain.update_one({}, []),
        lambda plain: plain.update_many({}, {"a": 1}),
        lambda plain: plain.delete_one({"$bad": 1}),
        lambda plain: plain.find_one({"$bad": 1}),
        lambda plain: plain.aggregate([{"$bad": 1}]),
        lambda plain: plain.aggregate_stream([{}]).next(),
    ],
)
async def test_what_is_refused_is_let_through_without_checking(call: Any) -> None:
    transport, checked = plain_on(UPDATED)
    with pytest.raises(InvalidDocumentError):
        await call(checked)
    assert transport.operations == []

    transport, unchecked = plain_on(DoneReply(), validate_documents=False)
    with pytest.raises(SimulationTypeMismatchError):
        await call(unchecked)
    assert len(transport.operations) == 1


async def test_a_stream_is_checked_when_it_is_made() -> None:
    _, plain = plain_on(UPDATED)
    with pytest.raises(InvalidDocumentError):
        plain.find_stream({"$bad": 1})
    with pytest.raises(TypeError):
        plain.aggregate_stream([{"$match": {}}], T=int)


async def test_a_type_that_cannot_be_read_is_refused_before_a_cursor_is_opened() -> None:
    transport, plain = plain_on(ready(RAW))
    with pytest.raises(TypeError):
        await plain.aggregate([{"$match": {}}], T=int)
    assert transport.operations == []


async def test_nothing_that_the_caller_gave_is_changed() -> None:
    document = {"a": {"b": [1, {"c": 2}]}, "_id": None}
    where = {"age": {"$in": [1, 2]}, "$or": [{"a": 1}, {"b": 2}]}
    update = {"$set": {"a": [1]}, "$push": {"b": {"$each": [1], "$slice": -5}}}
    pipeline = [{"$set": {"b": 2}}, {"$unset": ["c"]}]
    find = FindOptions(projection={"a": 1}, sort=[("a", 1)], let={"x": 1}, collation={"locale": "en"})
    changes = UpdateOptions(array_filters=[{"x": 1}], hint={"a": 1}, let={"x": 1})
    given = (document, where, update, pipeline, find, changes)
    before = copy.deepcopy(given)

    transport = StubTransport(
        *(INSERTED, INSERTED, UPDATED, UPDATED, UPDATED, UPDATED, DELETED, DocumentReply(RAW)),
        *(DocumentReply(RAW), cursor(RAW), cursor(RAW)),
    )
    plain = client_on(transport).collection("shop", "users")
    await plain.insert_one(document)
    await plain.insert_many([document, document])
    await plain.update_one(where, update, changes)
    await plain.update_many(where, pipeline, changes)
    await plain.replace_one(where, document)
    await plain.upsert(where, document)
    await plain.delete_many(where)
    await plain.find_one(where, find)
    await plain.find_one_and_update(where, update)
    await plain.find(where, find)
    await plain.aggregate(pipeline)

    assert given == before


async def test_a_model_that_is_inserted_is_not_changed() -> None:
    _, users = users_on(INSERTED)
    user = User("Ada")
    await users.insert_one(user)
    await users.insert_many([user])
    assert user == User("Ada")


# Collecting


async def test_find_reads_every_frame_and_closes() -> None:
    frames = StubFrames([frame({"_id": 1}, {"_id": 2}), frame({"_id": 3})])
    transport = StubTransport(lambda _: CursorReply(frames))
    plain = client_on(transport).collection("shop", "users")
    assert await plain.find() == [{"_id": 1}, {"_id": 2}, {"_id": 3}]
    assert frames.closed == 1


async def test_find_raises_at_a_document_that_does_not_fit_and_closes() -> None:
    frames = StubFrames([frame({"_id": 1, "name": "Ada"}, {"_id": 2, "name": 5})])
    transport = StubTransport(lambda _: CursorReply(frames))
    users = client_on(transport).collection("shop", "users", Name)
    with pytest.raises(DeserializationError) as caught:
        await users.find()
    assert (caught.value.namespace, caught.value.document_id, caught.value.path) == ("shop.users", 2, "name")
    assert frames.closed == 1


async def test_find_leaves_out_what_does_not_fit_if_asked(caplog: pytest.LogCaptureFixture) -> None:
    documents = frame({"_id": 1, "name": "Ada"}, {"_id": 2, "name": 5}, {"_id": 3, "name": "Bo"})
    transport = StubTransport(lambda _: cursor(documents))
    users = client_on(transport).collection("shop", "users", Name)
    expected = [Name("Ada"), Name("Bo")]
    assert await users.find(on_error="skip") == expected
    assert await users.aggregate([{"$match": {}}], T=Name, on_error="skip") == expected
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "shop.users" in caplog.text
    assert "with _id 2" in caplog.text


async def test_find_closes_its_frames_when_reading_fails() -> None:
    failure = MongoError("gone")
    frames = StubFrames([RAW, failure])
    transport = StubTransport(lambda _: CursorReply(frames))
    with pytest.raises(MongoError) as caught:
        await client_on(transport).collection("shop", "users").find()
    assert caught.value is failure
    assert frames.closed == 1


@pytest.mark.parametrize("documents", [3, 4])
async def test_find_collects_no_more_than_it_is_allowed(documents: int) -> None:
    frames = StubFrames([frame({"_id": index}) for index in range(documents)])
    transport = StubTransport(lambda _: CursorReply(frames))
    plain = client_on(transport, max_find_results=3).collection("shop", "users")
    if documents <= 3:
        assert len(await plain.find()) == documents
    else:
        with pytest.raises(QueryError, match=r"shop\.users has more than 3 such documents"):
            await plain.find()
    assert frames.closed == 1


async def test_an_aggregation_is_bounded_as_find_is() -> None:
    transport = StubTransport(lambda _: cursor(frame({"_id": 1}, {"_id": 2})))
    plain = client_on(transport, max_find_results=1).collection("shop", "users")
    with pytest.raises(QueryError):
        await plain.aggregate([{"$match": {}}])
