"""A document's values at the keys of an order."""

import struct

import bson
import pytest
from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import DeserializationError, QueryError
from llm_devops_mongodb.pages import SortKey, positions_of

EVERY_TYPE = [
    *(1, Int64(1), 1.5, Decimal128("1.0"), "text", "", True, None, b"b", Binary(b"b", 2), Binary(b"b", 5)),
    *(
        ObjectId("0" * 24),
        DatetimeMS(2**60),
        Timestamp(1, 2),
        Regex("a", "i"),
        Regex(""),
        Code("x"),
        Code("x", {"y": 1}),
    ),
    *(MinKey(), MaxKey()),
]


def order(*paths: str) -> list[SortKey]:
    return [SortKey(path, 1) for path in paths]


def raw(kind: int, value: bytes) -> bytes:
    body = b"\x10_id\0\1\0\0\0" + bytes([kind]) + b"a\0" + value + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def text(value: bytes) -> bytes:
    return struct.pack("<i", len(value) + 1) + value + b"\0"


def test_the_first_and_the_last_document_are_the_ends():
    documents = [bson.encode({"_id": n, "a": str(n)}) for n in range(3)]

    assert positions_of(documents, order("a", "_id")) == [("0", 0), ("2", 2)]
    assert positions_of(documents[:1], order("_id")) == [(0,), (0,)]
    assert positions_of([], order("_id")) == []


@pytest.mark.parametrize("value", EVERY_TYPE)
def test_every_type_is_read_as_it_was_written_and_passed_over_where_it_is_not_asked_for(value):
    document = bson.encode(
        {"before": EVERY_TYPE, "x": value, "_id": 1, "array": [value], "a": {"z": value, "b": value}}
    )

    (first, *_) = positions_of([document], order("a.b", "_id"))

    assert type(first[0]) is type(value)
    assert bson.encode({"": first[0]}) == bson.encode({"": value})


def test_a_document_is_a_value_too():
    ((value, _), _) = positions_of([bson.encode({"_id": 1, "a": {"b": {"$c": [1]}}})], order("a.b", "_id"))

    assert isinstance(value, RawBSONDocument)
    assert value.raw == bson.encode({"$c": [1]})


@pytest.mark.parametrize(
    "document", [{}, {"a": None}, {"a": 1}, {"a": {}}, {"a": {"c": 1}}, {"a": {"b": None}}, {"a.b": 1}]
)
def test_a_missing_field_is_null(document):
    assert positions_of([bson.encode({"_id": 1, **document})], order("a.b", "_id"))[0] == (None, 1)


@pytest.mark.parametrize("document", [{"a": [1]}, {"a": []}, {"a": [{"b": 1}]}, {"a": {"b": [1]}}, {"a": {"b": []}}])
def test_an_array_at_a_key_or_on_the_way_is_refused_and_its_field_named(document):
    fine = bson.encode({"_id": 1, "a": {"b": 1}})
    documents = [fine, bson.encode({"_id": 2, **document}), fine]

    with pytest.raises(QueryError, match=r"'a\.b'.*array"):
        positions_of(documents, order("a.b", "_id"))


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (raw(0x06, b""), "undefined"),
        (raw(0x0C, text(b"d.c") + bytes(12)), "DBPointer"),
        (raw(0x0E, text(b"s")), "symbol"),
        (raw(0x02, text(b"\xff")), "UTF-8"),
    ],
)
def test_what_cannot_be_compared_faithfully_is_refused(document, told):
    with pytest.raises(QueryError, match=f"'a'.*{told}") as caught:
        positions_of([document], order("a", "_id"))
    assert caught.value.__cause__ is None
    assert positions_of([document], order("_id"))[0] == (1,)


def test_a_document_without_an_id_is_refused():
    with pytest.raises(QueryError, match="no _id"):
        positions_of([bson.encode({"a": 1})], order("a", "_id"))


@pytest.mark.parametrize(
    "document", [raw(0x42, b""), raw(0x02, b"\xff\xff\xff\xff"), raw(0x02, b"\1"), b"\x0b\0\0\0\x10_id\0\1\0"]
)
def test_a_damaged_document_is_told(document):
    with pytest.raises(DeserializationError, match="damaged"):
        positions_of([document], order("b", "_id"))
