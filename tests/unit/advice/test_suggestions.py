"""Indexes by the rule equality, sort, range."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bson import Regex

from llm_devops_mongodb.advice import suggest_index
from llm_devops_mongodb.advice.conditions import Conditions
from llm_devops_mongodb.advice.indexes import suggest_for_branches


@pytest.mark.parametrize(
    ("filter", "sort", "keys"),
    [
        ({}, None, None),
        ({"a": 1}, None, {"a": 1}),
        ({"a": {"$gt": 1}, "b": 1}, [("c", -1)], {"b": 1, "c": -1, "a": 1}),
        ({"a": {"$eq": 1}, "b.c": {"x": 1}}, None, {"a": 1, "b.c": 1}),
        ({}, {"a": 1.0, "b": -1}, {"a": 1, "b": -1}),
        ({}, "a", {"a": 1}),
        ({"a": 1}, [("a", -1), ("b", 1)], {"a": 1, "b": 1}),
        ({"a": {"$gt": 1}}, [("a", -1)], {"a": -1}),
        ({"a": {"$gt": 1, "$lt": 5}, "b": {"$gte": 1}}, None, {"a": 1, "b": 1}),
        ({"a": {"$in": list(range(200))}}, "b", {"a": 1, "b": 1}),
        ({"a": {"$in": list(range(201))}}, "b", {"b": 1, "a": 1}),
        ({"a": {"$in": list(range(20))}, "b": {"$in": list(range(11))}, "c": 1}, "d", {"c": 1, "d": 1, "a": 1, "b": 1}),
        ({"a": {"$in": [1, 2]}, "b": {"$in": [1, 2]}, "c": 1}, [("b", -1)], {"c": 1, "b": -1, "a": 1}),
        ({"a": {"$in": [1, 2]}, "c": 1}, [("b", -1), ("c", 1)], {"c": 1, "b": -1, "a": 1}),
        ({"$and": [{"a": 1}, {"$and": [{"b": {"$lt": 1}}]}]}, None, {"a": 1, "b": 1}),
        ({"a": {"$elemMatch": {"b": 1, "c": {"$gt": 1}}}}, None, {"a.b": 1, "a.c": 1}),
        ({"a": {"$elemMatch": {"$gt": 1, "$lt": 5}}}, None, {"a": 1}),
        ({"a": {"$elemMatch": {"$and": [{"b": 1}]}}}, None, {"a.b": 1}),
        ({"a": {"$all": [1, {"$elemMatch": {"b": 1}}]}}, None, {"a": 1, "a.b": 1}),
        ({"a": None}, None, {"a": 1}),
        ({"a": {"$exists": False}, "b": {"$exists": True}}, None, {"a": 1, "b": 1}),
        ({"a": {"$ne": None}}, None, {"a": 1}),
        ({"a": {"$type": "string"}}, None, {"a": 1}),
        ({"a": {"$ne": 1}, "b": {"$nin": [1]}, "c": {"$not": {"$gt": 1}}}, None, None),
        ({"a": {"$size": 1}, "b": {"$mod": [2, 0]}}, None, None),
        ({"a": re.compile("^abc")}, None, {"a": 1}),
        ({"a": Regex("^abc")}, None, {"a": 1}),
        ({"a": re.compile(b"^abc")}, None, {"a": 1}),
        ({"a": re.compile("^abc", re.IGNORECASE)}, None, None),
        ({"a": {"$regex": "^abc", "$options": "i"}}, None, None),
        ({"a": {"$regex": re.compile("abc")}}, None, None),
        ({"a": re.compile("^abc|def")}, None, None),
        ({"a": {"$in": [re.compile("^abc"), "x"]}}, None, None),
        ({"$where": "true", "$comment": "x", "$text": {"$search": "x"}}, None, None),
        ({"$nor": [{"a": 1}]}, None, None),
        ({"$expr": {"$eq": ["$a", 5]}}, None, {"a": 1}),
        ({"$expr": {"$and": [{"$gt": ["$a", 5]}, {"$eq": ["x", "$b"]}]}}, None, {"b": 1, "a": 1}),
        ({"$expr": {"$eq": ["$a", "$b"]}}, None, None),
        ({"$expr": {"$eq": ["$a", {"$add": [1, 2]}]}}, None, None),
        ({"$expr": {"$ne": ["$a", 5]}}, None, None),
        ({"$expr": "$a"}, None, None),
        ({"_id": 5, "a": 1}, None, None),
        ({"_id": {"$gt": 5}}, None, None),
        ({"a": 1}, [("_id", 1)], {"a": 1, "_id": 1}),
        ({"$text": {"$search": "x"}}, {"score": {"$meta": "textScore"}}, None),
        ({"a": {"$near": [1, 1]}}, None, {"a": "2dsphere"}),
        ({"a": {"$geoWithin": {"$center": [[1, 1], 1]}}}, None, {"a": "2d"}),
        ({"a": 1, "b": {"$geoIntersects": {}}}, "c", {"a": 1, "b": "2dsphere", "c": 1}),
        ({"$or": [{"a": 1}]}, None, {"a": 1}),
        ({"$or": [{"a": 1}, {"b": 1}], "c": 1}, None, {"c": 1}),
        ({f"f{n}": 1 for n in range(40)}, None, {f"f{n}": 1 for n in range(32)}),
        ({"a": {}}, None, {"a": 1}),
        ({"$and": [5], "a": {"$elemMatch": 5}}, None, None),
    ],
)
def test_equality_comes_before_the_sort_and_the_sort_before_ranges(filter: Any, sort: Any, keys: Any) -> None:
    suggested = suggest_index(filter, sort)
    assert suggested == keys
    assert list(suggested or {}) == list(keys or {})


@pytest.mark.parametrize(
    ("index", "is_enough"),
    [
        ({"key": {"a": 1, "b": 1, "c": -1, "d": 1}}, True),
        ({"key": {"b": 1, "a": -1, "c": -1, "d": 1}}, True),
        ({"key": {"a": 1, "b": 1, "c": 1.0, "d": -1.0}}, True),
        ({"key": {"a": 1, "b": 1, "c": -1, "d": 1, "e": 1}}, True),
        ({"key": {"a": 1, "b": 1, "c": -1, "d": 1}, "hidden": True}, True),
        ({"key": {"a": 1, "b": 1, "c": 1, "d": 1}}, False),
        ({"key": {"a": 1, "b": 1, "c": -1}}, False),
        ({"key": {"a": 1, "c": -1, "b": 1, "d": 1}}, False),
        ({"key": {"a": "hashed", "b": 1, "c": -1, "d": 1}}, True),
        ({"key": {"a": "2dsphere", "b": 1, "c": -1, "d": 1}}, False),
        ({"key": {"a": 1, "b": 1, "c": -1, "d": 1}, "sparse": True}, False),
        ({"key": {"a": 1, "b": 1, "c": -1, "d": 1}, "partialFilterExpression": {"a": 1}}, False),
        ({"key": {"a": 1, "b": 1, "c": -1, "d": 1}, "collation": {"locale": "en"}}, False),
        ({"name": "odd"}, False),
    ],
)
def test_an_index_that_is_there_is_not_suggested(index: Any, is_enough: bool) -> None:
    wanted = {"a": 1, "b": 1, "c": -1, "d": 1}
    suggested = suggest_index({"a": 1, "b": 1, "d": {"$gt": 1}}, [("c", -1)], indexes=[index])
    assert suggested == (None if is_enough else wanted)


def test_every_branch_gets_its_own_index_and_the_sort() -> None:
    branches = {"$or": [{"a": 1}, {"b": {"$gt": 1}}, {"a": 2}, {"_id": 1}]}
    suggested = suggest_for_branches(Conditions.of(branches), [("c", 1)])
    assert suggested == ({"a": 1, "c": 1}, {"c": 1, "b": 1})
    assert suggest_for_branches(Conditions.of({"$or": [{"a": 1}, {"$where": "true"}]}), []) == ()
    inner = Conditions.of({"t": {"$elemMatch": {"$or": [{"a": 1}, {"b": 1}]}}})
    assert suggest_for_branches(inner, []) == ({"t.a": 1}, {"t.b": 1})
