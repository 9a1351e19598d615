"""Bulk writes of one collection: what is checked where, what is sent, what comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import DatetimeMS, ObjectId

from llm_devops_mongodb import (
    BulkWriteError,
    BulkWriteResult,
    DocumentTooLargeError,
    InvalidDocumentError,
    MongoError,
    Namespace,
    SerializationError,
    WriteConcern,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.bulk import BulkWriteBuilder
from llm_devops_mongodb.options import BulkWriteOptions, DeleteOptions, Settings, UpdateOptions
from llm_devops_mongodb.query.fields import Field
from llm_devops_mongodb.query.filters import FilterBuilder
from llm_devops_mongodb.query.updates import UpdateBuilder
from llm_devops_mongodb.replies import BulkWriteReply
from tests.stub_transport import StubTransport
from tests.unit.bulk.collections_on import ID, User, bulk_on, client_on, plain_on, refused, users_on

ONE, MANY = False, True
WROTE = BulkWriteReply(1, 2, 3, 4, (), acknowledged=True)
Bulk = BulkWriteBuilder[dict[str, Any]]
FORGOTTEN: Any = None


async def writes_of(bulk: BulkWriteBuilder[Any], transport: Any) -> list[op.Write]:
    await bulk.execute()
    return list(transport.operations[-1].writes)


async def test_every_kind_of_write_is_sent_in_the_order_asked_for() -> None:
    transport, bulk = bulk_on(WROTE)
    raw = bson.encode

    written = await writes_of(
        bulk.insert({"a": 1})
        .update_one({"a": 1}, {"$set": {"b": 1}}, upsert=True)
        .update_many({}, [{"$set": {"b": 1}}])
        .replace_one({"a": 2}, {"a": 3}, upsert=True)
        .delete_one({"a": 4})
        .delete_many({"a": 5}),
        transport,
    )

    assert written == [
        op.InsertWrite(raw({"_id": ID, "a": 1})),
        op.UpdateWrite(raw({"a": 1}), raw({"$set": {"b": 1}}), ONE, UpdateOptions(upsert=True)),
        op.UpdateWrite(raw({}), (raw({"$set": {"b": 1}}),), MANY, UpdateOptions()),
        op.ReplaceWrite(raw({"a": 2}), raw({"a": 3}), UpdateOptions(upsert=True)),
        op.DeleteWrite(raw({"a": 4}), ONE, DeleteOptions()),
        op.DeleteWrite(raw({"a": 5}), MANY, DeleteOptions()),
    ]


async def test_every_option_of_a_write_is_sent() -> None:
    transport, bulk = bulk_on(WROTE)
    filters = [{"e.n": 1}]
    local = {"locale": "en"}
    set_e = {"$set": {"a.$[e]": 1}}
    # However fields and directions are written, they are kept as a document.
    replaced = UpdateOptions(hint={"a": 1}, collation=local, sort={"a": 1, "b": -1})

    written = await writes_of(
        bulk.update_one({}, set_e, array_filters=filters, hint="h", collation=local, sort={"a": 1})
        .update_many({}, set_e, upsert=True, array_filters=filters, hint={"a": 1}, collation=local)
        .replace_one({}, {"a": 1}, hint=[("a", 1)], collation=local, sort=[("a", 1), ("b", -1)])
        .delete_one({}, hint="h", collation=local)
        .delete_many({}, hint="h", collation=local),
        transport,
    )

    assert [write.options for write in written if not isinstance(write, op.InsertWrite)] == [
        UpdateOptions(array_filters=filters, hint="h", collation=local, sort={"a": 1}),
        UpdateOptions(upsert=True, array_filters=filters, hint={"a": 1}, collation=local),
        replaced,
        DeleteOptions(hint="h", collation=local),
        DeleteOptions(hint="h", collation=local),
    ]


async def test_builders_serve_as_filters_and_updates() -> None:
    transport, bulk = bulk_on(WROTE)

    written = await writes_of(bulk.update_many(FilterBuilder().eq("a", 1), UpdateBuilder().set("b", 2)), transport)

    assert written == [op.UpdateWrite(bson.encode({"a": 1}), bson.encode({"$set": {"b": 2}}), MANY, UpdateOptions())]


async def test_models_are_written_as_documents() -> None:
    transport, users = users_on(WROTE)

    written = await writes_of(
        BulkWriteBuilder(users.write_target()).insert(User("Ada")).replace_one({}, User("Grace", 1)), transport
    )

    assert written == [
        op.InsertWrite(bson.encode({"_id": ID, "name": "Ada", "age": 0})),
        op.ReplaceWrite(bson.encode({}), bson.encode({"name": "Grace", "age": 1}), UpdateOptions()),
    ]


async def test_order_options_settings_and_session_reach_the_operation() -> None:
    transport, users = plain_on(WROTE)
    majority = users.with_options(write_concern=WriteConcern(w="majority"))
    options = BulkWriteOptions(let={"a": 1}, comment="c", bypass_document_validation=True)
    bulk = BulkWriteBuilder(majority.write_target()).insert({})
    session = client_on(transport).start_session()

    await bulk.ordered(ordered=False).options(options).execute(session=session)
    await bulk.ordered(ordered=False).ordered().execute()

    first, second = transport.operations
    assert first.namespace == Namespace("shop", "users")
    assert first.settings == Settings(write_concern=WriteConcern(w="majority"))
    assert (first.ordered, first.options) == (False, options)
    assert first.session is not None
    assert (second.ordered, second.options, second.session) == (True, BulkWriteOptions(), None)


async def test_the_reply_becomes_a_result() -> None:
    upserted = ((7, bson.encode({"_id": "x"})), (2, bson.encode({"_id": ID})))
    _, bulk = bulk_on(BulkWriteReply(1, 2, 3, 4, upserted, acknowledged=True))

    result = await bulk.insert({}).execute()

    assert result == BulkWriteResult(1, 2, 3, 4, 2, {2: ID, 7: "x"})
    assert result.total_affected == 10


async def test_an_unacknowledged_write_says_so() -> None:
    _, bulk = bulk_on(BulkWriteReply(0, 0, 0, 0, (), acknowledged=False))

    assert not (await bulk.insert({}).execute()).acknowledged


async def test_ids_in_a_failure_are_as_documents_have_them() -> None:
    ids = {3: DatetimeMS(0), 1: UUID(int=1), 2: bson.raw_bson.RawBSONDocument(bson.encode({"a": 1}))}
    failure = BulkWriteError("no", result=BulkWriteResult(upserted_count=3, upserted_ids=ids), write_errors={})
    _, bulk = bulk_on(failure)

    with pytest.raises(BulkWriteError) as caught:
        await bulk.insert({}).execute()

    assert isinstance(caught.value.result, BulkWriteResult)
    assert caught.value.result.upserted_ids == {1: UUID(int=1), 2: {"a": 1}, 3: datetime(1970, 1, 1, tzinfo=UTC)}


async def test_an_id_that_python_has_no_date_for_hides_neither_success_nor_failure() -> None:
    far = DatetimeMS(2**60)
    reply = BulkWriteReply(0, 0, 0, 0, ((0, bson.encode({"_id": far})),), acknowledged=True)
    failure = refused(1)
    failure.result = BulkWriteResult(upserted_count=1, upserted_ids={0: far})

    _, bulk = bulk_on(reply)
    assert (await bulk.insert({}).execute()).upserted_ids == {0: far}
    _, bulk = bulk_on(failure)
    with pytest.raises(BulkWriteError) as caught:
        await bulk.insert({}).execute()
    assert caught.value.result.upserted_ids == {0: far}  # type: ignore[union-attr]  # of a bulk write


async def test_nothing_to_write_is_refused() -> None:
    transport, bulk = bulk_on(WROTE)

    with pytest.raises(InvalidDocumentError, match="nothing to write"):
        await bulk.execute()
    assert transport.operations == []


REFUSED: dict[str, tuple[Callable[[Bulk], Any], str]] = {
    "an operator in a document": (lambda bulk: bulk.insert({"$set": 1}), "1.$set"),
    "a value that BSON has not": (lambda bulk: bulk.insert({"a": {1}}), "1.a"),
    "no update": (lambda bulk: bulk.update_one({}, {"a": 1}), "1"),
    "a malformed filter": (lambda bulk: bulk.update_one({"a": {"$gtt": 1}}, {"$set": {"a": 1}}), "1.a.$gtt"),
    "a replacement with operators": (lambda bulk: bulk.replace_one({}, {"$set": {"a": 1}}), "1.$set"),
    "no filter of one": (lambda bulk: bulk.delete_one(FORGOTTEN), "1"),
    "no filter of an update": (lambda bulk: bulk.update_one(FORGOTTEN, {"$set": {"a": 1}}), "1"),
    "no filter of many": (lambda bulk: bulk.delete_many(FORGOTTEN), "1"),
    "a filter without conditions": (lambda bulk: bulk.delete_many(FilterBuilder()), "1"),
    "an update of many without conditions": (
        lambda bulk: bulk.update_many(FilterBuilder(), {"$set": {"a": 1}}),
        "1",
    ),
    "upsert as a number": (lambda bulk: bulk.update_one({}, {"$set": {"a": 1}}, 1), "1.upsert"),  # type: ignore[arg-type]  # the mistake
    "array filters that are one": (
        lambda bulk: bulk.update_one({}, {"$set": {"a": 1}}, array_filters={"a": 1}),  # type: ignore[arg-type]  # the mistake
        "1.array_filters",
    ),
    "no array filters": (lambda bulk: bulk.update_many({}, {"$set": {"a": 1}}, array_filters=[]), "1.array_filters"),
    "an empty array filter": (
        lambda bulk: bulk.update_one({}, {"$set": {"a": 1}}, array_filters=[{}]),
        "1.array_filters",
    ),
    "an array filter that BSON has not": (
        lambda bulk: bulk.update_one({}, {"$set": {"a": 1}}, array_filters=[{"a": {1}}]),
        "1.array_filters.0.a",
    ),
    "a hint that is a number": (lambda bulk: bulk.delete_one({}, hint=1), "1.hint"),  # type: ignore[arg-type]  # the mistake
    "a hint without direction": (lambda bulk: bulk.delete_one({}, hint=[("a",)]), "1.hint"),  # type: ignore[list-item]  # the mistake
    "an empty hint": (lambda bulk: bulk.delete_many({}, hint=""), "1.hint"),
    "a collation by name": (lambda bulk: bulk.delete_one({}, collation="en"), "1.collation.locale"),  # type: ignore[arg-type]  # the mistake
    "a collation of no language": (lambda bulk: bulk.delete_one({}, collation={}), "1.collation.locale"),
    "a collation of strength 9": (
        lambda bulk: bulk.delete_one({}, collation={"locale": "en", "strength": 9}),
        "1.collation.strength",
    ),
    "a hint with a field twice": (lambda bulk: bulk.delete_one({}, hint=[("a", 1), ("a", -1)]), "1.hint.a"),
    "a hint by a number's order": (lambda bulk: bulk.delete_one({}, hint=[(1, 1)]), "1.hint"),  # type: ignore[list-item]  # the mistake
    "a sort in no direction": (lambda bulk: bulk.replace_one({}, {}, sort={"a": 7}), "1.sort.a"),
    "a sort by a number": (lambda bulk: bulk.replace_one({}, {}, sort=1), "1.sort"),  # type: ignore[arg-type]  # the mistake
    "an empty sort": (lambda bulk: bulk.replace_one({}, {}, sort=[]), "1.sort"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_told_where_it_is_made_with_the_number_of_the_write(mistake: str) -> None:
    _, bulk = bulk_on(WROTE)
    make, path = REFUSED[mistake]

    with pytest.raises((InvalidDocumentError, SerializationError)) as caught:
        make(bulk.insert({}))

    error: Any = caught.value
    assert error.path == path
    assert error.message.startswith("write 1: ")
    assert str(error) == error.message


@pytest.mark.parametrize("kind", ["insert", "update_one", "replace_one", "delete_one"])
def test_what_the_server_would_not_take_is_told_at_once(kind: str) -> None:
    _, bulk = bulk_on(WROTE)
    huge = {"a": "x" * (16 * 1024 * 1024)}
    makes: dict[str, Callable[[], Any]] = {
        "insert": lambda: bulk.insert(huge),
        "update_one": lambda: bulk.update_one({}, {"$set": huge}),
        "replace_one": lambda: bulk.replace_one({}, huge),
        "delete_one": lambda: bulk.delete_one(huge),
    }

    with pytest.raises(DocumentTooLargeError) as caught:
        makes[kind]()
    assert caught.value.path == "0"


def test_order_and_options_of_the_wrong_kind_are_refused() -> None:
    _, bulk = bulk_on(WROTE)
    wrong: Any = 1

    makes: list[Callable[[], Any]] = [
        lambda: bulk.ordered(wrong),
        lambda: bulk.options(wrong),
        lambda: bulk.options(BulkWriteOptions(let=wrong)),
        lambda: bulk.options(BulkWriteOptions(let={"1a": 1})),
        lambda: bulk.options(BulkWriteOptions(bypass_document_validation=wrong)),
        lambda: bulk.options(BulkWriteOptions(comment={1})),
    ]
    for make in makes:
        with pytest.raises(MongoError):
            make()


ARRAY_FILTERS: list[tuple[Any, Any, str]] = [
    ({"a.$[e]": 1}, [{"e": 1}, {"e": {"$gt": 0}}], "1.array_filters.1"),
    ({"a.$[e]": 1}, [{"e": 1}, {"f": 1}], "1.array_filters.1"),
    ({"a": 1}, [{"e": 1}], "1.array_filters.0"),
    ({"a.$[]": 1}, [{"e": 1}], "1.array_filters.0"),
    ({"a.$[e].b.$[f]": 1}, [{"e": 1}], "1.array_filters"),
    ({"a.$[e]": 1}, None, "1.array_filters"),
    ({"a.$[e]": 1}, [{"e": 1, "f": 1}], "1.array_filters.0"),
    ({"a.$[e]": 1}, [{"$or": [{"e": 1}, {"f": 1}]}], "1.array_filters.0"),
    ({"a.$[e]": 1}, [{"$comment": "none"}], "1.array_filters.0"),
    ({"a.$[E]": 1}, [{"E": 1}], "1.array_filters.0"),
    ({"a.$[e]": 1}, [{"e": {"$foo": 1}}], "1.array_filters.0.e.$foo"),
    ({"a.$[e]": 1}, [{"e": 1, "$expr": True}], "1.array_filters.0.$expr"),
    ({"a.$[e]": 1}, [{"$and": [{"e": {"$near": [1, 1]}}]}], "1.array_filters.0.$and.0.e.$near"),
]


@pytest.mark.parametrize(("fields", "filters", "path"), ARRAY_FILTERS)
def test_array_filters_that_do_not_go_with_their_update_are_told_at_once(fields: Any, filters: Any, path: str) -> None:
    _, bulk = bulk_on(WROTE)

    with pytest.raises(InvalidDocumentError) as caught:
        bulk.insert({}).update_many({}, {"$set": fields}, array_filters=filters)

    assert caught.value.path == path
    assert caught.value.message.startswith("write 1: array_filters: ")


def test_an_update_by_a_pipeline_takes_no_array_filters() -> None:
    _, bulk = bulk_on(WROTE)

    with pytest.raises(InvalidDocumentError, match="pipeline"):
        bulk.update_one({}, [{"$set": {"a": 1}}], array_filters=[{"e": 1}])


@pytest.mark.parametrize(
    ("update", "filters"),
    [
        ({"$set": {"a.$[e].b.$[f2].c": 1}, "$unset": {"d.$[g]": ""}}, [{"f2.x": 1}, {"g": 1}, {"e": 1}]),
        ({"$set": {"a.$[e]": 1}}, [{"e.x": 1, "$nor": [{"$and": [{"e.y": 1}]}], "$comment": "good"}]),
        (UpdateBuilder().set("a.$[e].b", 1), [FilterBuilder().gt("e.x", 1)]),
        ({"$set": {"a.$[].b": 1, "c.$": 2}}, None),
    ],
)
async def test_array_filters_that_go_with_their_update_are_sent(update: Any, filters: Any) -> None:
    transport, bulk = bulk_on(WROTE)

    (write,) = await writes_of(bulk.update_one({}, update, array_filters=filters), transport)

    assert isinstance(write, op.UpdateWrite)
    assert write.options.array_filters == filters


def test_array_filters_are_not_looked_into_where_nothing_is() -> None:
    transport = StubTransport(WROTE)
    users = client_on(transport, validate_documents=False).collection("shop", "users")

    bulk = users.bulk_write().update_one({}, {"$set": {"a": 1}}, array_filters=[{"e": {"$foo": 1}}])

    assert len(bulk) == 1


@pytest.mark.parametrize("hint", [["a"], [(Field[int]("a"), 1)], {Field[int]("a"): 1}, {"a": 1}, [("a", 1)]])
@pytest.mark.parametrize("sort", [Field[int]("a"), [Field[int]("a")], "a", [("a", 1)]])
async def test_hint_and_sort_are_taken_in_every_form_that_a_query_takes(hint: Any, sort: Any) -> None:
    transport, bulk = bulk_on(WROTE)

    (write,) = await writes_of(bulk.replace_one({}, {}, hint=hint, sort=sort), transport)

    assert isinstance(write, op.ReplaceWrite)
    assert write.options == UpdateOptions(hint={"a": 1}, sort={"a": 1})


async def test_what_the_caller_changes_later_changes_no_write() -> None:
    transport, bulk = bulk_on(WROTE)
    document: dict[str, Any] = {"a": [1]}
    filters: list[dict[str, Any]] = [{"e": 1}]
    built = bulk.insert(document).update_one({}, {"$set": {"a.$[e]": 1}}, array_filters=filters)
    document["a"].append(2)
    filters[0]["e"] = 2

    insert, update = await writes_of(built, transport)

    assert isinstance(insert, op.InsertWrite)
    assert isinstance(update, op.UpdateWrite)
    assert bson.decode(insert.document)["a"] == [1]
    assert update.options.array_filters == [{"e": 1}]


async def test_a_builder_never_changes() -> None:
    transport, bulk = bulk_on(WROTE)
    one = bulk.delete_one({"a": 1})

    left, right = one.delete_one({"a": 2}), one.ordered(ordered=False).delete_one({"a": 3})

    assert (len(bulk), len(one), len(left), len(right)) == (0, 1, 2, 2)
    assert await writes_of(left, transport) != await writes_of(right, transport)
    assert await writes_of(one, transport) == [op.DeleteWrite(bson.encode({"a": 1}), ONE, DeleteOptions())]
    assert transport.operations[0].ordered
    assert not transport.operations[1].ordered


async def test_executed_again_it_writes_the_same() -> None:
    transport, users = plain_on(WROTE)
    bulk = BulkWriteBuilder(users.write_target()).insert({})

    await bulk.execute()
    await bulk.execute()

    assert transport.operations[0] == transport.operations[1]


def test_builders_are_equal_by_what_they_write() -> None:
    transport, users = plain_on(WROTE)
    bulk = BulkWriteBuilder(users.write_target())
    one = bulk.insert({"_id": 1})

    assert one == BulkWriteBuilder(users.write_target()).insert({"_id": 1})
    assert one != bulk.insert({"_id": 2})
    assert one != one.ordered(ordered=False)
    assert one != one.options(BulkWriteOptions(comment=1))
    assert one != BulkWriteBuilder(client_on(transport).collection("shop", "carts").write_target()).insert({"_id": 1})
    assert one != "a builder"
    assert bulk


def test_its_text_counts_the_writes_and_shows_no_document() -> None:
    _, bulk = bulk_on(WROTE)
    built = (
        bulk.insert({"_id": "secret"})
        .insert({})
        .update_one({"a": "secret"}, {"$set": {"a": "secret"}})
        .update_many({}, {"$set": {"a": 1}})
        .replace_one({}, {})
        .delete_one({})
        .delete_many({})
        .ordered(ordered=False)
    )

    assert repr(bulk) == "BulkWriteBuilder('shop.users', no writes, ordered)"
    assert repr(built) == (
        "BulkWriteBuilder('shop.users', 2 insert, 1 update_one, 1 update_many, 1 replace_one, 1 delete_one, "
        "1 delete_many, unordered)"
    )


async def test_a_hundred_thousand_writes_are_nothing_special() -> None:
    transport, bulk = bulk_on(WROTE)
    again = bulk
    for number in range(100_000):
        bulk = bulk.delete_one({"_id": number})
        again = again.delete_one({"_id": number})

    assert bulk == again
    assert "100000 delete_one" in repr(bulk)
    assert len(await writes_of(bulk, transport)) == 100_000


def test_an_id_that_is_given_is_kept() -> None:
    identity = ObjectId()
    _, bulk = bulk_on(WROTE)

    assert bulk.insert({"a": 1, "_id": identity}) == bulk.insert({"_id": identity, "a": 1})
