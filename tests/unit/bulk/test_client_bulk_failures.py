"""What the driver is handed of a bulk write, and what its failures of several collections become."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.errors import AutoReconnect, ClientBulkWriteException, DocumentTooLarge, InvalidOperation
from pymongo.results import ClientBulkWriteResult
from pymongo.results import UpdateResult as DriverUpdateResult

from llm_devops_mongodb import (
    BulkWriteError,
    BulkWriteResult,
    DocumentTooLargeError,
    DuplicateKeyError,
    MongoConnectionError,
    MongoError,
    Namespace,
    WriteConcern,
    WriteError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.options import BulkWriteOptions, DeleteOptions, Settings, UpdateOptions
from llm_devops_mongodb.replies import BulkWriteReply
from llm_devops_mongodb.transports.driver.arguments import InsertedBytes
from llm_devops_mongodb.transports.driver.bulk_writes import client_bulk_write, model_of
from llm_devops_mongodb.transports.driver.concerns import Concerns
from llm_devops_mongodb.transports.driver.errors import translated

ONE, MANY = False, True
ORDERED = True
RAW = bson.encode({"_id": 1, "a": 1})
LIMITS = {"server_selection": timedelta(seconds=30), "wait_queue": timedelta(seconds=10)}
PLACE = Namespace("shop", "users")
OPERATION = op.ClientBulkWrite((), ORDERED, BulkWriteOptions(), Settings(), None)
NOTHING: dict[str, Any] = {
    "anySuccessful": False,
    "error": None,
    "writeErrors": [],
    "writeConcernErrors": [],
    "nInserted": 0,
    "nUpserted": 0,
    "nMatched": 0,
    "nModified": 0,
    "nDeleted": 0,
    "insertResults": {},
    "updateResults": {},
    "deleteResults": {},
}


def failed(**reported: Any) -> MongoError:
    return translated(ClientBulkWriteException({**NOTHING, **reported}, verbose=True), OPERATION, limits=LIMITS)


@pytest.mark.parametrize("place", [None, PLACE])
def test_each_write_becomes_the_model_of_the_driver(place: Namespace | None) -> None:
    raw, name = RawBSONDocument(RAW), None if place is None else "shop.users"
    update = UpdateOptions(upsert=True, array_filters=[{"e": 1}], hint="h", collation={"locale": "en"})

    made = [
        model_of(op.UpdateWrite(RAW, RAW, ONE, update), place),
        model_of(op.UpdateWrite(RAW, (RAW,), MANY, UpdateOptions()), place),
        model_of(op.ReplaceWrite(RAW, RAW, UpdateOptions(upsert=True, sort="a")), place),
        model_of(op.DeleteWrite(RAW, ONE, DeleteOptions(hint=[("a", 1)])), place),
        model_of(op.DeleteWrite(RAW, MANY, DeleteOptions()), place),
    ]

    given: dict[str, Any] = {"array_filters": [{"e": 1}], "hint": "h", "collation": {"locale": "en"}}
    assert made == [
        UpdateOne(raw, {"_id": 1, "a": 1}, upsert=True, namespace=name, **given),
        UpdateMany(raw, [raw], namespace=name),
        ReplaceOne(raw, raw, upsert=True, sort={"a": 1}, namespace=name),
        DeleteOne(raw, hint={"a": 1}, namespace=name),
        DeleteMany(raw, namespace=name),
    ]
    inserted = model_of(op.InsertWrite(RAW), place)
    assert isinstance(inserted, InsertOne)
    assert repr(inserted) == repr(InsertOne(InsertedBytes(RAW), name))


def test_failures_of_single_writes_are_told_by_their_index() -> None:
    error = failed(
        anySuccessful=True,
        nInserted=2,
        nUpserted=1,
        nMatched=3,
        nModified=3,
        nDeleted=4,
        updateResults={
            1: DriverUpdateResult({"n": 1, "upserted": {"_id": 9}}, acknowledged=True, in_client_bulk=True),
            2: DriverUpdateResult({"n": 1}, acknowledged=True, in_client_bulk=True),
        },
        writeErrors=[
            {"idx": 5, "code": 11000, "errmsg": "E11000 … index: _id_ dup key: { _id: 1 }"},
            {"idx": 100_001, "code": 121, "errmsg": "Document failed validation"},
        ],
        writeConcernErrors=[{"code": 64, "errmsg": "waiting for replication timed out"}],
    )

    assert isinstance(error, BulkWriteError)
    assert error.result == BulkWriteResult(2, 3, 3, 4, 1, {1: 9})
    assert {index: type(each) for index, each in error.write_errors.items()} == {
        5: DuplicateKeyError,
        100_001: WriteError,
    }
    assert error.write_errors[5].message.startswith("write 5: ")
    assert [each.code for each in error.write_concern_errors] == [64]
    assert error.outcome == "unknown"


def test_a_connection_lost_before_anything_was_written_is_just_that() -> None:
    error = failed(error=AutoReconnect("connection closed", errors={"errorLabels": ["RetryableWriteError"]}))

    assert type(error) is MongoConnectionError
    assert error.outcome == "unknown"
    assert error.has_error_label("RetryableWriteError")


def test_a_connection_lost_later_keeps_what_was_written() -> None:
    lost = AutoReconnect("connection closed", errors={"errorLabels": ["TransientTransactionError"]})

    error = failed(anySuccessful=True, nInserted=5, error=lost)

    assert isinstance(error, BulkWriteError)
    assert error.result == BulkWriteResult(inserted_count=5)
    assert error.is_transient
    assert error.outcome == "unknown"
    assert type(error.ended_by) is MongoConnectionError
    assert "connection closed" in str(error)


def test_a_command_that_the_server_refused_is_told_by_its_code() -> None:
    error = failed(error={"ok": 0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized"})

    assert (error.code, error.code_name) == (13, "Unauthorized")
    assert "not authorized" in error.message


@pytest.mark.parametrize(
    "operation", [OPERATION, op.BulkWrite(PLACE, Settings(), None, (), ORDERED, BulkWriteOptions())]
)
def test_of_several_writes_those_before_one_too_large_may_have_been_sent(operation: op.Operation) -> None:
    error = translated(DocumentTooLarge("too large"), operation, limits=LIMITS)

    assert isinstance(error, DocumentTooLargeError)
    assert error.outcome == "unknown"


class AnsweringClient:
    """In the place of the driver's client: answers a bulk write, as a server from 8.0 lets it."""

    codec_options: CodecOptions[Any] = CodecOptions(uuid_representation=4)

    def __init__(self, answer: ClientBulkWriteResult | Exception) -> None:
        self.answer = answer
        self.given: dict[str, Any] = {}

    async def bulk_write(self, models: list[Any], **given: Any) -> ClientBulkWriteResult:
        self.given = {"models": models, **given}
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answer(**reported: Any) -> ClientBulkWriteResult:
    return ClientBulkWriteResult({**NOTHING, **reported}, acknowledged=True, has_verbose_results=True)


def upserting(*, upsert: bool) -> op.ClientBulkWrite:
    writes = ((PLACE, op.UpdateWrite(RAW, RAW, ONE, UpdateOptions(upsert=upsert))),)
    settings = Settings(write_concern=WriteConcern(w=2))
    return op.ClientBulkWrite(writes, ORDERED, BulkWriteOptions(comment="c"), settings, None)


@pytest.mark.parametrize("upsert", [True, False])
async def test_the_driver_is_asked_for_ids_only_where_there_may_be_some(*, upsert: bool) -> None:
    upserted = DriverUpdateResult({"n": 1, "upserted": {"_id": UUID(int=7)}}, acknowledged=True, in_client_bulk=True)
    client = AnsweringClient(answer(nInserted=1, nMatched=2, nModified=3, nDeleted=4, updateResults={0: upserted}))

    reply = await client_bulk_write(cast("Any", client), upserting(upsert=upsert), None, Concerns())

    document = bson.encode({"_id": UUID(int=7)}, codec_options=client.codec_options)
    assert reply == BulkWriteReply(1, 2, 3, 4, ((0, document),), acknowledged=True)
    assert (client.given["verbose_results"], client.given["ordered"], client.given["comment"]) == (upsert, True, "c")
    assert client.given["write_concern"].document == {"w": 2}
    assert len(client.given["models"]) == 1


async def test_an_unacknowledged_bulk_write_of_several_collections_says_so() -> None:
    client = AnsweringClient(ClientBulkWriteResult(NOTHING, acknowledged=False, has_verbose_results=False))

    reply = await client_bulk_write(cast("Any", client), upserting(upsert=False), None, Concerns())

    assert not reply.acknowledged


async def test_other_misuse_is_left_to_the_table_of_errors() -> None:
    client = AnsweringClient(InvalidOperation("Cannot request unacknowledged write concern and ordered writes"))

    with pytest.raises(InvalidOperation):
        await client_bulk_write(cast("Any", client), upserting(upsert=False), None, Concerns())


def test_bytes_that_are_sent_can_be_looked_into() -> None:
    document = InsertedBytes(RAW)

    assert document.raw == RAW
    assert document["a"] == 1
    assert dict(document) == {"_id": 1, "a": 1}
    assert document == RawBSONDocument(RAW)
    assert RawBSONDocument(RAW) == InsertedBytes(RAW)
    assert bson.encode({"d": InsertedBytes(RAW)}) == bson.encode({"d": {"_id": 1, "a": 1}})
    with pytest.raises(AttributeError):
        document.missing  # noqa: B018  # it is the access that fails
    with pytest.raises(AttributeError):
        InsertedBytes.__new__(InsertedBytes).raw  # noqa: B018
