"""The order of a page."""

from collections import UserDict

import pytest
from bson import SON, Int64

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.pages import SortKey, as_sort, flipped, total_order


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("a", {"a": 1, "_id": 1}),
        ({"a": -1}, {"a": -1, "_id": -1}),
        ({"a": 1, "b.c": -1}, {"a": 1, "b.c": -1, "_id": -1}),
        ([("a", -1), "b"], {"a": -1, "b": 1, "_id": 1}),
        ([["a", 1.0]], {"a": 1, "_id": 1}),
        ({"_id": -1}, {"_id": -1}),
        ({"_id": 1, "a": -1}, {"_id": 1, "a": -1}),
        (SON([("b", Int64(-1)), ("a", 1)]), {"b": -1, "a": 1, "_id": 1}),
        (UserDict({"a": 1}), {"a": 1, "_id": 1}),
        ({"ab": 1, "a": 1}, {"ab": 1, "a": 1, "_id": 1}),
        ({"a1": 1, "b.c2": 1}, {"a1": 1, "b.c2": 1, "_id": 1}),
    ],
)
def test_a_sort_becomes_an_order_without_ties(sort, expected):
    order = as_sort(total_order(sort))

    assert list(order.items()) == list(expected.items())
    assert all(type(direction) is int for direction in order.values())


def test_thirty_two_keys_are_an_order_and_one_more_is_none():
    assert len(total_order({f"f{n}": 1 for n in range(31)})) == 32
    with pytest.raises(InvalidDocumentError, match="more than 32"):
        total_order({f"f{n}": 1 for n in range(32)})


def test_a_flipped_order_goes_the_other_way():
    assert flipped((SortKey("a", 1), SortKey("_id", -1))) == (SortKey("a", -1), SortKey("_id", 1))


@pytest.mark.parametrize(
    ("sort", "path", "text"),
    [
        *((empty, "", "names no field") for empty in ({}, [], ())),
        *((wrong, "", "takes fields and directions") for wrong in (None, 1, b"a", {"a"})),
        *(([wrong], "", "takes fields and directions") for wrong in (("a",), ("a", 1, 2), 1, None)),
        ([(1, 1)], "", "takes fields and directions"),
        *((path, "", "no empty parts") for path in ("", "a..b", ".a", "a.", "$a", "a.$b", "a\0")),
        *((path, path, "position") for path in ("a.0", "0", "a.12.b")),
        *(({"a": way}, "a", "1 or -1") for way in (0, 2, True, "asc", None, 1.5, float("nan"), [1])),
        ({"a": {"$meta": "textScore"}}, "a", r"\$meta"),
        ([("a", 1), ("a", -1)], "a", "twice"),
        ({"a": 1, "a.b": 1}, "a.b", "within another"),
        ({"a.b.c": 1, "x": 1, "a.b": 1}, "a.b.c", "within another"),
        ({"_id.a": 1}, "_id.a", "within another"),
    ],
)
def test_what_is_no_order_is_refused(sort, path, text):
    with pytest.raises(InvalidDocumentError, match=text) as caught:
        total_order(sort)
    assert caught.value.path == path
