"""Projections of chosen fields."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId

from llm_devops_mongodb.advice import optimize_projection
from llm_devops_mongodb.errors import InvalidDocumentError


class Named:
    """A field of a model, as far as its text goes."""

    def __str__(self) -> str:
        return "address.city"


@pytest.mark.parametrize(
    ("fields", "projection"),
    [
        (["name"], {"name": 1, "_id": 0}),
        (["name", "_id"], {"name": 1, "_id": 1}),
        (("b", "a", "b"), {"b": 1, "a": 1, "_id": 0}),
        (["_id.day"], {"_id.day": 1}),
        (["_identity"], {"_identity": 1, "_id": 0}),
        (["a.b", "a.c", "ab"], {"a.b": 1, "a.c": 1, "ab": 1, "_id": 0}),
        ([Named()], {"address.city": 1, "_id": 0}),
        (iter(["a"]), {"a": 1, "_id": 0}),
        ([], {"_id": 0}),
    ],
)
def test_only_what_is_named_is_returned(fields: Any, projection: dict[str, int]) -> None:
    assert list(optimize_projection(fields).items()) == list(projection.items())


@pytest.mark.parametrize(
    ("fields", "path"),
    [(["a", "a.b"], "a.b"), (["a.b.c", "a"], "a.b.c"), (["_id", "_id.x"], "_id.x")],
)
def test_a_field_and_a_part_of_it_are_refused(fields: list[str], path: str) -> None:
    with pytest.raises(InvalidDocumentError, match="is a part of") as refused:
        optimize_projection(fields)
    assert refused.value.path == path


@pytest.mark.parametrize("fields", [[""], ["a..b"], ["a."], ["$a"], [None], [5], [ObjectId()], [{}], [["a"]]])
def test_what_is_no_name_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidDocumentError):
        optimize_projection(fields)


@pytest.mark.parametrize("fields", ["name", b"name", {"name": 1}])
def test_what_is_no_list_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="list of field names"):
        optimize_projection(fields)
