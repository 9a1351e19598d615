"""Arguments and settings of the format as this library's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    FindOneAndUpdateOptions,
    FindOptions,
    ReadConcern,
    ReadPreference,
    TransactionOptions,
    UpdateResult,
    WriteConcern,
)
from llm_devops_mongodb.options import CursorType
from tests.conformance.creation import uri_with
from tests.conformance.entities import EntityMap
from tests.conformance.operations.arguments import Arguments
from tests.conformance.operations.bulk_writes import add_write
from tests.conformance.results import document_of
from tests.conformance.settings import settings_of
from tests.conformance.traits import Traits
from tests.conformance.verdicts import MismatchError


def _given(**arguments: Any) -> Arguments:
    return Arguments(arguments, EntityMap())


def test_options_are_named_and_typed_as_the_librarys() -> None:
    given = _given(batchSize=2, maxTimeMS=5, cursorType="tailableAwait", allowDiskUse=True)

    assert given.options(FindOptions) == FindOptions(
        batch_size=2, max_time=timedelta(milliseconds=5), cursor_type=CursorType.TAILABLE_AWAIT, allow_disk_use=True
    )
    given.check_all_taken("find")


def test_no_options_are_none() -> None:
    assert _given().options(FindOptions) is None


def test_the_document_to_return_is_told_in_any_case() -> None:
    options = _given(returnDocument="After").options(FindOneAndUpdateOptions)

    assert options == FindOneAndUpdateOptions(return_document="after")


def test_transactions_take_concerns() -> None:
    given = _given(readConcern={"level": "snapshot"}, writeConcern={"w": "majority", "wtimeoutMS": 10})

    assert given.options(TransactionOptions) == TransactionOptions(
        read_concern=ReadConcern.SNAPSHOT,
        write_concern=WriteConcern(w="majority", timeout=timedelta(milliseconds=10)),
    )


def test_an_argument_that_nobody_takes_is_named() -> None:
    given = _given(filter={}, wonders=1)
    given.require("filter")

    with pytest.raises(MismatchError, match="find has no argument wonders"):
        given.check_all_taken("find")


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(MismatchError, match="argument filter is missing"):
        _given().require("filter")


def test_settings_are_read() -> None:
    assert settings_of({"readPreference": {"mode": "Secondary"}, "readConcern": {}, "writeConcern": {}}) == {
        "read_preference": ReadPreference.SECONDARY,
        "read_concern": None,
        "write_concern": None,
    }
    with pytest.raises(MismatchError):
        settings_of({"wonders": {}})
    with pytest.raises(MismatchError):
        settings_of({"readConcern": {"wonders": 1}})


@pytest.mark.parametrize(
    ("uri", "options", "expected"),
    [
        ("mongodb://h/?a=1", {"w": 2, "retryReads": False}, "mongodb://h/?a=1&w=2&retryReads=false"),
        ("mongodb://h/?a=1", {"a": "x y"}, "mongodb://h/?a=x%20y"),
        ("mongodb://h", {"w": 1}, "mongodb://h/?w=1"),
        ("mongodb://h", {}, "mongodb://h"),
    ],
)
def test_options_go_into_the_uri(uri: str, options: dict[str, Any], expected: str) -> None:
    assert uri_with(uri, options) == expected


@pytest.mark.parametrize(
    "request_",
    [
        {"insertTwo": {}},
        {"insertOne": {}},
        {"insertOne": {"document": {}, "wonders": 1}},
        {"updateMany": {"filter": {}, "update": {}, "sort": {}}},
    ],
)
def test_a_malformed_write_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(MismatchError):
        add_write(object(), request_)


def test_entities_are_told_by_name_and_kind() -> None:
    entities = EntityMap()
    entities.add("n", 1)

    assert entities.value("n") == 1
    with pytest.raises(MismatchError, match="already"):
        entities.add("n", 2)
    with pytest.raises(MismatchError, match="no entity m"):
        entities.get("m")
    with pytest.raises(MismatchError, match="is a value, not a str"):
        entities.get("n", str)


def test_an_upsert_is_counted_in_its_document() -> None:
    assert document_of(UpdateResult(0, 0, upserted_id=7)) == {
        "matchedCount": 0,
        "modifiedCount": 0,
        "upsertedCount": 1,
        "upsertedId": 7,
        "acknowledged": True,
    }


def test_a_test_is_looked_through_for_what_its_clients_need() -> None:
    insert = {"name": "insertOne", "object": "c", "arguments": {"document": {"a": {"$b": 1}}}}
    within = {"name": "withTransaction", "object": "s", "arguments": {"callback": [insert]}}
    update = {"name": "updateOne", "object": "c", "arguments": {"update": {"$set": {"a": 1}}}}

    assert Traits.of({"operations": [within]}) == Traits(
        sets_fail_points=False, has_transactions=True, stores_operators=True
    )
    assert Traits.of({"operations": [update, {"name": "failPoint", "object": "testRunner"}]}) == Traits(
        sets_fail_points=True, has_transactions=False, stores_operators=False
    )
    assert not Traits.of({"operations": [insert | {"expectError": {"isClientError": True}}]}).stores_operators
