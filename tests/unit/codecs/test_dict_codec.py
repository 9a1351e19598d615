from __future__ import annotations

import re
from collections import ChainMap, OrderedDict, UserDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import bson
import msgspec
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl

from llm_devops_mongodb.codecs import decode_document, encode_document
from llm_devops_mongodb.errors import DeserializationError
from tests.unit.codecs.support import SETTINGS, codec_of, raw, stored, unwritable

MADE = ObjectId("65f000000000000000000001")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(Int64)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.binary(min_size=12, max_size=12).map(ObjectId)
    | st.uuids()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**20, min_value=-(10**20)).map(
        Decimal128
    )
    | st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(  # noqa: DTZ001
        lambda value: value.replace(microsecond=0, tzinfo=UTC)
    )
)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
documents = st.dictionaries(
    names,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)),
    max_size=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents)
def test_a_document_comes_back_equal_with_an_id(document: dict[str, Any]) -> None:
    before = dict(document)
    codec = codec_of(dict)

    encoded = codec.encode(document, new_id=lambda: MADE)

    assert document == before
    wanted = {"_id": MADE, **document}
    assert codec.decode(encoded.raw) == wanted
    assert codec.decode_frame(encoded.raw * 3) == [wanted] * 3
    assert next(iter(codec.decode(encoded.raw))) == "_id"
    assert encoded.id == wanted["_id"]


def test_an_id_of_none_is_stored_as_null() -> None:
    encoded = codec_of(dict).encode({"_id": None, "a": 1}, new_id=lambda: MADE)

    assert encoded.id is None
    assert bson.decode(encoded.raw) == {"_id": None, "a": 1}


def test_an_id_is_made_where_there_is_none() -> None:
    encoded = codec_of(dict).encode({"a": 1}, new_id=lambda: MADE)
    assert encoded.id == MADE
    assert list(bson.decode(encoded.raw).items()) == [("_id", MADE), ("a", 1)]


@pytest.mark.parametrize(
    "document",
    [
        OrderedDict(a=1),
        UserDict(a=1),
        ChainMap({"a": 1}),
        bson.SON([("a", 1)]),
        RawBSONDocument(bson.encode({"a": 1})),
        RawBSONDocument(bson.encode({"_id": 7, "a": 1})),
    ],
    ids=lambda document: type(document).__name__,
)
def test_mappings_of_any_class_are_written(document: Mapping[str, Any]) -> None:
    assert stored(dict, document)["a"] == 1
    assert codec_of(dict).to_document(document)["a"] == 1


def test_an_id_that_bson_cuts_is_given_as_it_is_stored() -> None:
    exact = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    assert codec_of(dict).encode({"_id": exact}).id == exact.replace(microsecond=678_000)
    assert codec_of(dict).encode({"_id": Decimal("1.5")}).id == Decimal128("1.5")
    assert codec_of(dict).encode({"_id": {"at": date(2026, 1, 2)}}).id == {"at": datetime(2026, 1, 2, tzinfo=UTC)}


def test_the_check_sees_the_whole_document_before_it_is_encoded() -> None:
    seen: list[Mapping[str, Any]] = []
    codec_of(dict).encode({"a": [1]}, new_id=lambda: MADE, check=seen.append)
    assert seen == [{"a": [1], "_id": MADE}]


def test_what_the_check_raises_comes_through() -> None:
    def check(document: Mapping[str, Any]) -> None:
        raise LookupError(*document)

    with pytest.raises(LookupError, match="_id"):
        codec_of(dict).encode({"_id": 1, "big": 2**64}, check=check)


def test_a_plain_document_keeps_its_id_and_makes_none() -> None:
    given = {"a": 1, "_id": 2}
    plain = codec_of(dict).to_document(given)
    assert list(plain.items()) == [("_id", 2), ("a", 1)]
    assert plain is not given
    assert codec_of(dict).to_document({"a": 1, "_id": None}) == {"_id": None, "a": 1}


class Colour(Enum):
    RED = "red"
    PRICE = Decimal("1.5")
    DAY = date(2026, 1, 2)


class Size(IntEnum):
    SMALL = 1


class Tone(StrEnum):
    DARK = "dark"


class Moment(datetime):
    pass


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("0.10"), Decimal128("0.10")),
        (date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
        (Moment(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        (time(1, 2, 3), "01:02:03"),
        (timedelta(days=1, seconds=2), "P1DT2S"),
        (Colour.RED, "red"),
        (Colour.PRICE, Decimal128("1.5")),
        (Colour.DAY, datetime(2026, 1, 2, tzinfo=UTC)),
        (Size.SMALL, 1),
        (Tone.DARK, "dark"),
        (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"),
        ((1, 2), [1, 2]),
        (PurePosixPath("/tmp/x"), "/tmp/x"),
        (ip_address("10.0.0.1"), "10.0.0.1"),
        (ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (AnyUrl("https://example.com/a"), "https://example.com/a"),
        (re.compile("a", re.IGNORECASE), Regex("a", "iu")),
        (deque([Decimal(1)]), [Decimal128("1")]),
        (UserDict(a=Decimal(1)), {"a": Decimal128("1")}),
    ],
)
def test_other_values_are_written_as_what_they_mean(value: Any, written: Any) -> None:
    found = stored(dict, {"v": [value]})["v"]
    assert found == [written]
    assert type(found[0]) is type(written)


def test_a_number_of_a_class_of_its_own_is_written_as_a_number_in_a_model() -> None:
    class Count(int):
        pass

    class Counted(msgspec.Struct):
        value: Any

    assert stored(Counted, Counted(Count(7)))["value"] == 7


@pytest.mark.parametrize(
    "value",
    [
        Decimal128("1"),
        Int64(1),
        Binary(b"x", 5),
        Regex("a", "i"),
        Timestamp(1, 2),
        MinKey(),
        MaxKey(),
        Code("x"),
        DBRef("users", 1),
        UUID(int=1),
    ],
)
def test_bsons_own_types_stay_what_they_are(value: Any) -> None:
    found = stored(dict, {"v": value})["v"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "a value of type int has more than the 64 bits of a BSON integer"),
        ("secret\ud800", "a value of type str is not valid Unicode"),
        (Decimal("1." + "1" * 40), "a value of type Decimal has more than the 34 digits"),
        ({"secret"}, "a value of type set has no order; give a list"),
        (frozenset(), "a value of type frozenset has no order; give a list"),
        (object(), "a value of type object cannot be written as BSON"),
        (1 + 2j, "a value of type complex cannot be written as BSON"),
        ({1: "secret"}, "field names must be str, not int"),
        ({"nul\0": 1}, "a field name holds a NUL"),
        ({"\ud800": 1}, "a field name is not valid Unicode"),
    ],
)
def test_what_bson_cannot_hold_is_told_by_path_and_type(value: Any, reason: str) -> None:
    error = unwritable(dict, {"fine": 1, "a": {"b": [{}, value]}})
    assert str(error).startswith(f"a.b.1: {reason}")
    assert error.path == "a.b.1"
    assert error.outcome == "not_applied"
    assert "secret" not in str(error)
    assert error.__cause__ is None


def test_a_datetime_that_is_out_of_range_in_utc_is_refused() -> None:
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    assert str(unwritable(dict, {"at": early})) == "at: a value of type datetime lies outside what BSON can hold"


def test_a_bad_name_at_the_top_is_told() -> None:
    assert str(unwritable(dict, {1: 1})) == "the document: field names must be str, not int"


def test_a_document_that_holds_itself_is_refused() -> None:
    ring: dict[str, Any] = {}
    ring["self"] = ring
    assert "holds itself" in str(unwritable(dict, ring))


@pytest.mark.parametrize("document", [None, 1, "x", [("a", 1)]])
def test_what_is_no_mapping_is_refused_by_type(document: Any) -> None:
    assert str(unwritable(dict, document)) == f"expected dict, got {type(document).__name__}"


def test_a_model_inside_a_plain_document_is_refused() -> None:
    assert str(unwritable(dict, {"p": Point(1)})) == "p: a value of type Point cannot be written as BSON"


def test_a_filter_is_written_like_a_document_but_gets_no_id() -> None:
    encoded = encode_document({"price": {"$gt": Decimal("1.5")}}, SETTINGS)
    assert decode_document(encoded, SETTINGS) == {"price": {"$gt": Decimal128("1.5")}}


def test_what_is_not_bson_is_told_without_an_id() -> None:
    with pytest.raises(DeserializationError) as caught:
        codec_of(dict).decode(b"\x05\x00", namespace="db.c")
    assert str(caught.value) == "db.c: the document cannot be read as dict: it is not BSON"
    assert (caught.value.namespace, caught.value.document_id) == ("db.c", None)


def test_a_date_that_python_cannot_hold_is_told_by_path_and_id() -> None:
    document = raw({"_id": 7, "a": [{"at": bson.DatetimeMS(2**60)}], "b": bson.DatetimeMS(-(2**60))})
    with pytest.raises(DeserializationError) as caught:
        codec_of(dict).decode_frame(raw({}) + document, namespace="db.c")
    error = caught.value
    assert error.document_id == 7
    assert [each.path for each in error.faults] == ["a.0.at", "b"]
    assert "with _id 7 cannot be read as dict: a.0.at: a date outside the years 1 to 9999" in str(error)


def test_text_that_is_not_utf8_is_told_with_the_id() -> None:
    damaged = raw({"_id": 7, "a": "xyz"}).replace(b"xyz", b"\xff\xffz")
    with pytest.raises(DeserializationError, match="it holds text that is not UTF-8") as caught:
        codec_of(dict).decode(damaged)
    assert caught.value.document_id == 7


def test_a_damaged_frame_is_refused() -> None:
    with pytest.raises(DeserializationError, match="damaged at byte"):
        codec_of(dict).decode_frame(raw({"a": 1}) + b"\x09")
