"""What a database asks of its transport, and what it makes of the reply."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import bson
import msgspec
import pytest

from llm_devops_mongodb import (
    AggregateOptions,
    Database,
    DeserializationError,
    InvalidDocumentError,
    MongoClient,
    MongoConfig,
    Namespace,
    QueryError,
    ReadPreference,
    SimulationTypeMismatchError,
    TransactionError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.replies import DocumentReply, DoneReply, NamesReply
from tests.families import FAMILIES
from tests.stub_transport import Answer, StubTransport, cursor, frame

SHOP = Namespace("shop", "")
NOTHING: dict[str, Any] = {}


class Number(msgspec.Struct):
    n: int


def shop_on(*answers: Answer, **settings: Any) -> tuple[StubTransport, Database]:
    transport = StubTransport(*answers)
    return transport, MongoClient(MongoConfig(uri="mongodb://localhost", **settings), transport).database("shop")


def test_a_database_tells_its_name() -> None:
    _, shop = shop_on(DoneReply())
    assert (shop.name, repr(shop)) == ("shop", "Database('shop')")


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a$b", 'a"b', "a/b", "a\\b", "a\0b", "a" * 64, "ü" * 32])
def test_a_database_s_name_is_checked(name: str) -> None:
    client = MongoClient(MongoConfig(uri="mongodb://localhost"), StubTransport(DoneReply()))
    with pytest.raises(InvalidDocumentError):
        client.database(name)


@pytest.mark.parametrize("name", ["", "a$b", ".a", "a.", "a..b", "system.users", "a\0b", "a" * 116])
async def test_a_collection_s_name_is_checked(name: str) -> None:
    transport, shop = shop_on(DoneReply())
    with pytest.raises(InvalidDocumentError):
        shop.collection(name)
    with pytest.raises(InvalidDocumentError):
        await shop.drop_collection(name)
    assert transport.operations == []


def test_the_longest_namespace_is_configured() -> None:
    _, shop = shop_on(DoneReply(), max_namespace_bytes=255)
    assert str(shop.collection("a" * 250).namespace) == f"shop.{'a' * 250}"
    with pytest.raises(InvalidDocumentError):
        shop.collection("a" * 251)


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_collection_holds_documents_of_any_family(family: str) -> None:
    kind, document = FAMILIES[family]
    raws: list[bytes] = []

    def answer(operation: Any) -> Any:
        return DocumentReply(raws[0])

    _, shop = shop_on(answer)
    models = shop.collection("models", kind)
    raws.append(models._encoded(document).raw)
    found = await models.find_one()
    assert models._encoded(found).raw == raws[0]


def test_a_collection_of_what_is_no_document_is_refused() -> None:
    _, shop = shop_on(DoneReply())
    with pytest.raises(TypeError, match="cannot be a document"):
        shop.collection("a", int)


async def test_names_are_listed() -> None:
    transport, shop = shop_on(NamesReply(("a", "b")))
    assert await shop.list_collection_names() == ["a", "b"]
    assert await shop.list_collection_names({"name": "a"}) == ["a", "b"]
    assert transport.operations == [
        op.ListCollectionNames(SHOP, Settings(), None, bson.encode(NOTHING)),
        op.ListCollectionNames(SHOP, Settings(), None, bson.encode({"name": "a"})),
    ]


async def test_a_command_is_sent_as_it_is() -> None:
    reply = {"ok": 1.0, "n": 3}
    transport, shop = shop_on(DocumentReply(bson.encode(reply)))
    command = {"count": "users", "query": {"$anything": 1}}
    assert await shop.run_command(command) == reply
    assert await shop.run_command(UserDict(ping=1), read_preference=ReadPreference.NEAREST) == reply
    assert transport.operations == [
        op.RunCommand(SHOP, Settings(), None, bson.encode(command)),
        op.RunCommand(SHOP, Settings(read_preference=ReadPreference.NEAREST), None, bson.encode({"ping": 1})),
    ]


@pytest.mark.parametrize("command", [{}, "ping", ["ping"], None])
async def test_what_is_no_command_is_refused(command: Any) -> None:
    transport, shop = shop_on(DoneReply())
    with pytest.raises(InvalidDocumentError, match="command"):
        await shop.run_command(command)
    assert transport.operations == []


async def test_a_database_aggregates_into_a_type() -> None:
    transport, shop = shop_on(lambda _: cursor(frame({"n": 1}, {"n": 2})))
    pipeline = [{"$documents": [{"n": 1}, {"n": 2}]}]
    options = AggregateOptions(comment="c")
    assert await shop.aggregate(pipeline) == [{"n": 1}, {"n": 2}]
    assert await shop.aggregate(pipeline, options, Number) == [Number(1), Number(2)]
    raw = (bson.encode(pipeline[0]),)
    assert transport.operations == [
        op.Aggregate(SHOP, Settings(), None, raw, AggregateOptions()),
        op.Aggregate(SHOP, Settings(), None, raw, options),
    ]


async def test_an_aggregation_of_a_database_keeps_the_rules_of_a_collection_s() -> None:
    _, shop = shop_on(lambda _: cursor(frame({"n": 1}, {"n": "x"}, {"n": 3})), max_find_results=2)
    with pytest.raises(DeserializationError) as caught:
        await shop.aggregate([{"$documents": []}], T=Number)
    assert caught.value.namespace == "shop"
    assert await shop.aggregate([{"$documents": []}], T=Number, on_error="skip") == [Number(1), Number(3)]
    with pytest.raises(QueryError):
        await shop.aggregate([{"$documents": []}])


async def test_a_type_that_cannot_be_read_is_refused_before_a_cursor_is_opened() -> None:
    transport, shop = shop_on(lambda _: cursor(frame({"n": 1})))
    with pytest.raises(TypeError):
        await shop.aggregate([{"$documents": []}], T=int)
    assert transport.operations == []


async def test_a_collection_is_dropped() -> None:
    transport, shop = shop_on(DoneReply())
    await shop.drop_collection("users")
    assert transport.operations == [op.DropCollection(Namespace("shop", "users"), Settings(), None)]


CALLS: dict[str, tuple[Any, Answer]] = {
    "list_collection_names": (lambda shop, session: shop.list_collection_names(session=session), NamesReply(())),
    "run_command": (
        lambda shop, session: shop.run_command({"ping": 1}, session=session),
        DocumentReply(bson.encode({"ok": 1})),
    ),
    "aggregate": (lambda shop, session: shop.aggregate([{"$match": {}}], session=session), lambda _: cursor()),
    "drop_collection": (lambda shop, session: shop.drop_collection("a", session=session), DoneReply()),
}


@pytest.mark.parametrize("method", CALLS)
async def test_a_method_works_in_the_session_it_is_given(method: str) -> None:
    call, answer = CALLS[method]
    transport = StubTransport(answer)
    client = MongoClient(MongoConfig(uri="mongodb://localhost"), transport)
    await call(client.database("shop"), client.start_session())
    assert transport.operations[0].session == op.SessionRef(1)


@pytest.mark.parametrize("method", CALLS)
async def test_a_method_refuses_a_session_of_another_client(method: str) -> None:
    _, shop = shop_on(DoneReply())
    other = MongoClient(MongoConfig(uri="mongodb://localhost"), StubTransport(DoneReply()))
    with pytest.raises(TransactionError, match="of another client"):
        await CALLS[method][0](shop, other.start_session())


@pytest.mark.parametrize("method", CALLS)
async def test_a_method_refuses_a_reply_of_another_kind(method: str) -> None:
    wrong = NamesReply(()) if method == "drop_collection" else DoneReply()
    _, shop = shop_on(wrong)
    with pytest.raises(SimulationTypeMismatchError):
        await CALLS[method][0](shop, None)
