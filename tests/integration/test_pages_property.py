"""Keyset pages against one full sort of the real server: every document exactly once, in exactly its order."""

from __future__ import annotations

import math
from typing import Any

import pytest
from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_devops_mongodb import Collection, Database, FindOptions

MISSING = object()
NUMBERS = [
    *(0, 1, -1, 2**31 - 1, Int64(1), Int64(2**62), 2**53 + 1),
    *(0.0, -0.0, 1.0, 0.1, math.inf, -math.inf, math.nan, float(2**53)),
    *(Decimal128("1"), Decimal128("0.1"), Decimal128("1.00"), Decimal128("NaN"), Decimal128("-Infinity")),
]
OTHERS = [
    *(MISSING, None, MinKey(), MaxKey(), "", "a", "A", "é", "a\0b", True, False),
    *({}, {"a": 1}, {"a": Int64(1)}, {"a": None}, {"b": {"c": [1, {"d": 2}]}}, {"$ref": "r", "$id": 1}),
    *(b"", b"b", Binary(b"b", 5), Binary(bytes(16), 4), ObjectId("0" * 24), ObjectId("f" * 24)),
    *(DatetimeMS(0), DatetimeMS(-(2**45)), DatetimeMS(2**45), Timestamp(0, 0), Timestamp(2**32 - 1, 1)),
    *(Regex(""), Regex("a", "i"), Code(""), Code("a"), Code("a", {}), Code("a", {"x": 1})),
]
values = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(OTHERS), st.sampled_from([MISSING, None, 1, "a"]))
odd_ids = st.sampled_from([True, b"i", ObjectId("1" * 24), None])
ids = st.one_of(st.integers(-50, 50), st.text("ab", max_size=3), odd_ids)
directions = st.sampled_from([1, -1])
PATHS = ("a", "b", "c.d")


def made(identity: object, parts: tuple[object, ...]) -> dict[str, Any]:
    document: dict[str, Any] = {"_id": identity, "kept": True}
    for path, value in zip(PATHS, parts, strict=True):
        head, _, tail = path.partition(".")
        if value is not MISSING:
            document[head] = {tail: value} if tail else value
    return document


@st.composite
def contents(draw: st.DrawFn) -> list[dict[str, Any]]:
    # Twenty values for all, so that there are ties in every key.
    pool = draw(st.lists(values, min_size=2, max_size=20))
    picked = st.tuples(*[st.sampled_from(pool)] * 3)
    found = draw(st.lists(ids, min_size=1, max_size=40, unique_by=repr))
    return [made(identity, draw(picked)) for identity in found]


orders = st.builds(
    lambda paths, ways: list(zip(paths, ways, strict=False)),
    st.lists(st.sampled_from([*PATHS, "_id"]), min_size=1, max_size=3, unique=True),
    st.lists(directions, min_size=3, max_size=3),
)

quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


async def refill(documents: list[dict[str, Any]], database: Database) -> Collection[dict[str, Any]]:
    collection = database.collection("paged")
    await collection.delete_many({})
    await collection.insert_many(documents)
    return collection


def full(order: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return order if any(path == "_id" for path, _ in order) else [*order, ("_id", order[-1][1])]


def names(documents: list[dict[str, Any]]) -> list[str]:
    return [repr(document["_id"]) for document in documents]


async def forward(collection: Collection[dict[str, Any]], order: Any, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = await collection.find_page({"kept": True}, sort=order, limit=limit)
    assert not page.has_prev
    while True:
        found += page.items
        assert page.has_next == (page.next_cursor is not None)
        if not page.has_next:
            return found
        assert len(page.items) == limit
        page = await collection.find_page({"kept": True}, sort=order, limit=limit, after=page.next_cursor)
        assert page.has_prev


async def backward(collection: Collection[dict[str, Any]], order: Any, limit: int) -> list[dict[str, Any]]:
    page = await collection.find_page({"kept": True}, sort=order, limit=limit, before=await end_of(collection, order))
    assert page.has_next
    found = list(page.items)
    while page.has_prev:
        assert len(page.items) == limit
        page = await collection.find_page({"kept": True}, sort=order, limit=limit, before=page.previous_cursor)
        assert page.has_next
        found = [*page.items, *found]
    assert page.previous_cursor is None
    return found


async def end_of(collection: Collection[dict[str, Any]], order: Any) -> str:
    """A cursor behind the last document: that of a page which ended there while another document followed."""
    count = await collection.count_documents({"kept": True})
    ends = {path: MaxKey() if direction == 1 else MinKey() for path, direction in full(order)}
    await collection.insert_one(made(ends["_id"], tuple(ends.get(path) for path in PATHS)))
    every = await collection.find_page({"kept": True}, sort=order, limit=count)
    await collection.delete_one({"_id": ends["_id"]})
    assert every.next_cursor is not None
    return every.next_cursor


@quick
@given(documents=contents(), order=orders, limit=st.integers(1, 7))
async def test_pages_are_the_full_sort_cut_up_both_ways(
    mongo_database: Database, documents: list[dict[str, Any]], order: Any, limit: int
) -> None:
    collection = await refill(documents, mongo_database)
    expected = names(await collection.find({"kept": True}, FindOptions(sort=full(order))))

    assert names(await forward(collection, order, limit)) == expected
    assert names(await backward(collection, order, limit)) == expected


@quick
@given(documents=contents(), order=orders, limit=st.integers(1, 7), data=st.data())
async def test_documents_that_stay_come_once_while_others_come_and_go(
    mongo_database: Database, documents: list[dict[str, Any]], order: Any, limit: int, data: st.DataObject
) -> None:
    collection = await refill(documents, mongo_database)
    leaving = data.draw(st.lists(st.sampled_from(documents), max_size=10))
    arriving = [
        made(f"new{n}", parts) for n, parts in enumerate(data.draw(st.lists(st.tuples(*[values] * 3), max_size=10)))
    ]
    expected = await collection.find({"kept": True}, FindOptions(sort=full(order)))
    gone: set[str] = set()
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await collection.find_page({"kept": True}, sort=order, limit=limit, after=cursor)
        found += names(page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
        if leaving:
            gone.add(repr(leaving[-1]["_id"]))
            await collection.delete_one({"_id": {"$eq": leaving.pop()["_id"]}})
        if arriving:
            await collection.insert_one(arriving.pop())

    staying = [name for name in names(expected) if name not in gone]
    assert len(found) == len(set(found))
    assert [name for name in found if name in set(staying)] == staying


@pytest.mark.parametrize("direction", [1, -1])
async def test_every_value_of_every_type_has_its_place(mongo_database: Database, direction: int) -> None:
    every = [made(n, (value, value, value)) for n, value in enumerate([*NUMBERS, *OTHERS, *NUMBERS, *OTHERS])]
    collection = await refill(every, mongo_database)
    for order in ([("a", direction)], [("c.d", direction), ("a", -direction)]):
        expected = names(await collection.find({"kept": True}, FindOptions(sort=full(order))))

        assert names(await forward(collection, order, 1)) == expected
        assert names(await backward(collection, order, 3)) == expected


@pytest.mark.parametrize("direction", [1, -1])
async def test_a_value_of_every_type_may_be_an_id(mongo_database: Database, direction: int) -> None:
    identities = [MinKey(), None, math.nan, 1, 0.5, "", "a", {}, {"a": 1}, b"", ObjectId("0" * 24), True]
    identities += [DatetimeMS(0), Timestamp(0, 0), Code(""), Code("a", {}), MaxKey()]
    collection = await refill([{"_id": identity, "kept": True} for identity in identities], mongo_database)
    expected = names(await collection.find({"kept": True}, FindOptions(sort={"_id": direction})))

    assert names(await forward(collection, {"_id": direction}, 2)) == expected
