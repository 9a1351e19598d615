"""Ids in little memory, which look like a dict."""

from __future__ import annotations

import copy
import math
import pickle
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from bson import Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.bulk.inserted_ids import InsertedIds
from llm_devops_mongodb.bulk.inserted_ids_builder import InsertedIdsBuilder

A, B, C = (ObjectId(f"{number:024x}") for number in range(1, 4))

IDS = st.one_of(
    st.binary(min_size=12, max_size=12).map(ObjectId),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 9).map(Int64),
    st.text(max_size=3),
)


def collected(*pieces: tuple[int, list[Any]]) -> InsertedIds:
    builder = InsertedIdsBuilder()
    for first, ids in pieces:
        builder.add(first, ids)
    return builder.built()


def test_it_equals_a_dict_of_the_same_content() -> None:
    ids = collected((0, [A, B]), (5, [C]))
    expected = {0: A, 1: B, 5: C}

    assert ids == expected
    assert expected == ids
    assert ids != {0: A, 1: B, 5: A}
    assert ids != {0: A, 1: B, 6: C}
    assert ids != {0: A}
    assert ids != [A, B, C]
    assert InsertedIds() == {}


def test_ids_are_looked_up_as_in_a_dict() -> None:
    ids = collected((3, [A, B]), (9, [C]))

    assert (ids[3], ids[4], ids[9]) == (A, B, C)
    assert ids.get(4) == B
    assert ids.get(0) is None
    for missing in (0, 2, 5, 8, 10, -1, "3"):
        assert missing not in ids
    with pytest.raises(KeyError):
        ids[5]


@pytest.mark.parametrize(
    "key", [1.0, 0.5, True, Decimal(4), Fraction(1, 2), math.nan, math.inf, 1e300, "4", b"4", None, A, -0.0]
)
@pytest.mark.parametrize("positions", [None, [0, 1, 4]])
def test_a_key_of_any_type_means_what_it_means_to_a_dict(key: Any, positions: list[int] | None) -> None:
    builder = InsertedIdsBuilder()
    builder.add(0, [A, B, C, A, B], positions)
    ids = builder.built()

    assert (key in ids) is (key in dict(ids))
    assert ids.get(key) == dict(ids).get(key)


def test_it_is_read_in_the_order_of_the_indexes() -> None:
    ids = collected((0, [A]), (1, [7, 8]), (3, ["x"]))

    assert list(ids) == [0, 1, 2, 3]
    assert list(ids.values()) == [A, 7, 8, "x"]
    assert list(ids.items()) == [(0, A), (1, 7), (2, 8), (3, "x")]
    assert (1, 7) in ids.items()
    assert len(ids) == len(ids.items()) == 4


def test_every_id_keeps_its_type() -> None:
    given_ids = [A, 1, Int64(1), True, 1.0, "1", UUID(int=1), {"a": 1}]

    ids = collected(*((index, [each]) for index, each in enumerate(given_ids)))

    assert [type(each) for each in ids.values()] == [type(each) for each in given_ids]


def test_only_the_positions_that_were_inserted_are_taken() -> None:
    builder = InsertedIdsBuilder()
    builder.add(0, [A, B, C], [0, 2])
    builder.add(3, [A, B], [])
    builder.add(5, [B])

    assert builder.built() == {0: A, 2: C, 5: B}
    assert builder.count == 3


def test_what_is_added_later_does_not_change_what_was_built() -> None:
    builder = InsertedIdsBuilder()
    builder.add(0, [1, 2], [1])
    before = builder.built()
    builder.add(2, [3])

    assert before == {1: 2}
    assert builder.built() == {1: 2, 2: 3}


def test_its_text_shows_the_first_few() -> None:
    assert repr(InsertedIds()) == "InsertedIds({})"
    assert repr(collected((0, [1, 2, 3]))) == "InsertedIds({0: 1, 1: 2, 2: 3})"
    assert repr(collected((0, list(range(1000))))) == "InsertedIds({0: 0, 1: 1, 2: 2, … 997 more})"


def test_it_pickles_and_copies() -> None:
    ids = collected((0, [A, B]), (2, [1]), (7, ["x"]))

    assert pickle.loads(pickle.dumps(ids)) == ids
    assert copy.deepcopy(ids) == ids


@given(st.lists(st.tuples(st.integers(0, 2), st.lists(IDS, max_size=4)), max_size=20))
def test_whatever_is_collected_is_there(pieces: list[tuple[int, list[Any]]]) -> None:
    builder, expected, first = InsertedIdsBuilder(), dict[int, Any](), 0
    for gap, ids in pieces:
        first += gap
        builder.add(first, ids)
        expected |= dict(enumerate(ids, start=first))
        first += len(ids)

    found = builder.built()

    assert dict(found) == expected
    assert found == expected
    assert [(type(each), each) for each in found.values()] == [(type(each), each) for each in expected.values()]
    assert all(found[index] == identity for index, identity in expected.items())


@pytest.mark.parametrize("chunk", [1, 1000, 70_000])
def test_object_ids_take_little_more_than_their_bytes_however_small_the_chunks(chunk: int) -> None:
    count = 140_000
    tracemalloc.start()
    try:
        builder = InsertedIdsBuilder()
        for first in range(0, count, chunk):
            builder.add(first, [ObjectId(number.to_bytes(12)) for number in range(first, first + chunk)])
        ids = builder.built()
        del builder
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(ids) == count
    assert ids[count - 1] == ObjectId((count - 1).to_bytes(12))
    assert held < 14 * count


def test_kinds_that_alternate_end_no_run_early() -> None:
    ids = collected(*((index, [A if index % 2 else index]) for index in range(5000)))

    assert len(pickle.dumps(ids)) < 5000 * 60
    assert ids[4998] == 4998
    assert ids[4999] == A


def test_a_full_run_gives_way_to_the_next_kind() -> None:
    ids = collected((0, list(range(2000))), (2000, [A] * 10))

    assert (ids[1999], ids[2000]) == (1999, A)
