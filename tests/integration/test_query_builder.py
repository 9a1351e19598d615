"""Queries in the making, asked of a real server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    Collection,
    Database,
    FilterBuilder,
    FindOptions,
    InvalidDocumentError,
    MongoClient,
    PipelineBuilder,
    QueryError,
    ReadPreference,
    TransactionError,
    f,
)


@dataclass
class City:
    name: str
    country: str
    size: int
    id: int | None = None


@pytest.fixture
async def cities(mongo_database: Database) -> Collection[City]:
    collection = mongo_database.collection("cities", City)
    await collection.insert_many(
        [City("Oslo", "no", 7, 1), City("Bergen", "no", 3, 2), City("Lund", "se", 1, 3), City("Malmö", "se", 4, 4)]
    )
    return collection


def names(found: list[City]) -> list[str]:
    return [city.name for city in found]


async def test_a_query_without_anything_finds_everything(cities: Collection[City]) -> None:
    assert len(await cities.query().execute()) == 4


async def test_a_query_sorts_skips_and_limits(cities: Collection[City]) -> None:
    query = cities.query().sort("size", -1)

    assert names(await query.execute()) == ["Oslo", "Malmö", "Bergen", "Lund"]
    assert names(await query.skip(1).limit(2).execute()) == ["Malmö", "Bergen"]


@pytest.mark.parametrize(
    "sort", [{"country": -1, "size": 1}, [("country", -1), ("size", 1)], [("country", -1), "size"]]
)
async def test_a_query_is_sorted_by_several_fields(cities: Collection[City], sort: Any) -> None:
    assert names(await cities.query().sort(sort).execute()) == ["Lund", "Malmö", "Bergen", "Oslo"]


async def test_filters_add_up(cities: Collection[City]) -> None:
    query = cities.query().filter({"country": "no"}).filter(FilterBuilder().gt("size", 5))

    assert names(await query.execute()) == ["Oslo"]


async def test_an_empty_filter_adds_nothing(cities: Collection[City]) -> None:
    query = cities.query().filter({"country": "no"})

    assert query.filter({}).filter(FilterBuilder()) == query
    assert cities.query().filter({}) == cities.query()


async def test_a_field_of_the_model_stands_in_an_expression(cities: Collection[City]) -> None:
    large = {"$expr": {"$gt": [f(City, lambda city: city.size), 5]}}

    assert names(await cities.query().filter(large).execute()) == ["Oslo"]
    assert names(await cities.query().filter(FilterBuilder().raw(large)).execute()) == ["Oslo"]


async def test_a_field_may_come_from_the_model(cities: Collection[City]) -> None:
    size = f(City, lambda city: city.size)

    assert names(await cities.query().filter(FilterBuilder().gte(size, 3)).sort(size).execute()) == [
        "Bergen",
        "Malmö",
        "Oslo",
    ]
    assert (await cities.with_type(dict).query().project([size]).sort(size).first()) == {"_id": 3, "size": 1}


async def test_a_projection_in_options_may_name_fields_of_the_model(cities: Collection[City]) -> None:
    named = FindOptions(projection=[f(City, lambda city: city.name)], sort="_id", limit=1)
    assert await cities.with_type(dict).find({}, named) == [{"_id": 1, "name": "Oslo"}]


async def test_the_first_document_is_found_or_none(cities: Collection[City]) -> None:
    first = await cities.query().sort("name").first()

    assert first is not None
    assert first.name == "Bergen"
    assert await cities.query().filter({"country": "dk"}).first() is None


async def test_a_query_is_streamed(cities: Collection[City]) -> None:
    async with cities.query().sort("size").batch_size(1).stream() as stream:
        assert [city.name async for city in stream] == ["Lund", "Bergen", "Malmö", "Oslo"]


async def test_what_is_counted_is_what_would_be_returned(cities: Collection[City]) -> None:
    query = cities.query().filter({"country": "se"})

    assert await query.count() == 2
    assert await query.limit(1).count() == len(await query.limit(1).execute()) == 1
    assert await query.skip(1).count() == 1


async def test_a_collation_and_a_hint_reach_the_server(cities: Collection[City]) -> None:
    await cities.create_index("name", collation={"locale": "en", "strength": 1})
    query = cities.query().filter({"name": "MALMO"}).collation({"locale": "en", "strength": 1})

    assert names(await query.hint("name_1").max_time(timedelta(seconds=5)).execute()) == ["Malmö"]
    assert await query.count() == 1


async def test_a_query_is_explained(cities: Collection[City]) -> None:
    await cities.create_index("country")

    analysis = await cities.query().filter({"country": "no"}).limit(1).explain()

    assert analysis.index_name == "country_1"


async def test_a_query_has_pages_by_number_and_by_cursor(cities: Collection[City]) -> None:
    query = cities.query().sort("size")

    numbered = await query.page(1, 3)
    assert names(numbered.items) == ["Oslo"]
    assert numbered.total == 4

    first = await query.keyset_page(3)
    rest = await query.keyset_page(3, after=first.next_cursor)
    assert names(first.items + rest.items) == ["Lund", "Bergen", "Malmö", "Oslo"]


@pytest.mark.parametrize("narrowed", ["skip", "limit"])
async def test_a_page_of_a_narrowed_query_is_refused(cities: Collection[City], narrowed: str) -> None:
    query = getattr(cities.query(), narrowed)(1)

    with pytest.raises(InvalidDocumentError, match="skip and limit"):
        await query.page(0, 3)
    with pytest.raises(InvalidDocumentError, match="skip and limit"):
        await query.keyset_page(3)


async def test_a_query_reads_where_it_is_told_to_and_in_its_session(
    mongo_client: MongoClient, cities: Collection[City]
) -> None:
    query = cities.query().read_preference(ReadPreference.PRIMARY)
    async with mongo_client.start_session() as session, session.transaction():
        await cities.insert_one(City("Ystad", "se", 2, 5), session=session)
        assert await query.count(session=session) == 5
        assert len(await query.execute(session=session)) == 5
        assert await query.filter({"_id": 5}).first(session=session) is not None
    assert await query.count() == 5


async def test_a_query_is_a_value(cities: Collection[City]) -> None:
    query = cities.query().filter({"country": "no"})

    assert query.limit(3) == cities.query().filter({"country": "no"}).limit(3)
    assert query.limit(3) != query
    assert repr(query.limit(3)).endswith("City), {'country': 'no'}, limit=3)")
    with pytest.raises(TypeError, match="unhashable"):
        hash(query)
    assert query != {"country": "no"}


def test_queries_are_equal_by_what_they_ask_and_in_what_order(cities: Collection[City]) -> None:
    query = cities.query()

    assert query.project(["name"]) == query.project({"name": 1}) == query.project([f(City, lambda city: city.name)])
    assert query.project({f(City, lambda city: city.name): 1}) == query.project({"name": 1})
    assert query.sort("name") == query.sort([("name", 1)]) == query.sort({"name": 1})
    assert query.sort({"name": 1, "size": 1}) != query.sort({"size": 1, "name": 1})
    assert query.hint({"name": 1, "size": 1}) != query.hint({"size": 1, "name": 1})
    assert query.filter({"a": {"x": 1, "y": 2}}) != query.filter({"a": {"y": 2, "x": 1}})


def test_what_the_caller_changes_later_changes_no_query(cities: Collection[City]) -> None:
    wanted: dict[str, Any] = {"country": {"$in": ["no"]}}
    query = cities.query().filter(wanted)

    wanted["country"]["$in"].append("se")

    assert query == cities.query().filter({"country": {"$in": ["no"]}})


def mistakes() -> list[Any]:
    def case(name: str, *given: Any) -> Any:
        return pytest.param(name, given, id=f"{name} {given!r}")

    return [
        *(case("limit", wrong) for wrong in (0, -1, True, 1.5, "1", None)),
        *(case("skip", wrong) for wrong in (-1, True, 1.5, "1")),
        *(case("batch_size", wrong) for wrong in (0, "9")),
        *(case("sort", wrong) for wrong in ({}, [], "", [("a", 2)], [("a", True)], [("a",)], {"a": "up"}, [7])),
        *(case("sort", wrong) for wrong in ([("a", 1), ("a", -1)], [("a", [1])])),
        case("sort", {"a": 1}, -1),
        *(case("sort", wrong) for wrong in ({"$a": 1}, [("a..b", 1)])),
        *(
            case("project", wrong)
            for wrong in ([], "name", 7, [""], {"a": 1, "b": 0}, {"a": True, "b": False}, [("a", 1)])
        ),
        *(case("project", wrong) for wrong in (["a", "a.b"], {"$a": 1}, {"a..b": 1})),
        *(case("hint", wrong) for wrong in ("", {}, 7)),
        *(case("collation", wrong) for wrong in ({}, "en", {"locale": 1}, {"locale": ""})),
        *(
            case("collation", {"locale": "en", **wrong})
            for wrong in ({"strength": 6}, {"strenght": 1}, {"caseFirst": "up"}, {"numericOrdering": 1})
        ),
        *(case("max_time", wrong) for wrong in (5, timedelta(), timedelta(seconds=-1), timedelta(days=30))),
        case("limit", 2**63),
        case("batch_size", 2**31),
        *(case("filter", wrong) for wrong in ({"$nope": 1}, {"a": {"$nope": 1}}, {"$or": []}, 7)),
    ]


@pytest.mark.parametrize(("method", "given"), mistakes())
def test_a_mistake_fails_where_it_is_made(cities: Collection[City], method: str, given: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidDocumentError):
        getattr(cities.query(), method)(*given)


async def test_a_text_score_sorts(mongo_database: Database) -> None:
    notes = mongo_database.collection("notes")
    await notes.create_index({"text": "text"})
    await notes.insert_many([{"_id": 1, "text": "tea"}, {"_id": 2, "text": "tea and tea, or tea"}])

    query = notes.query().filter(FilterBuilder().text("tea")).sort("score", {"$meta": "textScore"})

    assert [note["_id"] for note in await query.project({"score": {"$meta": "textScore"}}).execute()] == [2, 1]


async def test_distinct_takes_a_field_of_the_model(cities: Collection[City]) -> None:
    assert sorted(await cities.distinct(f(City, lambda city: city.country))) == ["no", "se"]


async def test_nothing_is_explained_in_a_transaction(mongo_client: MongoClient, cities: Collection[City]) -> None:
    async with mongo_client.start_session() as session, session.transaction():
        assert await cities.count_documents(session=session) == 4
        with pytest.raises(TransactionError, match="outside of it"):
            await cities.within(session).explain({})
        assert await cities.count_documents(session=session) == 4


async def test_a_stage_newer_than_the_checks_is_left_to_the_server(cities: Collection[City]) -> None:
    pipeline = PipelineBuilder().stage("$fromTheFuture", {})
    with pytest.raises(QueryError):
        await cities.aggregate(pipeline)
    with pytest.raises(QueryError):
        await cities.explain(pipeline)
    with pytest.raises(InvalidDocumentError):
        await cities.aggregate(pipeline.build())


@pytest.mark.parametrize(
    "projection",
    [
        {"_id": 0, "name": 1},
        {"name": 0, "_id": 1},
        {"name": {"$toUpper": "$name"}, "population": 1},
        {"tags": {"$slice": 1}, "name": 0},
        {"tags": {"$elemMatch": {"a": 1}}, "name": 1},
        {"name": 1, "country": "$country"},
    ],
)
async def test_a_projection_that_the_server_takes_is_taken(cities: Collection[City], projection: Any) -> None:
    assert len(await cities.with_type(dict).query().project(projection).execute()) == 4


@pytest.mark.parametrize(
    "collation",
    [
        {"locale": "simple"},
        {"locale": "en", "strength": 5, "caseLevel": True, "caseFirst": "off", "numericOrdering": True},
        {"locale": "fr", "alternate": "shifted", "maxVariable": "punct", "backwards": True, "normalization": False},
    ],
)
async def test_a_collation_that_the_server_takes_is_taken(cities: Collection[City], collation: Any) -> None:
    assert len(await cities.query().collation(collation).execute()) == 4
