"""Pages by number and by cursor, on a real server; `test_pages_property.py` compares their order with full sorts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import bson
import pytest
from bson import DatetimeMS, MaxKey, MinKey, ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb import (
    Collection,
    Database,
    DeserializationError,
    Field,
    FindOptions,
    InvalidDocumentError,
    MongoClient,
    MongoConfig,
    QueryError,
    SecretString,
)
from llm_devops_mongodb.errors import InvalidCursorError
from llm_devops_mongodb.options import CursorType
from llm_devops_mongodb.pages import positions_of, total_order, within_bounds

Rows = Collection[dict[str, Any]]


@dataclass
class City:
    _id: int
    name: str
    size: int | None = None


@pytest.fixture
async def rows(mongo_database: Database) -> Rows:
    """Ten documents: `_id` and `n` from 0, `tie` 0 and 1 by turns."""
    collection = mongo_database.collection("rows")
    await collection.insert_many([{"_id": n, "n": n, "tie": n % 2} for n in range(10)])
    return collection


def ids(page: Any) -> list[Any]:
    return [item["_id"] for item in page.items]


async def test_a_numbered_page_tells_where_it_stands(rows: Rows) -> None:
    first = await rows.find_paginated({}, 0, 4, "_id")
    last = await rows.find_paginated({}, 2, 4, "_id")

    assert (ids(first), first.total, first.total_pages, first.has_next, first.has_prev) == (
        [0, 1, 2, 3],
        10,
        3,
        True,
        False,
    )
    assert (ids(last), last.total, last.total_pages, last.has_next, last.has_prev) == ([8, 9], 10, 3, False, True)
    assert (first.page, first.page_size, first.total_is_capped) == (0, 4, False)


@pytest.mark.parametrize(
    ("page", "size", "has_next"), [(0, 10, False), (0, 9, True), (1, 5, False), (4, 2, False), (7, 4, False)]
)
async def test_another_page_is_told_by_a_document_not_by_the_total(
    rows: Rows, page: int, size: int, has_next: bool
) -> None:
    found = await rows.find_paginated({}, page, size, {"n": -1}, total=False)

    assert found.has_next is has_next
    assert (found.total, found.total_pages) == (None, None)
    assert ids(found) == [9 - n for n in range(page * size, min((page + 1) * size, 10))]


@pytest.mark.parametrize(
    ("page", "cap", "expected"),
    [
        *((page, cap, (cap, True, None)) for page, cap in ((0, 5), (0, 9), (3, 5), (9, 3))),
        *((page, cap, (10, False, 4)) for page, cap in ((0, 10), (3, 10), (9, 30))),
    ],
)
async def test_a_capped_count_says_that_there_are_more(rows: Rows, page: int, cap: int, expected: Any) -> None:
    found = await rows.find_paginated(None, page, 3, "_id", total=cap)

    assert (found.total, found.total_is_capped, found.total_pages) == expected


async def test_an_empty_collection_has_one_empty_page_and_no_pages_in_all(mongo_database: Database) -> None:
    found = await mongo_database.collection("none").find_paginated({}, 0, 5)

    assert (found.items, found.total, found.total_pages, found.has_next) == ([], 0, 0, False)


async def test_the_count_reads_as_the_page_does(mongo_database: Database, rows: Rows) -> None:
    await rows.insert_many([{"_id": name, "name": name} for name in ("a", "A", "b")])
    folded = FindOptions(
        collation={"locale": "en", "strength": 2}, hint="_id_", comment="page", max_time=timedelta(seconds=9)
    )

    assert (await rows.find_paginated({"name": "A"}, 0, 1, options=folded)).total == 2
    with pytest.raises(QueryError):
        await rows.find_paginated({}, 5, 10, options=FindOptions(hint="no such index"))


@pytest.mark.parametrize(
    "arguments",
    [
        *({"page": wrong} for wrong in (-1, True, 1.0, "1", None, 2**62)),
        *({"page_size": wrong} for wrong in (0, -1, True, 1.5, None, 2**31)),
        *({"total": wrong} for wrong in (0, -1, 1.5, None, "all")),
        *({"options": wrong} for wrong in (FindOptions(sort="a"), FindOptions(skip=1), FindOptions(limit=1), {"a": 1})),
        *({"options": wrong} for wrong in (FindOptions(min={"a": 1}), FindOptions(let={"x": 1}))),
        {"options": FindOptions(cursor_type=CursorType.TAILABLE)},
        {"filter": {"$nope": 1}},
    ],
)
async def test_a_numbered_page_that_cannot_be_is_refused_at_once(rows: Rows, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocumentError):
        await rows.find_paginated(**{"filter": {}, "page": 0, "page_size": 5, **arguments})


async def test_a_document_that_only_tells_of_another_page_need_not_fit(mongo_database: Database) -> None:
    cities = mongo_database.collection("cities", City)
    await cities.with_type(dict[str, Any]).insert_many([{"_id": 1, "name": "Oslo"}, {"_id": 2, "name": 7}])

    assert (await cities.find_paginated({}, 0, 1, "_id")).items == [City(1, "Oslo")]
    assert (await cities.find_page({}, sort="_id", limit=1)).items == [City(1, "Oslo")]
    with pytest.raises(DeserializationError):
        await cities.find_page({}, sort="_id", limit=2)


async def test_pages_lead_on_and_back(rows: Rows) -> None:
    first = await rows.find_page({}, sort={"tie": -1}, limit=4)
    second = await rows.find_page({}, sort={"tie": -1}, limit=4, after=first.next_cursor)
    third = await rows.find_page({}, sort={"tie": -1}, limit=4, after=second.next_cursor)
    back = await rows.find_page({}, sort={"tie": -1}, limit=4, before=third.previous_cursor)

    assert [ids(first), ids(second), ids(third)] == [[9, 7, 5, 3], [1, 8, 6, 4], [2, 0]]
    assert [page.has_next for page in (first, second, third, back)] == [True, True, False, True]
    assert [page.has_prev for page in (first, second, third, back)] == [False, True, True, True]
    assert first.previous_cursor is None
    assert third.next_cursor is None
    assert back == second


async def test_one_cursor_asks_for_either_side_of_its_gap(rows: Rows) -> None:
    first = await rows.find_page({}, sort="n", limit=4)

    assert ids(await rows.find_page({}, sort="n", limit=2, before=first.next_cursor)) == [2, 3]
    assert ids(await rows.find_page({}, sort="n", limit=2, after=first.next_cursor)) == [4, 5]


async def test_an_empty_page_leads_back(rows: Rows) -> None:
    page = await rows.find_page({"n": {"$lt": 9}}, sort="n", limit=8)
    await rows.delete_many({"n": 8})
    empty = await rows.find_page({"n": {"$lt": 9}}, sort="n", limit=8, after=page.next_cursor)
    back = await rows.find_page({"n": {"$lt": 9}}, sort="n", limit=8, before=empty.previous_cursor)

    assert (empty.items, empty.has_next, empty.has_prev, empty.next_cursor) == ([], False, True, None)
    assert ids(back) == list(range(8))
    assert (back.has_next, back.has_prev) == (True, False)

    await rows.delete_many({"n": {"$lt": 8}})
    before = await rows.find_page({"n": {"$lt": 9}}, sort="n", limit=8, before=empty.previous_cursor)
    await rows.insert_one({"_id": 8, "n": 8})
    assert (before.items, before.has_next, before.has_prev) == ([], True, False)
    assert ids(await rows.find_page({"n": {"$lt": 9}}, sort="n", limit=8, after=before.next_cursor)) == [8]


async def test_the_first_page_of_nothing_has_no_cursors(mongo_database: Database) -> None:
    page = await mongo_database.collection("none").find_page(None, sort="a", limit=1)

    assert (page.items, page.has_next, page.has_prev, page.next_cursor, page.previous_cursor) == (
        [],
        False,
        False,
        None,
        None,
    )


async def test_the_document_at_the_cursor_may_be_gone(rows: Rows) -> None:
    page = await rows.find_page({}, sort="tie", limit=3)
    await rows.delete_many({"_id": {"$in": ids(page)}})

    assert ids(await rows.find_page({}, sort="tie", limit=3, after=page.next_cursor)) == [6, 8, 1]


async def test_an_or_of_the_user_is_not_widened(rows: Rows) -> None:
    either = {"$or": [{"n": {"$lt": 2}}, {"n": 9}]}
    page = await rows.find_page(either, sort={"tie": 1}, limit=1)
    rest = await rows.find_page(either, sort={"tie": 1}, limit=9, after=page.next_cursor)

    assert ids(page) + ids(rest) == [0, 1, 9]


@pytest.mark.parametrize(
    "search", [{"$text": {"$search": "word"}}, {"where": {"$geoWithin": {"$center": [[0, 0], 9]}}}]
)
async def test_filters_with_an_index_of_their_own_can_be_paged(
    mongo_database: Database, search: dict[str, Any]
) -> None:
    places = mongo_database.collection("places")
    await places.insert_many([{"_id": n, "words": "word", "where": [n, 0], "n": -n} for n in range(5)])
    await mongo_database.run_command(
        {
            "createIndexes": "places",
            "indexes": [{"key": {"words": "text"}, "name": "t"}, {"key": {"where": "2d"}, "name": "g"}],
        }
    )
    first = await places.find_page(search, sort="n", limit=3)

    assert ids(first) == [4, 3, 2]
    assert ids(await places.find_page(search, sort="n", limit=3, after=first.next_cursor)) == [1, 0]


async def test_strings_follow_the_collation(mongo_database: Database) -> None:
    names = mongo_database.collection("names")
    await names.insert_many([{"_id": n, "name": name} for n, name in enumerate(["b", "A", "a", "B", "ä", "C", "c"])])
    options = FindOptions(collation={"locale": "en", "strength": 2})
    expected = [
        document["_id"]
        for document in await names.find({}, FindOptions(sort={"name": 1, "_id": 1}, collation=options.collation))
    ]

    found: list[Any] = []
    page = await names.find_page({}, sort="name", limit=2, options=options)
    found += ids(page)
    while page.has_next:
        page = await names.find_page({}, sort="name", limit=2, options=options, after=page.next_cursor)
        found += ids(page)

    assert found == expected
    with pytest.raises(InvalidCursorError, match="collation"):
        await names.find_page({}, sort="name", limit=2, after=page.previous_cursor)


async def test_a_cursor_is_good_for_its_query_only(mongo_database: Database, rows: Rows) -> None:
    cursor = (await rows.find_page({"n": {"$gt": 1}}, sort="n", limit=2)).next_cursor
    other = mongo_database.collection("other")
    let = FindOptions(let={"x": 1})

    assert ids(await rows.find_page({"n": {"$gt": 1}}, sort={"n": 1, "_id": 1}, limit=5, after=cursor)) == [
        4,
        5,
        6,
        7,
        8,
    ]
    for attempt in (
        rows.find_page({"n": {"$gt": 0}}, sort="n", limit=2, after=cursor),
        rows.find_page({"n": {"$gt": 1}}, sort={"n": -1}, limit=2, after=cursor),
        rows.find_page({"n": {"$gt": 1}}, sort={"tie": 1}, limit=2, before=cursor),
        rows.find_page({"n": {"$gt": 1}}, sort="n", limit=2, after=cursor, options=let),
        other.find_page({"n": {"$gt": 1}}, sort="n", limit=2, after=cursor),
    ):
        with pytest.raises(InvalidCursorError, match="another query"):
            await attempt


async def client_with(uri: str, secret: str | None) -> MongoClient:
    return await MongoClient.connect(
        MongoConfig(uri=uri, cursor_secret=None if secret is None else SecretString(secret))
    )


async def test_a_cursor_outlives_its_client_with_a_secret(mongo_client: MongoClient, rows: Rows) -> None:
    cursors: list[str | None] = []
    for _ in range(2):
        async with await client_with(mongo_client.config.uri, "s" * 16) as client:
            here = client.database(rows.namespace.database).collection("rows")
            cursors.append((await here.find_page({}, sort="n", limit=2)).next_cursor)
            assert ids(await here.find_page({}, sort="n", limit=2, after=cursors[0])) == [2, 3]
    assert cursors[0] == cursors[1]


@pytest.mark.parametrize("secrets", [(None, None), ("s" * 16, "t" * 16), ("s" * 16, None)])
async def test_a_cursor_of_another_key_is_refused_and_the_secret_named(
    mongo_client: MongoClient, rows: Rows, secrets: tuple[str | None, str | None]
) -> None:
    async with await client_with(mongo_client.config.uri, secrets[0]) as one:
        collection = one.database(rows.namespace.database).collection("rows")
        cursor = (await collection.find_page({}, sort="n", limit=2)).next_cursor
    async with await client_with(mongo_client.config.uri, secrets[1]) as other:
        collection = other.database(rows.namespace.database).collection("rows")
        with pytest.raises(InvalidCursorError, match="MONGODB_CURSOR_SECRET"):
            await collection.find_page({}, sort="n", limit=2, after=cursor)


@pytest.mark.parametrize(
    "arguments",
    [
        *({"limit": wrong} for wrong in (0, -1, True, 2.0, None, "5", 2**31)),
        *({"sort": wrong} for wrong in ({}, "", {"a": {"$meta": "textScore"}}, {"a": 0}, {"a.0": 1}, None)),
        *({"options": FindOptions(**wrong)} for wrong in ({"sort": "a"}, {"skip": 1}, {"limit": 5}, {"max": {"n": 1}})),
        *({"options": FindOptions(**wrong)} for wrong in ({"return_key": True}, {"max_await_time": timedelta(1)})),
        {"options": FindOptions(cursor_type=CursorType.TAILABLE_AWAIT)},
        {"options": FindOptions(projection={"n": 0})},
        {"options": FindOptions(projection=["tie"])},
        {"after": "x", "before": "y"},
        *({way: wrong} for way in ("after", "before") for wrong in ("", "x", "A" * 100_000, 7, b"x")),
        {"filter": {"n": {"$nope": 1}}},
    ],
)
async def test_a_keyset_page_that_cannot_be_is_refused_at_once(rows: Rows, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocumentError):
        await rows.find_page(**{"filter": {}, "sort": "n", "limit": 5, **arguments})


async def test_a_page_is_no_larger_than_the_configuration_lets_find_collect(
    mongo_client: MongoClient, rows: Rows
) -> None:
    async with MongoClient.connect(mongo_client.config.uri, max_find_results=3) as client:
        bound = client.database(rows.namespace.database).collection("rows")
        assert len((await bound.find_page({}, sort="n", limit=3)).items) == 3
        with pytest.raises(InvalidDocumentError, match="max_find_results, 3"):
            await bound.find_page({}, sort="n", limit=4)
        with pytest.raises(InvalidDocumentError, match="page_size is more"):
            await bound.find_paginated({}, 0, 4)


# An array at the least, in the middle and at the greatest place of either order, of numbers and of arrays.
ARRAYS = [[], [1], [3, 7], [7, 3], [5], [[5]], [None], ["x", 2], [MinKey()], [MaxKey()], [{"b": 1}], [5, 9, 1]]


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("direction", [1, -1])
async def test_an_array_at_a_key_is_never_passed_over_in_silence(
    mongo_database: Database, array: list[Any], direction: int
) -> None:
    rows = mongo_database.collection("rows")
    values = [MinKey(), None, 1, 3, 5, 7, 9, "a", "z", {"x": 1}, True, ObjectId("0" * 24), MaxKey()]
    await rows.insert_many([{"_id": n, "a": value} for n, value in enumerate(values)])
    await rows.insert_one({"_id": "array", "a": array})

    async def walk() -> None:
        cursor = None
        for _ in range(len(values) + 2):
            page = await rows.find_page({}, sort={"a": direction}, limit=1, after=cursor)
            cursor = page.next_cursor
            if cursor is None:
                return

    with pytest.raises(QueryError, match=r"'a'.*array"):
        await walk()


async def test_an_array_on_the_way_to_a_key_is_refused(mongo_database: Database) -> None:
    orders = mongo_database.collection("orders")
    await orders.insert_many([{"_id": 1, "items": {"price": 1}}, {"_id": 2, "items": [{"price": 2}, {"price": 0}]}])

    with pytest.raises(QueryError, match=r"'items\.price'"):
        await orders.find_page({}, sort="items.price", limit=5)


async def test_documents_without_an_id_cannot_be_paged(mongo_database: Database) -> None:
    await mongo_database.collection("rows").insert_many([{"n": n} for n in range(3)])
    await mongo_database.run_command({"create": "view", "viewOn": "rows", "pipeline": [{"$unset": "_id"}]})

    with pytest.raises(QueryError, match="no _id"):
        await mongo_database.collection("view").find_page({}, sort="n", limit=2)


async def test_pages_of_models_keep_key_values_that_the_model_does_not(mongo_database: Database) -> None:
    cities = mongo_database.collection("cities", City)
    raw = cities.with_type(dict[str, Any])
    await raw.insert_many([{"_id": n, "name": "x", "founded": DatetimeMS(2**45 + n // 2)} for n in range(5)])
    first = await cities.find_page({}, sort={"founded": -1}, limit=3)

    assert [city._id for city in first.items] == [4, 3, 2]
    assert [
        city._id for city in (await cities.find_page({}, sort={"founded": -1}, limit=3, after=first.next_cursor)).items
    ] == [1, 0]


async def test_a_projection_may_leave_out_what_the_sort_does_not_need(rows: Rows) -> None:
    options = FindOptions(projection=["tie"])
    first = await rows.find_page({}, sort="tie", limit=4, options=options)
    second = await rows.find_page({}, sort="tie", limit=4, options=options, after=first.next_cursor)

    assert second.items == [{"_id": 8, "tie": 0}, {"_id": 1, "tie": 1}, {"_id": 3, "tie": 1}, {"_id": 5, "tie": 1}]


async def test_pages_are_read_within_a_session(mongo_client: MongoClient, rows: Rows) -> None:
    async with mongo_client.start_session(snapshot=True) as session:
        first = await rows.find_page({}, sort="n", limit=4, session=session)
        await rows.insert_one({"_id": 4.5, "n": 4.5})
        within = await rows.find_page({}, sort="n", limit=3, after=first.next_cursor, session=session)
        numbered = await rows.find_paginated({}, 0, 4, "n", session=session)

    assert ids(within) == [4, 5, 6]
    assert numbered.total == 10
    assert ids(await rows.find_page({}, sort="n", limit=3, after=first.next_cursor)) == [4, 4.5, 5]


@pytest.mark.parametrize("limit", [150, 300])
async def test_a_page_comes_with_one_reply_and_leaves_no_cursor_open(
    mongo_database: Database, open_cursors: Any, limit: int
) -> None:
    rows = mongo_database.collection("many")
    await rows.insert_many([{"_id": n} for n in range(1000)])

    assert len((await rows.find_page({}, sort="_id", limit=limit)).items) == limit
    assert len((await rows.find_paginated({}, 1, limit, "_id")).items) == limit
    assert await open_cursors() == 0


PLANS: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({}, {"_id": 1}),
    ({}, {"_id": -1}),
    ({}, {"tie": 1}),
    ({}, {"tie": -1}),
    ({}, {"some": 1}),
    ({}, {"some": -1}),
    ({"kind": 3}, {"tie": 1}),
    ({"kind": 3}, {"tie": 1, "n": -1}),
    ({"n": {"$gte": 0}}, {"tie": -1}),
]


@pytest.mark.parametrize(("filter", "sort"), PLANS)
async def test_a_page_reads_only_its_own_stretch_of_the_index(
    mongo_client: MongoClient, mongo_database: Database, filter: dict[str, Any], sort: dict[str, int]
) -> None:
    rows = mongo_database.collection("planned")
    made = ({"_id": n, "n": n, "tie": n % 3, "some": None if n % 2 else n % 7, "kind": n // 2 % 5} for n in range(6000))
    await rows.insert_many(made)
    keys = [{"tie": 1}, {"tie": 1, "_id": 1}, {"some": 1, "_id": 1}, {"kind": 1, "tie": 1, "n": -1, "_id": -1}]
    indexes = [{"key": key, "name": "_".join(key)} for key in (*keys, {"kind": 1, "tie": 1, "_id": 1})]
    await mongo_database.run_command({"createIndexes": "planned", "indexes": indexes})
    order = total_order(sort)
    direction = {key.path: key.direction for key in order}
    found = await rows.find(filter, FindOptions(sort=direction, skip=500, limit=1))
    (position, _) = positions_of([bson.encode(found[0])], order)
    where = within_bounds(bson.encode(filter), order, values=position, inclusive=False)

    lenient = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    command = {"find": "planned", "filter": RawBSONDocument(where), "sort": direction, "limit": 21}
    plan = await mongo_client.driver[rows.namespace.database].command(
        {"explain": command, "verbosity": "executionStats"}, codec_options=lenient
    )

    assert plan["executionStats"]["nReturned"] == 21
    assert plan["executionStats"]["totalKeysExamined"] < 60
    assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])


async def test_texts_in_the_key_that_a_collation_takes_for_equal_are_refused(mongo_database: Database) -> None:
    names = mongo_database.collection("names")
    await names.insert_many([{"_id": name} for name in ("a", "A", "b")])
    options = FindOptions(collation={"locale": "en", "strength": 2})

    with pytest.raises(QueryError, match="collation"):
        await names.find_page({}, sort="_id", limit=1, options=options)

    assert len(
        (await names.find_page({}, sort="_id", limit=9, options=FindOptions(collation={"locale": "simple"}))).items
    )


async def test_documents_of_one_key_are_refused(mongo_database: Database) -> None:
    await mongo_database.collection("traces").insert_one({"_id": 1, "tags": [1, 2]})
    await mongo_database.create_collection("view", {"viewOn": "traces", "pipeline": [{"$unwind": "$tags"}]})

    for limit in (1, 2):
        with pytest.raises(QueryError, match="same _id"):
            await mongo_database.collection("view").find_page({}, sort="_id", limit=limit)


async def test_a_sort_may_be_a_field_of_the_model(mongo_database: Database) -> None:
    await mongo_database.collection("traces").insert_many([{"_id": n, "a": -n} for n in range(3)])

    page = await mongo_database.collection("traces").find_page({}, sort=[(Field[int]("a"), 1)], limit=2)

    assert [found["_id"] for found in page.items] == [2, 1]
