"""Every stage of a pipeline that a community server of 6.0 runs, by what it does to documents."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from llm_devops_mongodb import AggregateOptions, Collection, Database, InvalidDocumentError, MongoClient, MongoError
from llm_devops_mongodb.query.filters import FilterBuilder
from llm_devops_mongodb.query.pipelines import PipelineBuilder
from llm_devops_mongodb.validation import validate_pipeline
from tests.unit.test_validation_pipelines import REFUSED, TAKEN

DAY = datetime(2026, 1, 1, tzinfo=UTC)
SALES: list[dict[str, Any]] = [
    {"_id": 1, "region": "eu", "sum": 10, "tags": ["a", "b"], "place": {"x": 1, "y": [1, 2]}},
    {"_id": 2, "region": "us", "sum": 30, "tags": ["b"], "place": {"x": 2, "y": [3]}},
    {"_id": 3, "region": "eu", "sum": 20, "tags": [], "place": {"x": 3, "y": []}},
]


@pytest.fixture
async def sales(mongo_database: Database) -> Collection[dict[str, Any]]:
    collection = mongo_database.collection("sales")
    await collection.insert_many(SALES)
    return collection


@pytest.fixture
async def staff(mongo_database: Database) -> Collection[dict[str, Any]]:
    collection = mongo_database.collection("staff")
    await collection.insert_many([{"_id": "a", "boss": "b"}, {"_id": "b", "boss": "c"}, {"_id": "c"}])
    return collection


async def run(source: Collection[Any] | Database, pipeline: PipelineBuilder) -> list[Any]:
    return await source.aggregate(pipeline.build())


def by_id(documents: list[Any], field: str) -> dict[Any, Any]:
    return {document["_id"]: document.get(field) for document in documents}


SHAPED = [
    (PipelineBuilder().match_stage(FilterBuilder().gt("sum", 10).eq("region", "eu")).project(["sum"]), [(3, 20)]),
    (PipelineBuilder().sort({"region": -1, "sum": -1}).project(["sum"]), [(2, 30), (3, 20), (1, 10)]),
    (PipelineBuilder().sort("sum").project(["sum"]), [(1, 10), (3, 20), (2, 30)]),
    (PipelineBuilder().sort("_id").skip(1).limit(1).project(["sum"]), [(2, 30)]),
    (PipelineBuilder().sort("_id").project({"sum": {"$add": ["$sum", "$place.x"]}}), [(1, 11), (2, 32), (3, 23)]),
    (
        PipelineBuilder().sort("_id").redact({"$cond": [{"$gt": ["$sum", 15]}, "$$KEEP", "$$PRUNE"]}).project(["sum"]),
        [(2, 30), (3, 20)],
    ),
]


@pytest.mark.parametrize(("pipeline", "expected"), SHAPED)
async def test_documents_are_chosen_and_ordered(
    sales: Collection[dict[str, Any]], pipeline: PipelineBuilder, expected: Any
) -> None:
    assert [tuple(document.values()) for document in await run(sales, pipeline)] == expected


async def test_a_sample_has_its_size(sales: Collection[dict[str, Any]]) -> None:
    assert len(await run(sales, PipelineBuilder().sample(2))) == 2


FIRST = PipelineBuilder().match_stage({"_id": 1})


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (FIRST.project({"_id": 0, "place.x": 1}), {"place": {"x": 1}}),
        (FIRST.project({"tags": 0, "place": {"y": 0}}), {"_id": 1, "region": "eu", "sum": 10, "place": {"x": 1}}),
        (FIRST.add_fields({"sum": "$place.x"}).project(["sum"]), {"_id": 1, "sum": 1}),
        (FIRST.set_fields({"place.z": {"$size": "$tags"}}).project(["place.z"]), {"_id": 1, "place": {"z": 2}}),
        (FIRST.unset_fields("tags", "place.y", "sum"), {"_id": 1, "region": "eu", "place": {"x": 1}}),
        (FIRST.unset_fields("tags").unset_fields("place").project({"region": 0}), {"_id": 1, "sum": 10}),
        (FIRST.replace_root("$place"), {"x": 1, "y": [1, 2]}),
        (FIRST.replace_with({"$mergeObjects": ["$place", {"y": 0}]}), {"x": 1, "y": 0}),
        (FIRST.stage("$set", {"sum": 0}).project(["sum"]), {"_id": 1, "sum": 0}),
    ],
)
async def test_a_document_gets_another_form(
    sales: Collection[dict[str, Any]], pipeline: PipelineBuilder, expected: Any
) -> None:
    assert await run(sales, pipeline) == [expected]


async def test_an_array_is_unwound(sales: Collection[dict[str, Any]]) -> None:
    begin = PipelineBuilder().sort("_id").project(["tags"])

    plain = await run(sales, begin.unwind("tags"))
    counted = await run(sales, begin.unwind("$tags", include_array_index="at", preserve_null_and_empty_arrays=True))

    assert plain == [{"_id": 1, "tags": "a"}, {"_id": 1, "tags": "b"}, {"_id": 2, "tags": "b"}]
    assert [document["at"] for document in counted] == [0, 1, 0, None]


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (
            PipelineBuilder().group("$region", {"n": {"$sum": 1}, "top": {"$max": "$sum"}}).sort("_id"),
            [{"_id": "eu", "n": 2, "top": 20}, {"_id": "us", "n": 1, "top": 30}],
        ),
        (PipelineBuilder().group(None, {"all": {"$sum": "$sum"}}), [{"_id": None, "all": 60}]),
        (PipelineBuilder().group("$region").sort("_id"), [{"_id": "eu"}, {"_id": "us"}]),
        (PipelineBuilder().sort_by_count("$region"), [{"_id": "eu", "count": 2}, {"_id": "us", "count": 1}]),
        (PipelineBuilder().count("n"), [{"n": 3}]),
        (PipelineBuilder().match_stage({"_id": 0}).count(), []),
        (
            PipelineBuilder().bucket("$sum", boundaries=[0, 20], default="more", output={"ids": {"$push": "$_id"}}),
            [{"_id": 0, "ids": [1]}, {"_id": "more", "ids": [2, 3]}],
        ),
        (
            PipelineBuilder().bucket_auto("$sum", buckets=2, output={"n": {"$sum": 1}}, granularity="1-2-5"),
            [{"_id": {"min": 5.0, "max": 50.0}, "n": 3}],
        ),
        (
            PipelineBuilder().bucket_auto("$sum", buckets=2),
            [{"_id": {"min": 10, "max": 30}, "count": 2}, {"_id": {"min": 30, "max": 30}, "count": 1}],
        ),
        (
            PipelineBuilder().facet(
                {"n": PipelineBuilder().count("n"), "top": [{"$sort": {"sum": -1}}, {"$limit": 1}]}
            ),
            [{"n": [{"n": 3}], "top": [SALES[1]]}],
        ),
    ],
)
async def test_documents_are_grouped(
    sales: Collection[dict[str, Any]], pipeline: PipelineBuilder, expected: Any
) -> None:
    assert await run(sales, pipeline) == expected


async def test_windows_see_the_documents_before(sales: Collection[dict[str, Any]]) -> None:
    found = await run(
        sales,
        PipelineBuilder().set_window_fields(
            partition_by="$region",
            sort_by={"sum": -1},
            output={"upto": {"$sum": "$sum", "window": {"documents": ["unbounded", "current"]}}, "rank": {"$rank": {}}},
        ),
    )
    assert by_id(found, "upto") == {3: 20, 1: 30, 2: 30}
    assert by_id(found, "rank") == {3: 1, 1: 2, 2: 1}


async def test_gaps_between_numbers_are_filled(sales: Collection[dict[str, Any]]) -> None:
    dense = await run(sales, PipelineBuilder().project(["sum"]).densify("sum", step=5, bounds=[10, 30]))
    parted = await run(
        sales,
        PipelineBuilder()
        .project(["region", "sum"])
        .densify("sum", step=5, bounds="partition", partition_by_fields=["region"]),
    )
    assert sorted(document["sum"] for document in dense) == [10, 15, 20, 25, 30]
    assert {"region": "eu", "sum": 15} in parted
    assert len(parted) == 4


async def test_gaps_between_dates_are_filled(mongo_database: Database) -> None:
    days = PipelineBuilder().documents([{"at": DAY}, {"at": DAY + timedelta(days=2)}])
    found = await run(mongo_database, days.densify("at", step=1, unit="day", bounds="full"))
    assert [document["at"] for document in found] == [DAY + timedelta(days=number) for number in range(3)]


async def test_missing_values_are_filled(mongo_database: Database) -> None:
    rows = PipelineBuilder().documents(
        [{"k": "a", "t": 1, "v": 1}, {"k": "a", "t": 2}, {"k": "a", "t": 3, "v": 3}, {"k": "b", "t": 4}]
    )

    linear = await run(mongo_database, rows.fill(sort_by="t", output={"v": {"method": "linear"}}))
    carried = rows.fill(sort_by={"t": 1}, partition_by_fields=["k"], output={"v": {"method": "locf"}})
    expression = rows.fill(sort_by="t", partition_by={"k": "$k"}, output={"v": {"method": "locf"}})
    constant = await run(mongo_database, rows.fill(output={"v": {"value": "$t"}}))

    assert [document["v"] for document in linear] == [1, 2, 3, None]
    assert by_t(await run(mongo_database, carried)) == {1: 1, 2: 1, 3: 3, 4: None}
    assert by_t(await run(mongo_database, expression)) == {1: 1, 2: 1, 3: 3, 4: None}
    assert [document["v"] for document in constant] == [1, 2, 3, 4]


def by_t(documents: list[Any]) -> dict[Any, Any]:
    return {document["t"]: document["v"] for document in documents}


async def test_documents_of_another_collection_come_in(staff: Collection[dict[str, Any]]) -> None:
    plain = PipelineBuilder().lookup("staff", local_field="boss", foreign_field="_id", as_="boss")
    found = by_id(await run(staff, plain), "boss")
    assert found == {"a": [{"_id": "b", "boss": "c"}], "b": [{"_id": "c"}], "c": []}


async def test_a_pipeline_finds_what_comes_in(staff: Collection[dict[str, Any]]) -> None:
    inner = PipelineBuilder().match_stage({"$expr": {"$eq": ["$boss", "$$me"]}}).project({"boss": 0})
    asked = PipelineBuilder().lookup_pipeline("staff", let={"me": "$_id"}, pipeline=inner, as_="under")
    both = PipelineBuilder().lookup_pipeline(
        "staff", local_field="boss", foreign_field="_id", pipeline=[{"$unset": "boss"}], as_="over"
    )
    made = PipelineBuilder().lookup_pipeline(None, pipeline=PipelineBuilder().documents([{"n": 1}]), as_="made")

    assert by_id(await run(staff, asked), "under") == {"a": [], "b": [{"_id": "a"}], "c": [{"_id": "b"}]}
    assert by_id(await run(staff, both), "over") == {"a": [{"_id": "b"}], "b": [{"_id": "c"}], "c": []}
    assert by_id(await run(staff, made), "made") == {key: [{"n": 1}] for key in "abc"}


async def test_a_graph_is_followed(staff: Collection[dict[str, Any]]) -> None:
    links: dict[str, Any] = {"start_with": "$boss", "connect_from_field": "boss", "connect_to_field": "_id"}
    whole = PipelineBuilder().graph_lookup("staff", **links, as_="over", depth_field="steps")
    near = PipelineBuilder().graph_lookup("staff", **links, as_="over", max_depth=0)
    some = PipelineBuilder().graph_lookup(
        "staff", **links, as_="over", restrict_search_with_match=FilterBuilder().exists("boss")
    )

    steps = {
        key: {found["_id"]: found["steps"] for found in over}
        for key, over in by_id(await run(staff, whole), "over").items()
    }
    assert steps == {"a": {"b": 0, "c": 1}, "b": {"c": 0}, "c": {}}
    assert [len(over) for over in by_id(await run(staff, near.sort("_id")), "over").values()] == [1, 1, 0]
    assert [len(over) for over in by_id(await run(staff, some.sort("_id")), "over").values()] == [1, 0, 0]


async def test_two_collections_are_united(sales: Collection[dict[str, Any]], staff: Collection[dict[str, Any]]) -> None:
    whole = PipelineBuilder().project(["_id"]).union_with("staff")
    some = PipelineBuilder().project(["_id"]).union_with("staff", PipelineBuilder().match_stage({"_id": "a"}))
    made = PipelineBuilder().project(["_id"]).union_with(None, PipelineBuilder().documents([{"_id": 0}]))

    assert len(await run(sales, whole)) == 6
    assert (await run(sales, some))[3:] == [{"_id": "a", "boss": "b"}]
    assert (await run(sales, made))[3:] == [{"_id": 0}]


async def test_the_result_takes_a_collection_s_place(
    sales: Collection[dict[str, Any]], mongo_database: Database
) -> None:
    totals = mongo_database.collection("totals")
    await totals.insert_one({"_id": "old"})

    assert await run(sales, PipelineBuilder().group("$region").out("totals")) == []
    assert sorted(by_id(await totals.find({}), "_id")) == ["eu", "us"]

    await run(sales, PipelineBuilder().count("n").unset_fields("_id").out("totals", database=mongo_database.name))
    assert [document["n"] for document in await totals.find({})] == [3]


async def test_the_result_is_merged(sales: Collection[dict[str, Any]], mongo_database: Database) -> None:
    totals = mongo_database.collection("totals")
    await totals.insert_one({"_id": "eu", "kept": True, "all": 1})
    begin = PipelineBuilder().group("$region", {"all": {"$sum": "$sum"}})

    await run(sales, begin.merge("totals", when_not_matched="discard"))
    assert await totals.find({}) == [{"_id": "eu", "kept": True, "all": 30}]

    await run(
        sales,
        begin.merge(
            {"db": mongo_database.name, "coll": "totals"},
            on=["_id"],
            let={"extra": "$all"},
            when_matched=PipelineBuilder().set_fields({"all": {"$add": ["$all", "$$extra"]}}),
        ),
    )
    assert by_id(await totals.find({}), "all") == {"eu": 60, "us": 30}

    await run(sales, begin.merge("totals", when_matched="replace"))
    assert await totals.find_one({"_id": "eu"}) == {"_id": "eu", "all": 30}


async def test_documents_come_in_order_of_their_distance(mongo_database: Database) -> None:
    places = mongo_database.collection("places")
    await places.insert_many(
        [{"_id": number, "at": {"type": "Point", "coordinates": [number, 0]}} for number in (3, 1, 2)]
    )
    await mongo_database.run_command(
        {"createIndexes": "places", "indexes": [{"key": {"at": "2dsphere"}, "name": "at"}]}
    )

    found = await run(
        places,
        PipelineBuilder().geo_near(
            {"type": "Point", "coordinates": [0, 0]},
            distance_field="km",
            key="at",
            min_distance=1,
            max_distance=250_000,
            distance_multiplier=0.001,
            query=FilterBuilder().gt("_id", 0),
            spherical=True,
            include_locs="where",
        ),
    )

    assert [document["_id"] for document in found] == [1, 2]
    assert math.isclose(found[0]["km"], 111.3, rel_tol=0.01)
    assert found[0]["where"] == found[0]["at"]


async def test_documents_may_come_from_the_pipeline(mongo_database: Database) -> None:
    found = await run(mongo_database, PipelineBuilder().documents([{"a": 1}, {"a": 2}]).match_stage({"a": 2}))
    assert found == [{"a": 2}]


async def test_the_server_tells_of_a_collection(sales: Collection[dict[str, Any]], mongo_database: Database) -> None:
    await sales.find({"region": "eu"})
    everything = PipelineBuilder().coll_stats(
        latency_stats={"histograms": True}, storage_stats=True, count=True, query_exec_stats=True
    )

    (told,) = await run(sales, everything)
    (scaled,) = await run(sales, PipelineBuilder().coll_stats(storage_stats={"scale": 1024}))
    indexes = await run(sales, PipelineBuilder().index_stats().project(["name"]))
    catalog = await run(sales, PipelineBuilder().list_catalog().project({"_id": 0, "db": 1, "name": 1}))

    assert told["count"] == 3
    assert told["storageStats"]["count"] == 3
    assert told["latencyStats"]["reads"]["histogram"]
    assert told["queryExecStats"]["collectionScans"]["total"] >= 1
    assert scaled["storageStats"]["scaleFactor"] == 1024
    assert "count" not in scaled
    assert [index["name"] for index in indexes] == ["_id_"]
    assert catalog == [{"db": mongo_database.name, "name": "sales"}]


async def test_the_server_tells_of_cached_plans(sales: Collection[dict[str, Any]], mongo_database: Database) -> None:
    keys = [{"region": 1}, {"sum": 1}]
    indexes = [{"key": key, "name": f"i{number}"} for number, key in enumerate(keys)]
    await mongo_database.run_command({"createIndexes": "sales", "indexes": indexes})
    for _ in range(3):
        await sales.find({"region": "eu", "sum": {"$gt": 1}})

    plans = await run(sales, PipelineBuilder().plan_cache_stats())

    assert plans
    assert all("planCacheKey" in plan for plan in plans)


async def test_the_server_tells_of_operations_and_sessions(mongo_client: MongoClient) -> None:
    admin = mongo_client.database("admin")

    operations = await run(
        admin,
        PipelineBuilder()
        .current_op(all_users=True, idle_connections=True, idle_cursors=True, idle_sessions=True, local_ops=False)
        .match_stage({"command.aggregate": 1}),
    )
    everybodys = await run(admin, PipelineBuilder().list_local_sessions(all_users=True))
    own = await run(admin, PipelineBuilder().list_local_sessions())
    spread = await mongo_client.database("config").run_command(
        {"aggregate": "system.sessions", "pipeline": PipelineBuilder().list_sessions(users=[]).build(), "cursor": {}}
    )

    assert any("$currentOp" in operation["command"]["pipeline"][0] for operation in operations)
    assert own
    assert len(everybodys) >= len(own)
    assert all("lastUse" in session for session in spread["cursor"]["firstBatch"])


async def test_a_stage_of_sharded_clusters_is_known_to_the_server(mongo_client: MongoClient) -> None:
    with pytest.raises(MongoError) as caught:
        await run(mongo_client.database("admin"), PipelineBuilder().sharded_data_distribution())
    assert caught.value.code == 6789101  # only on a router


async def test_changes_are_streamed(sales: Collection[dict[str, Any]], mongo_database: Database) -> None:
    (hello,) = [await mongo_database.run_command({"hello": 1})]
    start = hello["operationTime"]
    await sales.update_one({"_id": 1}, {"$set": {"sum": 11}})
    changes = PipelineBuilder().change_stream(full_document="updateLookup", start_at_operation_time=start)
    pipeline = changes.match_stage({"operationType": "update"}).project({"fullDocument.sum": 1})

    async with sales.aggregate_stream(pipeline.build(), AggregateOptions(batch_size=1)) as stream:
        async for change in stream:
            assert change["fullDocument"] == {"sum": 11}
            break


async def test_every_stage_of_the_server_has_a_method(mongo_client: MongoClient) -> None:
    """The server counts its stages by name; those without documentation are its own."""
    undocumented = {"$listCachedAndActiveUsers", "$mergeCursors", "$operationMetrics", "$queue"}
    undocumented |= {"$setVariableFromSubPipeline"}
    status = await mongo_client.database("admin").run_command({"serverStatus": 1})
    stages = {name for name in status["metrics"]["aggStageCounters"] if not name.startswith("$_")} - undocumented
    spelled = {"match": "match_stage", "set": "set_fields", "unset": "unset_fields"}
    methods = {
        spelled.get(name, name)
        for name in ("".join(f"_{c.lower()}" if c.isupper() else c for c in stage[1:]) for stage in stages)
    }

    assert "group" in methods
    assert [name for name in sorted(methods) if not callable(getattr(PipelineBuilder, name, None))] == []


@pytest.fixture
async def tried(mongo_database: Database) -> Collection[dict[str, Any]]:
    collection = mongo_database.collection("c")
    await collection.insert_many([{"_id": 1, "a": 1, "at": [0, 0]}, {"_id": 2, "a": 3, "at": [1, 1]}])
    return collection


async def test_what_is_refused_here_is_refused_by_the_server(
    tried: Collection[dict[str, Any]], mongo_database: Database
) -> None:
    """By the server itself, that is: the pipeline goes as a command, which nobody checks."""
    taken: list[Any] = []
    for stage, _, _ in REFUSED:
        with pytest.raises(InvalidDocumentError):
            validate_pipeline([stage])
        try:
            await mongo_database.run_command({"aggregate": "c", "pipeline": [stage], "cursor": {}})
        except MongoError as error:
            if error.code is None:
                taken.append(stage)
        else:
            taken.append(stage)
    assert taken == []


async def test_what_is_taken_here_is_taken_by_the_server(tried: Collection[dict[str, Any]]) -> None:
    refused: list[Any] = []
    for stage in TAKEN:
        try:
            await tried.aggregate([stage])
        except MongoError as error:
            refused.append((stage, error.message))
    assert refused == []


async def test_an_id_of_any_type_stays_itself_in_a_pipeline(mongo_database: Database) -> None:
    key = ObjectId()
    assert await run(mongo_database, PipelineBuilder().documents([{"_id": key}]).match_stage({"_id": key})) == [
        {"_id": key}
    ]
