"""Typed events from the server's bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import bson
import msgspec
import pydantic
import pytest
from bson import Timestamp
from bson.datetime_ms import DatetimeMS

from llm_devops_mongodb import (
    ChangeEvent,
    CursorError,
    DeserializationError,
    OperationType,
    ResumeToken,
    TruncatedArray,
    UpdateDescription,
)
from llm_devops_mongodb.change_streams.reading import EventReader
from llm_devops_mongodb.codecs import codec_for
from llm_devops_mongodb.namespace import Namespace
from tests.unit.change_streams.scripted import BSON, WATCHED, event, token


class StructItem(msgspec.Struct):
    n: int
    id: int = msgspec.field(name="_id")


class PydanticItem(pydantic.BaseModel):
    n: int
    id: int = pydantic.Field(alias="_id")


FAMILIES: list[Any] = [StructItem, PydanticItem]
ON_FAMILIES = pytest.mark.parametrize("kind", FAMILIES)
# The year 30828: BSON has it, Python does not.
FAR = DatetimeMS(910_670_515_200_000)


def read(*documents: dict[str, Any], kind: Any = dict) -> list[ChangeEvent[Any]]:
    frame = b"".join(bson.encode(document) for document in documents)
    return EventReader(codec_for(kind, BSON), BSON, WATCHED).read(frame)


def read_one(document: dict[str, Any], kind: Any = dict) -> ChangeEvent[Any]:
    (found,) = read(document, kind=kind)
    return found


def test_every_field_of_an_event_is_told() -> None:
    when = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    document = event(
        1,
        "update",
        clusterTime=Timestamp(8, 2),
        wallTime=when,
        txnNumber=5,
        fullDocumentBeforeChange={"_id": 1, "n": 0},
        updateDescription={
            "updatedFields": {"n": 1},
            "removedFields": ["gone"],
            "truncatedArrays": [{"field": "tags", "newSize": 2}],
            "disambiguatedPaths": {"a.0": ["a", "0"]},
        },
    )

    found = read_one(document)

    assert found == ChangeEvent(
        id=token(1),
        operation=OperationType.UPDATE,
        document_key={"_id": 1},
        full_document={"_id": 1, "n": 1},
        full_document_before_change={"_id": 1, "n": 0},
        update_description=UpdateDescription({"n": 1}, ("gone",), (TruncatedArray("tags", 2),), {"a.0": ["a", "0"]}),
        cluster_time=Timestamp(8, 2),
        wall_time=when,
        namespace=Namespace("shop", "items"),
        txn_number=5,
    )
    assert bson.decode(found.raw, BSON.codec_options) == document


def test_what_an_event_has_not_is_none() -> None:
    found = read_one({"_id": {"_data": "1"}})

    assert found == ChangeEvent(id=token(1), operation="")
    assert found.namespace is None
    assert found.update_description is None


def test_an_update_without_its_lists_has_empty_ones() -> None:
    found = read_one({"_id": {"_data": "1"}, "operationType": "update", "updateDescription": {}})

    assert found.update_description == UpdateDescription()


@pytest.mark.parametrize("kind", OperationType)
def test_a_kind_of_operation_is_told_by_its_name(kind: OperationType) -> None:
    assert read_one(event(1, kind.value)).operation is kind


def test_a_kind_that_is_not_known_is_its_name() -> None:
    assert read_one(event(1, "teleport")).operation == "teleport"


def test_a_namespace_may_have_more_and_fewer_fields() -> None:
    more = {"db": "shop", "coll": "items", "viewOn": "others", "version": 2}

    assert read_one(event(1, ns=more)).namespace == Namespace("shop", "items")
    assert read_one(event(1, "dropDatabase", ns={"db": "shop"})).namespace == Namespace("shop", "")
    assert read_one(event(1, ns="taken away")).namespace is None


def test_a_rename_tells_the_new_name() -> None:
    found = read_one(event(1, "rename", to={"db": "shop", "coll": "goods"}))

    assert found.to_namespace == Namespace("shop", "goods")


def test_an_event_without_an_id_is_refused() -> None:
    nameless = event(1)
    del nameless["_id"]

    with pytest.raises(CursorError, match="_id"):
        read(nameless)


@ON_FAMILIES
def test_documents_become_models_all_at_once(kind: Any) -> None:
    found = read(
        event(1),
        event(2, "delete", fullDocument=None),
        event(3, fullDocumentBeforeChange={"_id": 3, "n": 0}),
        kind=kind,
    )

    assert [event.full_document and event.full_document.n for event in found] == [1, None, 3]
    assert isinstance(found[0].full_document, kind)
    assert isinstance(found[2].full_document_before_change, kind)


@ON_FAMILIES
def test_one_that_does_not_fit_spoils_no_other(kind: Any) -> None:
    found = read(event(1), event(2, fullDocument={"_id": 2, "n": "two"}), event(3), kind=kind)

    assert [event.error is None for event in found] == [True, False, True]
    assert [event.full_document is None for event in found] == [False, True, False]
    assert found[1].document_key == {"_id": 2}
    assert isinstance(found[1].error, DeserializationError)
    assert found[1].error.path == "n"
    assert found[1].error.namespace == "shop.items"


@ON_FAMILIES
def test_a_former_document_that_does_not_fit_takes_the_new_one_with_it(kind: Any) -> None:
    found = read_one(event(1, fullDocumentBeforeChange={"_id": 1, "n": "one"}), kind=kind)

    assert found.error is not None
    assert found.full_document is None
    assert found.full_document_before_change is None


def test_an_error_names_the_collection_that_the_event_is_of() -> None:
    found = read_one(
        event(1, ns={"db": "shop", "coll": "others"}, fullDocument={"_id": 1, "n": "one"}), kind=StructItem
    )

    assert found.error is not None
    assert found.error.namespace == "shop.others"


@pytest.mark.parametrize("kind", [dict, *FAMILIES])
def test_a_date_that_python_has_not_is_told_and_spoils_no_other(kind: Any) -> None:
    found = read(event(1), event(2, fullDocument={"_id": 2, "n": 2, "at": FAR}), event(3), kind=kind)

    assert [event.error is None for event in found] == [True, False, True]
    assert [event.document_key for event in found] == [{"_id": 1}, {"_id": 2}, {"_id": 3}]
    assert found[1].error is not None
    assert found[1].error.path == "at"


def test_a_date_that_python_has_not_outside_the_documents_stays_a_number() -> None:
    found = read_one(
        event(1, "update", updateDescription={"updatedFields": {"at": FAR}, "removedFields": []}), kind=StructItem
    )

    assert found.error is None
    assert found.full_document == StructItem(1, 1)
    assert found.update_description is not None
    assert found.update_description.updated_fields == {"at": FAR}


def test_text_that_is_not_utf_8_is_told_by_its_event() -> None:
    whole = bson.encode(event(1, fullDocument={"_id": 1, "n": 1, "text": "abc"}))

    (found,) = EventReader(codec_for(dict, BSON), BSON, WATCHED).read(whole.replace(b"abc", b"\xff\xfe\xff"))

    assert found.id == token(1)
    assert found.error is not None
    assert found.full_document is None


def test_what_is_no_bson_is_refused() -> None:
    broken = bytearray(bson.encode(event(1)))
    broken[4] = 0x7F

    with pytest.raises(DeserializationError, match="not BSON"):
        EventReader(codec_for(dict, BSON), BSON, WATCHED).read(bytes(broken))


def test_an_event_shows_no_raw_bytes() -> None:
    assert "raw" not in repr(read_one(event(1)))


def test_an_id_is_a_resume_token() -> None:
    found = read_one(event(1))

    assert isinstance(found.id, ResumeToken)
    assert found.id.as_document() == {"_data": "1"}
