"""Cursors as text."""

import base64
import hmac
import math

import bson
import pytest
from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.errors import InvalidCursorError, InvalidDocumentError, QueryError
from llm_devops_mongodb.pages import CursorSeal, Gap, SortKey, fingerprint

SEAL = CursorSeal(b"k" * 32, b"q" * 16, 2)
GAP = Gap(("a", 7), follows=True)
TEXT = SEAL.write(GAP)
EMPTY = bson.encode({})


def signed(payload: bytes, *, version: bytes = b"\x01", key: bytes = SEAL.key) -> str:
    signature = hmac.digest(key, b"llm-devops-mongodb page cursor" + version + payload, "sha256")[:16]
    return base64.urlsafe_b64encode(version + signature + payload).rstrip(b"=").decode()


def test_a_cursor_is_url_safe_text_that_reads_back():
    assert set(TEXT) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert SEAL.read(TEXT) == GAP
    assert SEAL.write(Gap(GAP.values, follows=False)) != TEXT


@pytest.mark.parametrize(
    "value",
    [
        *(None, MinKey(), MaxKey(), "", "é", True, b"b", Binary(b"b", 5), Binary(bytes(16), 4), ObjectId("0" * 24)),
        *(0, Int64(0), 2**31 - 1, Int64(2**62), 0.5, math.inf, Decimal128("1.00"), Decimal128("NaN")),
        *(DatetimeMS(2**62), DatetimeMS(-(2**62)), Timestamp(1, 2), Regex("a", "i"), Code("a"), Code("a", {"x": 1})),
        RawBSONDocument(bson.encode({"b": 1, "a": [1, {"$d": Int64(2)}]})),
    ],
)
def test_a_value_keeps_its_exact_type(value):
    read, _ = SEAL.read(SEAL.write(Gap((value, 1), follows=False))).values

    assert type(read) is (type(value) if value != 0 or type(value) is not bool else bool)
    assert bson.encode({"": read}) == bson.encode({"": value})


def test_not_a_number_and_the_negative_zero_stay_what_they_are():
    nan, zero = SEAL.read(SEAL.write(Gap((math.nan, -0.0), follows=False))).values

    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1


@given(position=st.integers(0, len(TEXT) - 1), character=st.characters())
def test_a_cursor_with_any_character_changed_is_refused(position, character):
    changed = TEXT[:position] + character + TEXT[position + 1 :]
    if changed != TEXT:
        with pytest.raises(InvalidCursorError):
            SEAL.read(changed)


def test_a_cursor_with_any_bit_flipped_is_refused():
    sealed = base64.urlsafe_b64decode(TEXT + "=" * (-len(TEXT) % 4))
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidCursorError):
            SEAL.read(base64.urlsafe_b64encode(flipped).rstrip(b"=").decode())


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_a_part_of_a_cursor_is_refused(length):
    with pytest.raises(InvalidCursorError):
        SEAL.read(TEXT[:length])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (7, "is text"),
        (TEXT.encode(), "is text"),
        ("", "part of one"),
        ("AAAA", "part of one"),
        ("not a cursor", "base64"),
        ("é" * 40, "base64"),
        (TEXT + "=", "base64|not a cursor"),
        (TEXT + "AAAA", "signature"),
        (TEXT.replace("A", "+", 1), "not a cursor"),
        ("A" * 65_537, "at most 65536 characters"),
        (signed(EMPTY, version=b"\x02"), "another version"),
        (signed(EMPTY, key=b"other"), "cursor_secret"),
        (signed(b"no bson at all"), "malformed"),
        (signed(b"\x0f\0\0\0\x02q\0\xff\xff\xff\x7f\0\0\0\0"), "malformed"),
        (signed(EMPTY), "another query"),
        (signed(bson.encode({"q": "q" * 16, "f": True, "v": ["a", 7]})), "another query"),
        (signed(bson.encode({"q": b"p" * 16, "f": True, "v": ["a", 7]})), "another query"),
        (signed(bson.encode({"q": SEAL.query, "f": 1, "v": ["a", 7]})), "malformed"),
        (signed(bson.encode({"q": SEAL.query, "f": True, "v": {"a": 1, "b": 2}})), "malformed"),
        (signed(bson.encode({"q": SEAL.query, "f": True, "v": ["a"]})), "malformed"),
        (signed(bson.encode({"q": SEAL.query, "f": True, "v": ["a", 1, 2]})), "malformed"),
        (signed(bson.encode({"q": SEAL.query, "f": True, "v": ["a", [1]]})), "malformed"),
    ],
)
def test_what_is_no_cursor_of_the_query_is_refused_and_told(text, told):
    with pytest.raises(InvalidCursorError, match=told) as caught:
        SEAL.read(text)
    assert isinstance(caught.value, InvalidDocumentError)
    assert caught.value.outcome == "not_applied"
    assert caught.value.__cause__ is None


def test_another_key_and_another_query_are_told_apart():
    with pytest.raises(InvalidCursorError, match="MONGODB_CURSOR_SECRET"):
        CursorSeal(b"o" * 32, SEAL.query, 2).read(TEXT)
    with pytest.raises(InvalidCursorError, match="filter, sort or collation changed"):
        CursorSeal(SEAL.key, b"o" * 16, 2).read(TEXT)


def test_values_too_large_for_a_cursor_are_told_by_their_size():
    with pytest.raises(QueryError, match="too large: 60"):
        SEAL.write(Gap(("secret" * 10_000, 1), follows=True))


def test_queries_that_differ_have_different_fingerprints():
    order = (SortKey("a", 1), SortKey("_id", 1))
    other = bson.encode({"locale": "en"})
    asked = {"order": order, "collation": EMPTY, "let": EMPTY}
    prints = [
        fingerprint("d.c", EMPTY, **asked),
        fingerprint("d.e", EMPTY, **asked),
        fingerprint("d.c", other, **asked),
        fingerprint("d.c", EMPTY, **{**asked, "order": (SortKey("a", -1), SortKey("_id", 1))}),
        fingerprint("d.c", EMPTY, **{**asked, "order": order[:1]}),
        fingerprint("d.c", EMPTY, **{**asked, "collation": other}),
        fingerprint("d.c", EMPTY, **{**asked, "let": other}),
    ]

    assert len(set(prints)) == len(prints)
    assert prints[0] == fingerprint("d.c", EMPTY, **asked)
    assert {len(made) for made in prints} == {16}
