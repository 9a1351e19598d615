"""Options as the driver takes them. Each call is also bound to the driver's own signature."""

from __future__ import annotations

import inspect
from dataclasses import fields
from datetime import timedelta
from types import MappingProxyType

import bson
import pytest
from bson import DatetimeMS, Int64, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo import CursorType as DriverCursorType
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor

from llm_devops_mongodb.options import (
    AggregateOptions,
    CountOptions,
    CursorType,
    DeleteOptions,
    DistinctOptions,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertOptions,
    ReturnDocument,
    UpdateOptions,
)
from llm_devops_mongodb.transports.driver.arguments import (
    aggregate_arguments,
    command_arguments,
    find_and_modify_arguments,
    find_arguments,
    milliseconds,
    raw,
    raw_update,
    small,
    write_arguments,
)

COLLATION = {"locale": "en", "strength": 2}
LIMIT = timedelta(milliseconds=1500)

FIND = FindOptions(
    projection={"a": 1},
    sort={"a": 1, "score": {"$meta": "textScore"}},
    skip=1,
    limit=5,
    batch_size=2,
    hint={"a": 1, "s": -1},
    collation=COLLATION,
    let={"v": 1},
    comment="why",
    max_time=LIMIT,
    max_await_time=LIMIT,
    min={"a": 1},
    max={"a": 9},
    return_key=True,
    show_record_id=True,
    no_cursor_timeout=True,
    allow_partial_results=True,
    allow_disk_use=True,
    cursor_type=CursorType.TAILABLE_AWAIT,
)
INSERT = InsertOptions(bypass_document_validation=True, comment={"why": 1})
UPDATE = UpdateOptions(
    upsert=True,
    array_filters=({"e.x": 1},),
    sort={"a": -1},
    hint="a_1",
    collation=COLLATION,
    let={"v": 1},
    comment="why",
    bypass_document_validation=True,
)
DELETE = DeleteOptions(hint=[("a", 1)], collation=COLLATION, let={"v": 1}, comment="why")
FIND_AND_UPDATE = FindOneAndUpdateOptions(
    projection=["a"],
    sort="a",
    upsert=True,
    return_document=ReturnDocument.AFTER,
    array_filters=[{"e.x": 1}],
    hint={"a": 1},
    collation=COLLATION,
    let={"v": 1},
    comment="why",
    max_time=LIMIT,
    bypass_document_validation=True,
)
FIND_AND_DELETE = FindOneAndDeleteOptions(
    projection=["a"], sort=[("a", -1)], hint="a_1", collation=COLLATION, let={"v": 1}, comment="why", max_time=LIMIT
)
COUNT = CountOptions(skip=1, limit=2, hint={"a": 1}, collation=COLLATION, comment="why", max_time=LIMIT)
DISTINCT = DistinctOptions(hint={"a": 1}, collation=COLLATION, comment="why", max_time=LIMIT)
AGGREGATE = AggregateOptions(
    allow_disk_use=True,
    batch_size=2,
    hint={"a": 1},
    collation=COLLATION,
    let={"v": 1},
    comment="why",
    max_time=LIMIT,
    max_await_time=LIMIT,
    bypass_document_validation=True,
)

FULL = [
    (find_arguments, FIND),
    (write_arguments, INSERT),
    (write_arguments, UPDATE),
    (write_arguments, DELETE),
    (find_and_modify_arguments, FIND_AND_UPDATE),
    (find_and_modify_arguments, FIND_AND_DELETE),
    (command_arguments, COUNT),
    (command_arguments, DISTINCT),
    (aggregate_arguments, AGGREGATE),
]


@pytest.mark.parametrize("options", [options for _, options in FULL], ids=lambda options: type(options).__name__)
def test_the_full_options_here_set_every_field(options):
    assert [field.name for field in fields(options) if getattr(options, field.name) == field.default] == []


@pytest.mark.parametrize(("arguments_of", "options"), FULL, ids=[type(options).__name__ for _, options in FULL])
def test_options_that_are_not_given_are_no_arguments(arguments_of, options):
    assert arguments_of(type(options)()) == {}


def test_the_arguments_of_find():
    assert find_arguments(FIND) == {
        "projection": {"a": 1},
        "sort": {"a": 1, "score": {"$meta": "textScore"}},
        "skip": 1,
        "limit": 5,
        "batch_size": 2,
        "hint": {"a": 1, "s": -1},
        "collation": COLLATION,
        "let": {"v": 1},
        "comment": "why",
        "max_time_ms": 1500,
        "min": {"a": 1},
        "max": {"a": 9},
        "return_key": True,
        "show_record_id": True,
        "no_cursor_timeout": True,
        "allow_partial_results": True,
        "allow_disk_use": True,
        "cursor_type": DriverCursorType.TAILABLE_AWAIT,
    }


@pytest.mark.parametrize(
    ("ours", "drivers"),
    [
        (CursorType.TAILABLE, DriverCursorType.TAILABLE),
        ("tailable", DriverCursorType.TAILABLE),
        (CursorType.TAILABLE_AWAIT, DriverCursorType.TAILABLE_AWAIT),
    ],
)
def test_cursor_types_become_the_drivers(ours, drivers):
    assert find_arguments(FindOptions(cursor_type=ours)) == {"cursor_type": drivers}


def test_the_arguments_of_writes():
    assert write_arguments(INSERT) == {"bypass_document_validation": True, "comment": {"why": 1}}
    assert write_arguments(UPDATE) == {
        "upsert": True,
        "array_filters": [{"e.x": 1}],
        "sort": {"a": -1},
        "hint": "a_1",
        "collation": COLLATION,
        "let": {"v": 1},
        "comment": "why",
        "bypass_document_validation": True,
    }
    assert write_arguments(DELETE) == {"hint": {"a": 1}, "collation": COLLATION, "let": {"v": 1}, "comment": "why"}


def test_the_arguments_of_find_one_and():
    assert find_and_modify_arguments(FIND_AND_UPDATE) == {
        "projection": ["a"],
        "sort": {"a": 1},
        "upsert": True,
        "return_document": True,
        "array_filters": [{"e.x": 1}],
        "hint": {"a": 1},
        "collation": COLLATION,
        "let": {"v": 1},
        "comment": "why",
        "maxTimeMS": 1500,
        "bypassDocumentValidation": True,
    }
    assert find_and_modify_arguments(FIND_AND_DELETE) == {
        "projection": ["a"],
        "sort": {"a": -1},
        "hint": "a_1",
        "collation": COLLATION,
        "let": {"v": 1},
        "comment": "why",
        "maxTimeMS": 1500,
    }


def test_the_returned_document_may_be_named_by_a_word():
    assert find_and_modify_arguments(FindOneAndUpdateOptions(return_document="after")) == {"return_document": True}
    assert find_and_modify_arguments(FindOneAndUpdateOptions(return_document="before")) == {}


def test_the_arguments_of_commands():
    assert command_arguments(COUNT) == {
        "skip": 1,
        "limit": 2,
        "hint": {"a": 1},
        "collation": COLLATION,
        "comment": "why",
        "maxTimeMS": 1500,
    }
    assert command_arguments(DISTINCT) == {
        "hint": {"a": 1},
        "collation": COLLATION,
        "comment": "why",
        "maxTimeMS": 1500,
    }
    assert aggregate_arguments(AGGREGATE) == {
        "allowDiskUse": True,
        "batchSize": 2,
        "hint": {"a": 1},
        "collation": COLLATION,
        "let": {"v": 1},
        "comment": "why",
        "maxTimeMS": 1500,
        "maxAwaitTimeMS": 1500,
        "bypassDocumentValidation": True,
    }


@pytest.mark.parametrize(
    "value", [{"a": 1, "b": -1}, [("a", 1), ("b", -1)], (["a", 1], ("b", -1)), MappingProxyType({"a": 1, "b": -1})]
)
def test_fields_and_directions_in_any_form_become_a_document_in_their_order(value):
    for arguments in (
        find_arguments(FindOptions(sort=value, hint=value)),
        write_arguments(UpdateOptions(sort=value, hint=value)),
    ):
        assert [*arguments["sort"].items()] == [("a", 1), ("b", -1)]
        assert arguments["hint"] == {"a": 1, "b": -1}


def test_a_name_alone_is_an_ascending_sort_and_an_index_name():
    assert find_arguments(FindOptions(sort="name", hint="name")) == {"sort": {"name": 1}, "hint": "name"}
    assert find_arguments(FindOptions(sort=["ab", ("c", -1)])) == {"sort": {"ab": 1, "c": -1}}


def test_mappings_that_the_driver_refuses_become_dictionaries():
    given = find_arguments(FindOptions(let=MappingProxyType({"v": 1}), collation=MappingProxyType(COLLATION)))
    assert {type(value) for value in given.values()} == {dict}


def test_a_false_value_is_given_where_it_differs_from_the_default():
    assert find_arguments(FindOptions(allow_disk_use=False, comment="")) == {"allow_disk_use": False, "comment": ""}
    assert write_arguments(InsertOptions(bypass_document_validation=False)) == {"bypass_document_validation": False}


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(0), 0),
        (timedelta(microseconds=1), 1),
        (timedelta(milliseconds=7), 7),
        (timedelta(microseconds=7001), 8),
        (timedelta(days=1), 86_400_000),
    ],
)
def test_durations_are_rounded_up_so_that_none_becomes_no_limit(duration, expected):
    assert milliseconds(duration) == expected


@pytest.mark.parametrize(
    ("method", "given", "left_out"),
    [
        (AsyncCursor.__init__, find_arguments(FIND), ()),
        (AsyncCollection.insert_one, write_arguments(INSERT), ()),
        (AsyncCollection.insert_many, write_arguments(INSERT), ()),
        (AsyncCollection.update_one, write_arguments(UPDATE), ()),
        (AsyncCollection.update_many, write_arguments(UPDATE), ("sort",)),
        (AsyncCollection.replace_one, write_arguments(UPDATE), ("array_filters",)),
        (AsyncCollection.delete_one, write_arguments(DELETE), ()),
        (AsyncCollection.delete_many, write_arguments(DELETE), ()),
        (AsyncCollection.find_one_and_update, find_and_modify_arguments(FIND_AND_UPDATE), ()),
        (AsyncCollection.find_one_and_replace, find_and_modify_arguments(FIND_AND_UPDATE), ()),
        (AsyncCollection.find_one_and_delete, find_and_modify_arguments(FIND_AND_DELETE), ()),
        (AsyncCollection.count_documents, command_arguments(COUNT), ()),
        (AsyncCollection.estimated_document_count, command_arguments(COUNT), ()),
        (AsyncCollection.distinct, command_arguments(DISTINCT), ()),
        (AsyncCollection.aggregate, aggregate_arguments(AGGREGATE), ()),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_the_driver_knows_every_argument(method, given, left_out):
    signature = inspect.signature(method)
    named = {name: value for name, value in given.items() if name not in left_out}
    signature.bind_partial(None, **named)
    assert all(name not in signature.parameters for name in left_out)


def test_bytes_are_handed_over_as_they_are():
    document = bson.encode({"a": 1})
    assert raw(document).raw == document
    assert bson.encode(raw_update(document)) == document
    assert [stage.raw for stage in raw_update((document, document))] == [document, document]


def test_a_small_filter_is_a_dictionary_that_is_written_back_as_it_was():
    document = bson.encode(
        {
            "at": DatetimeMS(2**60),
            "n": Int64(1),
            "r": Regex("a", "i"),
            "t": Timestamp(1, 2),
            "in": {"z": [1.0, None, b"x"], "a": True},
        }
    )
    decoded = small(document)
    assert type(decoded) is dict
    assert bson.encode(decoded) == document


def test_a_large_filter_stays_raw():
    document = bson.encode({"a": "x" * 2000})
    assert isinstance(small(document), RawBSONDocument)
