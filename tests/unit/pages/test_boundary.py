"""The condition of coming after a boundary."""

import math
from typing import Any

import bson
import pytest
from bson import Code, Decimal128, MaxKey, MinKey, Regex
from bson.codec_options import CodecOptions

from llm_devops_mongodb.pages import SortKey, within_bounds
from llm_devops_mongodb.pages.brackets import beyond, is_comparable

UP, DOWN = SortKey("a", 1), SortKey("a", -1)


def bounded(filter: dict[str, Any], *, keys: tuple[str, ...] = ("a", "_id")) -> dict[str, Any]:
    order = [SortKey(key, 1) for key in keys]
    raw = within_bounds(bson.encode(filter), order, values=["v"] * len(keys), inclusive=False)
    return bson.decode(raw, CodecOptions(tz_aware=True))


def test_the_filter_is_repeated_in_each_branch_and_joined_by_and():
    whole = bounded({"$or": [{"x": 1}, {"y": 1}]})

    assert list(whole) == ["$or"]
    first, second = whole["$or"]
    assert first["$and"][0] == second["$and"][0] == {"$or": [{"x": 1}, {"y": 1}]}
    assert second["$and"][1]["$and"][0] == {"a": {"$eq": "v"}}


@pytest.mark.parametrize("filter", [{"p": {"$near": [1, 1]}}, {"$text": {"$search": "x"}}, {"x": "y" * 3_000_000}])
def test_a_filter_that_may_not_be_repeated_stands_beside_the_branches(filter):
    whole = bounded(filter)

    assert whole["$and"][0] == filter
    assert len(whole["$and"][1]["$or"]) == 2


def test_a_single_key_needs_no_branches():
    assert list(bounded({"x": 1}, keys=("_id",))) == ["$and"]


def test_only_the_last_branch_is_inclusive():
    order = [SortKey("a", 1), SortKey("_id", -1)]
    whole = bson.decode(
        within_bounds(bson.encode({}), order, values=[1, 2], inclusive=True), CodecOptions(tz_aware=True)
    )

    first, second = (branch["$and"][1] for branch in whole["$or"])
    assert first["$and"][-1] == {"a": {"$not": {"$lte": 1}}}
    assert second["$and"][1]["$and"][-1] == {"_id": {"$not": {"$gt": 2}}}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (UP, MinKey(), [{"a": {"$ne": MinKey()}}]),
        (UP, None, [{"a": {"$ne": MinKey()}}, {"a": {"$ne": None}}]),
        (
            UP,
            -0.0,
            [{"a": {"$ne": MinKey()}}, {"a": {"$ne": None}}, {"a": {"$ne": "NaN"}}, {"a": {"$not": {"$lte": 0}}}],
        ),
        (DOWN, MaxKey(), [{"a": {"$ne": MaxKey()}}]),
        (DOWN, Code("x", {}), [{"a": {"$ne": MaxKey()}}, {"a": {"$not": {"$gte": Code("x", {})}}}]),
    ],
)
def test_what_was_passed_is_left_out_bracket_by_bracket(key, value, expected):
    found = beyond(key, value)["$and"]

    assert [{"a": {"$ne": "NaN"}} if _is_nan(part) else part for part in found] == expected


def _is_nan(part: dict[str, Any]) -> bool:
    value = part["a"].get("$ne")
    return isinstance(value, float) and math.isnan(value)


def test_at_the_very_first_value_inclusive_means_everything():
    assert beyond(UP, MinKey(), inclusive=True) == {}
    assert beyond(DOWN, MaxKey(), inclusive=True) == {}


@pytest.mark.parametrize("value", [math.nan, Decimal128("NaN"), Decimal128("sNaN")])
def test_every_spelling_of_not_a_number_is_one_point_below_the_numbers(value):
    assert len(beyond(UP, value)["$and"]) == 3
    assert beyond(DOWN, value)["$and"][0] == {"a": {"$not": {"$gte": -math.inf}}}


def test_a_regular_expression_is_only_compared_as_a_literal():
    found = beyond(UP, Regex(".*"))["$and"][-1]

    assert found["$nor"][0]["$expr"]["$and"][1] == {"$lte": ["$a", {"$literal": Regex(".*")}]}


def test_values_that_look_like_operators_are_operands():
    raw = within_bounds(
        bson.encode({}), [UP], values=[bson.raw_bson.RawBSONDocument(bson.encode({"$gt": ""}))], inclusive=True
    )

    assert bson.decode(raw, CodecOptions(tz_aware=True))["$and"][1]["$and"][-1] == {"a": {"$not": {"$lt": {"$gt": ""}}}}


def test_a_condition_can_be_decoded_by_who_observes_it():
    for direction in (UP, DOWN):
        for value in (MinKey(), MaxKey(), ""):
            bson.decode(bson.encode(beyond(direction, value)))


def test_an_array_has_no_place():
    assert not is_comparable([1])
    assert is_comparable(None)
