from __future__ import annotations

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_devops_mongodb.codecs import documents_of, split_frame
from llm_devops_mongodb.errors import DeserializationError

EMPTY = bson.encode({})
raws = st.lists(st.binary(max_size=200).map(lambda data: bson.encode({"data": data})), max_size=30)


@settings(deadline=None)
@given(raws)
def test_documents_come_back_in_their_order(documents: list[bytes]) -> None:
    assert list(documents_of(b"".join(documents))) == documents


@settings(deadline=None)
@given(raws, st.integers(min_value=1, max_value=2000))
def test_smaller_frames_hold_the_same_documents_and_are_not_larger_than_needed(
    documents: list[bytes], chunk_bytes: int
) -> None:
    frame = b"".join(documents)

    chunks = list(split_frame(frame, chunk_bytes))

    assert b"".join(chunks) == frame
    for chunk in chunks[:-1]:
        assert len(chunk) >= chunk_bytes
    for chunk in chunks:
        assert sum(map(len, list(documents_of(chunk))[:-1])) < chunk_bytes


def test_a_document_larger_than_a_smaller_frame_is_one_by_itself() -> None:
    large = bson.encode({"x": "x" * 100_000})
    assert list(split_frame(large + EMPTY + large)) == [large, EMPTY + large]


def test_an_empty_frame_holds_nothing() -> None:
    assert list(split_frame(b"")) == []


@pytest.mark.parametrize(
    "tail",
    [b"\x05", b"\x05\x00\x00\x00", b"\x04\x00\x00\x00\x00", b"\x06\x00\x00\x00\x00", b"\xff\xff\xff\xff\x00"],
    ids=["one byte", "no end", "too short", "too long", "negative"],
)
def test_damage_is_told_by_its_place_after_what_is_whole(tail: bytes) -> None:
    documents = documents_of(EMPTY + tail)
    assert next(documents) == EMPTY
    with pytest.raises(DeserializationError, match=f"damaged at byte 5 of {5 + len(tail)}"):
        next(documents)
