"""What the builders build, put before a real server: it takes it, and it means what the method says."""

from __future__ import annotations

import collections
import re
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import SON, Code, DBRef, MinKey, Regex, Timestamp
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb import Collection, Database, FindOptions, UpdateOptions
from llm_devops_mongodb.errors import InvalidDocumentError, QueryError
from llm_devops_mongodb.query.documents import DocBuilder
from llm_devops_mongodb.query.filters import FilterBuilder
from llm_devops_mongodb.query.updates import UpdateBuilder

PEOPLE: list[dict[str, Any]] = [
    {"_id": 1, "name": "Ada", "age": 36, "tags": ["a", "b"], "items": [{"n": 1, "p": 5}, {"n": 2, "p": 9}]},
    {"_id": 2, "name": "Bob", "age": 18, "tags": ["b"], "items": [{"n": 1, "p": 9}], "spent": 5, "budget": 3},
    {"_id": 3, "name": "étienne", "age": 18.0, "tags": [], "address": {"city": "Paris"}, "note": None},
    {"_id": 4, "name": "Ada Byron", "age": "36", "at": {"type": "Point", "coordinates": [10, 10]}},
    {"_id": 5, "at": {"type": "Point", "coordinates": [11, 11]}, "tags": ["a", ["x"]], "ref": DBRef("c", 1)},
]
SQUARE = {"type": "Polygon", "coordinates": [[[9, 9], [9, 10.5], [10.5, 10.5], [10.5, 9], [9, 9]]]}
F = FilterBuilder()
U = UpdateBuilder()


@pytest.fixture
async def people(mongo_database: Database) -> Collection[dict[str, Any]]:
    indexes = [{"key": {"at": "2dsphere"}, "name": "at"}, {"key": {"name": "text"}, "name": "name"}]
    await mongo_database.run_command({"createIndexes": "people", "indexes": indexes})
    collection = mongo_database.collection("people")
    await collection.insert_many(PEOPLE)
    return collection


async def ids(collection: Collection[dict[str, Any]], filter: FilterBuilder) -> list[Any]:
    found = await collection.find(filter, FindOptions(projection={"_id": 1}))
    return [each["_id"] for each in found]


MATCHES: list[tuple[FilterBuilder, set[int]]] = [
    (F, {1, 2, 3, 4, 5}),
    (F.eq("name", "Ada"), {1}),
    (F.eq("age", 18), {2, 3}),
    (F.eq("tags", "a"), {1, 5}),
    (F.eq("tags", ["b"]), {2}),
    (F.eq("tags", ["x"]), {5}),
    (F.eq("tags", []), {3}),
    (F.eq("note", None), {1, 2, 3, 4, 5}),
    (F.eq("address", {"city": "Paris"}), {3}),
    (F.eq("address.city", "Paris"), {3}),
    (F.eq("ref", DBRef("c", 1)), {5}),
    (F.eq("ref.$id", 1), {5}),
    (F.eq("items", {"n": 1, "p": 9}), {2}),
    (F.ne("name", "Ada"), {2, 3, 4, 5}),
    (F.gt("age", 18), {1}),
    (F.gte("age", 18), {1, 2, 3}),
    (F.lt("age", 36), {2, 3}),
    (F.lte("age", 36), {1, 2, 3}),
    (F.in_array("age", [36, "36"]), {1, 4}),
    (F.in_array("address", [{"city": "Paris"}]), {3}),
    (F.in_array("ref", [DBRef("c", 1)]), {5}),
    (F.in_array("age", []), set()),
    (F.nin("age", [36, "36", None]), {2, 3}),
    (F.nin("age", []), {1, 2, 3, 4, 5}),
    (F.all("tags", ["b", "a"]), {1}),
    (F.all("tags", []), set()),
    (F.exists("note"), {3}),
    (F.exists("name", exists=False), {5}),
    (F.type("age", "string"), {4}),
    (F.type("age", ["int", 1]), {1, 2, 3}),
    (F.size("tags", 2), {1, 5}),
    (F.size("tags", 0), {3}),
    (F.mod("age", 4, 2), {2, 3}),
    (F.mod("age", 2**63 - 1, 36.5), {1}),
    (F.regex("name", "^ada", "i"), {1, 4}),
    (F.regex("name", re.compile("^ADA$", re.IGNORECASE)), {1}),
    (F.regex("name", re.compile(b" b y r o n ", re.IGNORECASE | re.VERBOSE)), {4}),
    (F.regex("name", Regex("^Ada$", "m")), {1}),
    (F.regex("name", "ada", "imsxu"), {1, 4}),
    (F.regex("name", "ada", ""), set()),
    (F.regex("name", r"^\w"), {1, 2, 4}),
    (F.regex("name", re.compile(r"^.tienne$")), {3}),
    (F.regex_safe("name", "^Ada$"), {1}),
    (F.not_("age", {"$gte": 18}), {4, 5}),
    (F.not_("name", re.compile("^A")), {2, 3, 5}),
    (F.not_("name", Regex("^a", "i")), {2, 3, 5}),
    (F.elem_match("items", {"n": 1, "p": 9}), {2}),
    (F.elem_match("items", F.eq("n", 1).gt("p", 6)), {2}),
    (F.elem_match("tags", {"$gte": "b", "$lt": "c"}), {1, 2}),
    (F.and_(F.eq("age", 18), {"name": "Bob"}), {2}),
    (F.or_([F.eq("name", "Ada"), F.eq("name", "Bob")]), {1, 2}),
    (F.or_({}, {"a": 1}), {1, 2, 3, 4, 5}),
    (F.nor({"name": "Ada"}, F.exists("note")), {2, 4, 5}),
    (F.text("ada"), {1, 4}),
    (F.text("Ada -Byron", language="english", case_sensitive=True, diacritic_sensitive=False), {1}),
    (F.or_(F.text("ada")), {1, 4}),
    (F.near("at", (10, 10)), {4, 5}),
    (F.near("at", {"type": "Point", "coordinates": [10, 10]}, max_distance=1000), {4}),
    (F.near("at", [10, 10], min_distance=1000, max_distance=1e6), {5}),
    (F.and_(F.near("at", (10, 10), max_distance=0), {"_id": 4}), {4}),
    (F.or_(F.near("at", (10, 10))), {4, 5}),
    (F.within("at", SQUARE), {4}),
    (F.within("at", {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]}), {4}),
    (F.within("at", {"$centerSphere": [[11, 11], 0.001]}), {5}),
    (F.within("at", {"$center": [[11, 11], 0.1]}), {5}),
    (F.within("at", {"$box": [[10.5, 10.5], [12, 12]]}), {5}),
    (F.within("at", {"$polygon": [[9, 9], [9, 10.5], [10.5, 10.5], [10.5, 9]]}), {4}),
    (F.geo_intersects("at", SQUARE), {4}),
    (F.geo_intersects("at", {"type": "MultiPoint", "coordinates": [[10, 10], [11, 11]]}), {4, 5}),
    (F.geo_intersects("at", {"type": "GeometryCollection", "geometries": [SQUARE]}), {4}),
    (F.geo_intersects("at", {"type": "LineString", "coordinates": [[10, 9], [10, 11]]}), {4}),
    (F.expr({"$gt": ["$spent", "$budget"]}), {2}),
    (F.json_schema({"required": ["note"]}), {3}),
    (F.raw({"age": {"$bitsAllSet": 4}}), {1}),
    (F.eq("age", 18).regex("name", "^B").exists("note", exists=False), {2}),
]


async def test_a_filter_matches_what_its_method_says(people: Collection[dict[str, Any]]) -> None:
    # In one test, as all of them read the same documents.
    for made, matched in MATCHES:
        assert set(await ids(people, made)) == matched, made


async def test_near_gives_the_nearest_first(people: Collection[dict[str, Any]]) -> None:
    assert await ids(people, F.near("at", (12, 12))) == [5, 4]


class Text(str):
    __slots__ = ()


PAYLOADS = [
    *({"$ne": None}, {"$gt": ""}, {"$exists": True}, {"$regex": ".*"}, {"$not": {"$eq": "x"}}, {"$nin": []}),
    *({"$type": 2}, {"$gte": MinKey()}, {"$eq": {"$ne": None}}, {"$where": "1"}, {"$or": [{}]}, {"$expr": True}),
    *({"a": {"$ne": 1}}, {"$elemMatch": {"$ne": 1}}, {}),
    *(Regex(""), Regex(".", "i"), re.compile("."), re.compile(b".")),
    *(SON({"$ne": None}), collections.UserDict({"$ne": None}), collections.ChainMap({"$ne": None})),
    *(RawBSONDocument(bson.encode({"$ne": None})), collections.OrderedDict({Text("$ne"): None}), F.ne("x", None)),
    *([{"$ne": None}], [Regex("")], [re.compile(".")], (Regex("."),), [], Text("$ne"), Text(".*"), "$pw"),
    *(DBRef("c", {"$ne": 1}), Code("true"), Code("true", {"$ne": 1})),
]


async def test_a_hostile_value_finds_nothing_but_itself(mongo_database: Database) -> None:
    users = mongo_database.collection("users")
    await users.insert_one({"_id": "other", "pw": "secret"})

    for payload in PAYLOADS:
        for eq in (F.eq, F.eq_safe):
            assert await ids(users, eq("pw", payload)) == [], payload
            assert await ids(users, F.eq("_id", "other").and_(eq("pw", payload))) == [], payload
            assert await ids(users, F.elem_match("pw", eq("x", payload))) == [], payload
        # Written without this library's checks of names, as another program may.
        await mongo_database.run_command({"insert": "users", "documents": [{"_id": "same", "pw": payload}]})
        assert await ids(users, F.eq("pw", payload)) == ["same"], payload
        await users.delete_one({"_id": "same"})


async def test_a_hostile_member_finds_nothing_or_is_refused(mongo_database: Database) -> None:
    users = mongo_database.collection("users")
    await users.insert_one({"_id": 1, "pw": "secret", "roles": ["user"]})

    for payload in PAYLOADS:
        for method in (F.in_array, F.all):
            for field in ("pw", "roles"):
                try:
                    made = method(field, [payload])
                except InvalidDocumentError:
                    continue
                assert await ids(users, made) == [], payload


async def test_what_is_refused_here_the_server_refuses_too(people: Collection[dict[str, Any]]) -> None:
    near = {"at": {"$near": {"$geometry": {"type": "Point", "coordinates": [1, 2]}}}}
    text = {"$text": {"$search": "ada"}}
    refused: list[dict[str, Any]] = [
        *({"$and": [near, near]}, {"$and": [near, text]}, {"$and": [text, text]}, {"$nor": [near]}, {"$nor": [text]}),
        *({"$or": [near, {"_id": 1}]}, {"at": {"$not": near["at"]}}, {"at": {"$elemMatch": near["at"]}}),
        *({"age": {"$size": 2**31}}, {"age": {"$mod": [2.0**63, 1]}}, {"name": {"$regex": Regex("x", "l")}}),
        {"at": {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": []}}}},
        {"at": {"$geoWithin": {"$geometry": {"type": "Point", "coordinates": [1, 2]}}}},
        {"at": {"$geoWithin": {"$centerSphere": [[0, 0], -1]}}},
        {"at": {"$geoWithin": {"$box": [[0, 0]]}}},
        {"at": {"$geoWithin": {"$polygon": [[0, 0], [1, 1]]}}},
        {"at": {"$geoIntersects": {"$geometry": {"type": "LineString", "coordinates": [[0, 0], [0, 0]]}}}},
        {"at": {"$near": {"$geometry": {"type": "Point", "coordinates": [181, 0]}}}},
        {"at": {"$near": {**near["at"]["$near"], "$maxDistance": float("inf")}}},
    ]
    for each in refused:
        with pytest.raises(QueryError):
            await people.find(each)


# Updates


NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEM = {"_id": 1, "n": 6, "s": "x", "list": [3, 1, 2], "docs": [{"k": 1, "v": 1}, {"k": 2, "v": 2}], "o": {"p": 1}}


@pytest.mark.parametrize(
    ("made", "changed"),
    [
        (U.set("s", "y"), {"s": "y"}),
        (U.set("s", {"$inc": 1}), {"s": {"$inc": 1}}),
        (U.set("s", Regex("x")), {"s": Regex("x")}),
        (U.set("o.p", 2).set("o.q", 3), {"o": {"p": 2, "q": 3}}),
        (U.set("docs.$[].v", 0), {"docs": [{"k": 1, "v": 0}, {"k": 2, "v": 0}]}),
        (U.set("docs.0.v", 0), {"docs": [{"k": 1, "v": 0}, {"k": 2, "v": 2}]}),
        (U.set_on_insert("s", "y"), {}),
        (U.unset("s"), {"s": None}),
        (U.inc("n"), {"n": 7}),
        (U.inc("n", -1.5), {"n": 4.5}),
        (U.mul("n", 2), {"n": 12}),
        (U.min("n", 5), {"n": 5}),
        (U.min("n", 9), {}),
        (U.max("n", 9), {"n": 9}),
        (U.rename("s", "t"), {"s": None, "t": "x"}),
        (U.rename("o.p", "o.q"), {"o": {"q": 1}}),
        (U.push("list", 4), {"list": [3, 1, 2, 4]}),
        (U.push("list", [4]), {"list": [3, 1, 2, [4]]}),
        (U.push("list", {"$each": [4]}), {"list": [3, 1, 2, {"$each": [4]}]}),
        (U.push("list", {"$slice": 0}), {"list": [3, 1, 2, {"$slice": 0}]}),
        (U.push_each("list", [5, 4]), {"list": [3, 1, 2, 5, 4]}),
        (U.push_each("list", [5, 4], position=1), {"list": [3, 5, 4, 1, 2]}),
        (U.push_each("list", [5, 4], sort=-1, slice=2), {"list": [5, 4]}),
        (U.push_each("list", [], slice=-2), {"list": [1, 2]}),
        (U.push_each("list", []), {}),
        (U.push_each("docs", [], sort={"v": -1, "k.x": 1}), {"docs": [{"k": 2, "v": 2}, {"k": 1, "v": 1}]}),
        (U.add_to_set("list", 3), {}),
        (U.add_to_set("list", {"$each": [4]}), {"list": [3, 1, 2, {"$each": [4]}]}),
        (U.add_each("list", [3, 4, 4]), {"list": [3, 1, 2, 4]}),
        (U.add_each("list", []), {}),
        (U.pull("list", 1), {"list": [3, 2]}),
        (U.pull("list", {"$gte": 2}), {"list": [1]}),
        (U.pull("docs", FilterBuilder().eq("k", 1)), {"docs": [{"k": 2, "v": 2}]}),
        (U.pull_all("list", [1, 2]), {"list": [3]}),
        (U.pull_all("list", [{"$gt": 0}, Regex(".")]), {}),
        (U.pop("list"), {"list": [3, 1]}),
        (U.pop("list", first=True), {"list": [1, 2]}),
        (U.bit("n", and_=3), {"n": 2}),
        (U.bit("n", and_=3, or_=8, xor=1), {"n": 11}),
        (U.set("s", "y").inc("n").push("list", 4).unset("o"), {"s": "y", "n": 7, "list": [3, 1, 2, 4], "o": None}),
    ],
    ids=lambda it: repr(it)[:60],
)
async def test_an_update_changes_what_its_methods_say(
    mongo_database: Database, made: UpdateBuilder, changed: dict[str, Any]
) -> None:
    items = mongo_database.collection("items")
    await items.insert_one(ITEM)

    assert (await items.update_one(FilterBuilder().eq("_id", 1), made)).matched_count == 1

    expected = {name: value for name, value in {**ITEM, **changed}.items() if value is not None}
    assert await items.find_one({"_id": 1}) == expected


async def test_the_server_s_time_is_a_date_or_a_timestamp(mongo_database: Database) -> None:
    items = mongo_database.collection("items")
    await items.insert_one({"_id": 1})

    await items.update_one({"_id": 1}, U.current_date("a").current_date("b", "timestamp"))

    stored = await items.find_one({"_id": 1})
    assert stored is not None
    assert stored["a"] > NOW
    assert isinstance(stored["b"], Timestamp)


async def test_an_upsert_sets_on_insert(mongo_database: Database) -> None:
    items = mongo_database.collection("items")

    await items.update_one(F.eq("_id", 1), U.set("a", 1).set_on_insert("b", 2), UpdateOptions(upsert=True))

    assert await items.find_one({"_id": 1}) == {"_id": 1, "a": 1, "b": 2}


async def test_positions_choose_elements(mongo_database: Database) -> None:
    items = mongo_database.collection("items")
    await items.insert_one(ITEM)
    options = UpdateOptions(array_filters=[{"x.k": 2}])

    await items.update_one({"_id": 1, "list": 1}, U.set("list.$", 9).set("docs.$[x].v", 9).inc("docs.$[].k"), options)

    stored = await items.find_one({"_id": 1})
    assert stored is not None
    assert stored["list"] == [3, 9, 2]
    assert stored["docs"] == [{"k": 2, "v": 1}, {"k": 3, "v": 9}]


async def test_conflicts_refused_here_are_the_server_s(mongo_database: Database) -> None:
    await mongo_database.collection("items").insert_one(ITEM)
    pairs = [("o", "o.p"), ("o.p", "o"), ("docs.0", "docs.$[]"), ("docs.$[].k", "docs.0.v")]
    refused: list[dict[str, Any]] = [
        *({"$set": {first: 1}, "$max": {second: 1}} for first, second in pairs),
        *({"$rename": {"o": "o"}}, {"$rename": {"o": "o.q"}}, {"$rename": {"docs.$[]": "a"}}),
        *({"$set": {"$x": 1}}, {"$set": {"$[]": 1}}, {"$set": {"docs.$.a.$": 1}}),
    ]
    for update in refused:
        command = {"update": "items", "updates": [{"q": {"_id": 1, "list": 1}, "u": update}]}
        assert (await mongo_database.run_command(command))["writeErrors"], update


async def test_no_change_is_refused_before_it_is_sent(mongo_database: Database) -> None:
    with pytest.raises(InvalidDocumentError, match="may not be empty"):
        await mongo_database.collection("items").update_one({"_id": 1}, U)


# Documents


async def test_a_built_document_is_stored_as_it_was_built(mongo_database: Database) -> None:
    items = mongo_database.collection("items")
    address = DocBuilder().field("city", "London")
    made = DocBuilder().field("_id", 1).field("name", "Ada").nested("address", address).array("tags", ("a", "b"))

    await items.insert_one(made)

    assert await items.find_one(F.eq("_id", 1)) == {
        "_id": 1,
        "name": "Ada",
        "address": {"city": "London"},
        "tags": ["a", "b"],
    }
