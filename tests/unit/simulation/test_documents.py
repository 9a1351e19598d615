"""Documents in a cassette: whatever BSON holds comes back as the same bytes."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.simulation.documents import is_packed, parsed, raw_of, readable

CORPUS = Path(__file__).parents[4] / "shared" / "spec-tests" / "bson-corpus"
NAN_WITH_PAYLOAD = struct.pack("<Q", 0x7FF8000000000123)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(),
    st.text(),
    st.binary(),
    st.binary(min_size=12, max_size=12).map(ObjectId),
    st.integers(-(2**62), 2**62).map(DatetimeMS),
    st.builds(Timestamp, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    st.builds(Binary, st.binary(), st.integers(0, 8)),
)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
DOCUMENTS = st.dictionaries(
    NAMES, st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=10)
)


def _back(text: str) -> bytes:
    return raw_of(parsed(text))


@given(DOCUMENTS)
def test_any_document_comes_back(document: dict[str, Any]) -> None:
    raw = bson.encode(document)

    assert _back(readable(raw)) == raw


@pytest.mark.parametrize(
    "value",
    [
        *(MinKey(), MaxKey(), Regex("a.b", "im"), Code("f()"), Code("f()", {"x": 1}), Decimal128("1.10"), math.nan),
        *(DBRef("c", 1), DBRef("c", 1, "d", extra=1), DatetimeMS(2**62), -0.0),
        *({"$bson": "x"}, {"$oid": "not one"}, {"$date": 1}, {"$numberInt": "x"}, {"$ref": 1}, {"$uuid": "x"}),
    ],
)
def test_a_value_that_looks_like_something_else_comes_back(value: Any) -> None:
    raw = bson.encode({"value": value})

    assert _back(readable(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x14\x00\x00\x00\x10a\x00\x01\x00\x00\x00\x10a\x00\x02\x00\x00\x00\x00", id="a name twice"),
        pytest.param(b"\x10\x00\x00\x00\x01a\x00" + NAN_WITH_PAYLOAD + b"\x00", id="a NaN with a payload"),
        pytest.param(b"\x08\x00\x00\x00\x06a\x00\x00", id="undefined"),
        pytest.param(b"\x0f\x00\x00\x00\x0ea\x00\x03\x00\x00\x00ab\x00\x00", id="a symbol"),
    ],
)
def test_what_extended_json_does_not_bring_back_is_kept_as_bytes(raw: bytes) -> None:
    text = readable(raw)

    assert is_packed(json.loads(text))
    assert _back(text) == raw


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the drivers' BSON corpus is not there")
def test_every_document_of_the_bson_corpus_comes_back() -> None:
    raws = [
        bytes.fromhex(case["canonical_bson"])
        for file in sorted(CORPUS.rglob("*.json"))
        for case in json.loads(file.read_text()).get("valid", [])
    ]

    assert len(raws) > 100
    assert [raw.hex() for raw in raws if _back(readable(raw)) != raw] == []
