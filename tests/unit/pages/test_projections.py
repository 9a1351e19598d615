"""Projections that leave the sort's fields as they are."""

import pytest
from bson import Decimal128

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.pages import check_projection, total_order


@pytest.mark.parametrize(
    "projection",
    [
        *(None, {}, []),
        *(["a"], ("a", "b"), {"a": 1}, {"a": True, "_id": 1}, {"a": 2.5, "b": 0.1}),
        *({"a": {"b": 1, "c": 1}, "x": 1}, {"a.b": 1, "a.c": 1}),
        *({"b": 0}, {"b": False, "x.y": 0}, {"b": {"c": 0}}, {"b": Decimal128("0")}),
        *({"b": {"$slice": 1}}, {"b": {"$meta": "textScore"}}, {"a": 1, "b": {"$elemMatch": {"x": 1}}}),
        *({"a": 1, "b": "$c"}, {"a": 1, "b": {"$slice": 1}}, {"b": 0, "c": {"$slice": 1}}),
    ],
)
def test_a_projection_that_keeps_the_sort_is_taken(projection):
    check_projection(projection, total_order("a.b"))


@pytest.mark.parametrize(
    ("projection", "path"),
    [
        *((names, "a.b") for names in (["b"], ["a.c"], ["_id"], {"b": 1}, {"_id": 1}, {"a.c": 1}, {"a.b.c": 1})),
        *(
            (hidden, "a.b")
            for hidden in ({"a": 0}, {"a.b": 0}, {"a.b.c": False}, {"a": {"b": 0}}, {"a": Decimal128("0")})
        ),
        *(({"_id": 0, **rest}, "_id") for rest in ({}, {"a": 1}, {"b": 0})),
        *(({"a": changed}, "a.b") for changed in ("$x", {"$concat": ["$a"]}, {"$slice": 1}, {"$literal": 1}, {}, [])),
        *(({"a": 1, "_id": changed}, "_id") for changed in ("$x", {"$add": [1]}, 0.0)),
        ({"b": "$c"}, "a.b"),
        ({"b": {"$elemMatch": {"x": 1}}}, "a.b"),
        ({"a.$": 1}, "a.b"),
        ({"a": 1, "a.b": {"$slice": 1}}, "a.b"),
    ],
)
def test_a_projection_that_leaves_out_or_changes_a_key_is_refused(projection, path):
    with pytest.raises(InvalidDocumentError, match="must be returned") as caught:
        check_projection(projection, total_order("a.b"))
    assert caught.value.path == path
