"""Plans of a real server, and what is found in each."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from bson import DatetimeMS

from llm_devops_mongodb import (
    AggregateOptions,
    Collection,
    Database,
    FindOptions,
    InvalidDocumentError,
    MongoClient,
    OperationTimeoutError,
    QueryError,
    ReadConcern,
    ReadPreference,
    TransactionError,
)
from llm_devops_mongodb.options import CursorType
from llm_devops_mongodb.results import Finding, QueryAnalysis
from llm_devops_mongodb.testing import EmbeddedMongo

SIZE = 500
SECRET = "s3cret-value"


def kinds(analysis: QueryAnalysis) -> list[str]:
    return [finding.kind for finding in analysis.findings]


def found(analysis: QueryAnalysis, kind: str) -> Finding:
    (finding,) = (each for each in analysis.findings if each.kind == kind)
    return finding


async def filled(database: Database) -> Collection[dict[str, Any]]:
    people = database.collection("people")
    await people.insert_many(
        {
            "_id": n,
            "status": n % 50,
            "age": n % 7,
            "name": f"n{n % 100}",
            "tags": [n % 3, n % 5],
            "home": {"city": n % 9, "street": n},
            "place": {"type": "Point", "coordinates": [n % 90, n % 80]},
            "spot": [n % 90, n % 80],
        }
        for n in range(SIZE)
    )
    return people


@pytest_asyncio.fixture
async def people(mongo_database: Database) -> Collection[dict[str, Any]]:
    return await filled(mongo_database)


@pytest_asyncio.fixture(scope="module")
async def slot_based() -> AsyncIterator[Database]:
    """A server whose slot-based engine answers finds too, and that sorts little in memory."""
    parameters = {"featureFlagSbeFull": True, "internalQueryMaxBlockingSortMemoryUsageBytes": 20_000}
    async with EmbeddedMongo(set_parameters=parameters) as server, MongoClient.connect(server.uri) as client:
        database = client.database("slots")
        await (await filled(database)).create_index([("status", 1), ("age", 1)])
        yield database


async def test_a_collection_scan_is_told_as_such_with_the_index_to_create(people: Collection[Any]) -> None:
    analysis = await people.explain({"home.street": 7})

    assert (analysis.uses_index, analysis.index_name, analysis.indexes_used) == (False, None, ())
    assert (analysis.documents_examined, analysis.documents_returned, analysis.scan_ratio) == (SIZE, 1, SIZE)
    assert analysis.stages == ("COLLSCAN",)
    scanned, create = analysis.recommendations
    assert scanned == f"Collection scan detected: examined {SIZE} documents for 1 results. Consider adding an index."
    assert create.startswith('Create an index with create_index({"home.street": 1}): fields compared for equality')
    assert analysis.suggested_index == {"home.street": 1}
    assert analysis.explained["queryPlanner"]["winningPlan"]["stage"] == "COLLSCAN"


async def test_a_scan_of_which_much_is_wanted_is_told_too(people: Collection[Any]) -> None:
    analysis = await people.explain({"age": {"$gt": 0}})
    assert found(analysis, "collection_scan").message.startswith(f"Collection scan: examined {SIZE} documents for 4")
    assert analysis.suggested_index == {"age": 1}


async def test_reading_a_whole_collection_on_purpose_is_no_fault(people: Collection[Any]) -> None:
    for query, options in ((None, None), ({}, FindOptions(limit=5)), ([], None), ([{"$count": "n"}], None)):
        analysis = await people.explain(query, options)
        assert (analysis.uses_index, analysis.findings) == (False, ())


async def test_the_suggested_index_is_used_once_it_is_there(people: Collection[Any]) -> None:
    query = {"age": {"$gt": 2}, "status": 5}
    options = FindOptions(sort=[("home.street", -1)])
    before = await people.explain(query, options)
    assert before.suggested_index == {"status": 1, "home.street": -1, "age": 1}
    assert before.sorts_in_memory

    await people.create_index(before.suggested_index)
    after = await people.explain(query, options)

    assert (after.index_name, after.sorts_in_memory, after.findings) == ("status_1_home.street_-1_age_1", False, ())
    assert after.documents_examined == after.documents_returned
    assert after.suggested_index is None


async def test_whatever_is_suggested_the_server_uses(people: Collection[Any]) -> None:
    chance = random.Random(7)
    asked = [{"$gt": 1}, 2, {"$in": [1, 2, 3]}, {"$gte": 0, "$lt": 5}, {"$lte": 3}]
    for _ in range(30):
        fields = chance.sample(["status", "age", "home.city", "home.street"], k=4)
        query = {field: chance.choice(asked) for field in fields[: chance.randint(0, 3)]}
        order = chance.sample(fields, k=chance.randint(0 if query else 1, 3))
        options = FindOptions(sort={field: chance.choice([1, -1]) for field in order} or None)

        keys = (await people.explain(query, options)).suggested_index
        assert keys is not None
        name = await people.create_index(keys)
        after = await people.explain(query, options)

        assert (after.indexes_used, after.sorts_in_memory, after.suggested_index) == ((name,), False, None)
        if not query or next(iter(keys)) in query:
            assert after.documents_examined == after.documents_returned
        await people.drop_index(name)


async def test_an_index_read_whole_for_its_order_is_told(people: Collection[Any]) -> None:
    await people.create_index([("home.street", 1), ("status", 1)])
    analysis = await people.explain({"status": {"$gt": 47}}, FindOptions(sort="home.street"))
    assert analysis.documents_examined == SIZE
    assert "index that begins with 'status' reads less" in found(analysis, "low_selectivity").message


async def test_a_sort_in_memory_is_told_with_the_index_that_spares_it(people: Collection[Any]) -> None:
    await people.create_index([("status", 1), ("age", 1)])
    analysis = await people.explain({"status": 5}, FindOptions(sort={"home.street": 1, "name": -1}))

    assert analysis.sorts_in_memory
    assert analysis.stages == ("SORT", "FETCH", "IXSCAN")
    assert "by 'home.street', 'name'" in found(analysis, "in_memory_sort").message
    assert analysis.suggested_index == {"status": 1, "home.street": 1, "name": -1}


async def test_an_index_read_backwards_is_no_sort(people: Collection[Any]) -> None:
    await people.create_index([("status", 1), ("age", -1)])
    analysis = await people.explain(None, FindOptions(sort=[("status", -1), ("age", 1)]))
    assert (analysis.sorts_in_memory, analysis.findings) == (False, ())


async def test_a_few_values_are_merged_in_order(people: Collection[Any]) -> None:
    await people.create_index([("status", 1), ("age", 1)])
    analysis = await people.explain({"status": {"$in": [1, 2, 3]}}, FindOptions(sort="age"))
    assert "SORT_MERGE" in analysis.stages
    assert (analysis.sorts_in_memory, analysis.findings) == (False, ())


async def test_more_values_than_the_server_merges_come_after_the_sort(people: Collection[Any]) -> None:
    query = {"status": {"$in": list(range(201))}}
    await people.create_index([("status", 1), ("age", 1)])
    assert (await people.explain(query, FindOptions(sort="age"))).suggested_index == {"age": 1, "status": 1}

    await people.create_index([("age", 1), ("status", 1)])
    few = {"status": {"$in": list(range(200))}}
    assert not (await people.explain(query, FindOptions(sort="age", hint="age_1_status_1"))).sorts_in_memory
    assert not (await people.explain(few, FindOptions(sort="age", hint="status_1_age_1"))).sorts_in_memory
    assert (await people.explain(query, FindOptions(sort="age", hint="status_1_age_1"))).sorts_in_memory


async def test_a_covered_query_is_told_as_good_and_not_as_advice(people: Collection[Any]) -> None:
    await people.create_index([("status", 1), ("age", 1)])
    analysis = await people.explain({"status": 5}, FindOptions(projection={"_id": 0, "status": 1, "age": 1}))

    assert analysis.is_covered
    assert (analysis.documents_examined, analysis.keys_examined) == (0, SIZE // 50)
    assert kinds(analysis) == ["covered"]
    assert analysis.recommendations == ()


async def test_what_keeps_a_query_from_being_covered_is_told(people: Collection[Any]) -> None:
    await people.create_index([("status", 1), ("age", 1)])
    by_id = await people.explain({"status": 5}, FindOptions(projection=["status", "age"]))
    by_field = await people.explain({"status": 5}, FindOptions(projection={"_id": 0, "status": 1, "name": 1}))

    assert not by_id.is_covered
    assert '{"_id": 0}' in found(by_id, "nearly_covered").message
    assert found(by_field, "nearly_covered").index == {"status": 1, "age": 1, "name": 1}

    await people.create_index(found(by_field, "nearly_covered").index or {})
    options = FindOptions(projection={"_id": 0, "status": 1, "name": 1}, hint="status_1_age_1_name_1")
    assert (await people.explain({"status": 5}, options)).is_covered


async def test_an_index_on_arrays_covers_nothing_and_is_not_said_to(people: Collection[Any]) -> None:
    await people.create_index("tags")
    analysis = await people.explain({"tags": 1}, FindOptions(projection={"_id": 0, "tags": 1}))
    assert (analysis.is_covered, analysis.findings) == (False, ())


async def test_an_index_that_leads_to_much_that_is_not_wanted_is_told(people: Collection[Any]) -> None:
    await people.create_index("age")
    analysis = await people.explain({"age": 5, "home.street": 12})

    assert analysis.uses_index
    assert analysis.scan_ratio > 10
    assert "'age_1' led to 71 documents, of which 1 matched" in found(analysis, "low_selectivity").message
    assert analysis.suggested_index == {"age": 1, "home.street": 1}


async def test_keys_read_in_vain_are_told(people: Collection[Any]) -> None:
    await people.create_index([("home.street", 1), ("status", 1)])
    analysis = await people.explain({"home.street": {"$gte": 0}, "status": 7})

    assert analysis.keys_examined > 10 * analysis.documents_returned
    assert "many_keys_examined" in kinds(analysis)
    assert analysis.suggested_index == {"status": 1, "home.street": 1}


async def test_a_pattern_without_a_beginning_reads_every_key(people: Collection[Any]) -> None:
    await people.create_index("name")
    for query in ({"name": {"$regex": "9$"}}, {"name": {"$regex": "^n9", "$options": "i"}}):
        analysis = await people.explain(query)
        assert analysis.keys_examined == SIZE
        assert "'name'" in found(analysis, "unanchored_pattern").message
    assert (await people.explain({"name": {"$regex": "^n9"}})).findings == ()


PATTERNS = [
    *("n9", "^n9", "^n", "^n9$", "^n9?", "^n?9", "^n*", "^n+9", "^n{0,1}", "^.9", "^(n9)", "^[n]9", "^n9|n8"),
    *("^$", r"\An9", r"^\.9", r"^\d9", r"^\-9", "^", ""),
]


async def test_a_pattern_is_a_range_where_the_server_makes_it_one(people: Collection[Any]) -> None:
    await people.create_index("name")
    hinted = FindOptions(hint="name_1")
    for pattern, options in itertools.product(PATTERNS, ["", "i", "m", "x"]):
        query = {"name": {"$regex": pattern, "$options": options}}
        analysis = await people.explain(query, hinted, verbosity="queryPlanner")
        bounds = analysis.explained["queryPlanner"]["winningPlan"]["inputStage"]["indexBounds"]["name"]
        assert ("unanchored_pattern" in kinds(analysis)) == ('["", {})' in bounds), (pattern, options)


async def test_a_negation_reads_nearly_all(people: Collection[Any]) -> None:
    await people.create_index("name")
    for query in ({"name": {"$nin": ["n1"]}}, {"name": {"$ne": "n1"}}, {"name": {"$not": {"$gt": "n1"}}}):
        assert "negation" in kinds(await people.explain(query))


async def test_javascript_and_expressions_between_fields_are_served_by_no_index(people: Collection[Any]) -> None:
    await people.create_index("age")
    script = await people.explain({"$where": "this.age == this.status"})
    fields = await people.explain({"$expr": {"$gt": ["$age", "$status"]}})
    constant = await people.explain({"$expr": {"$eq": ["$age", 5]}})

    assert "javascript" in kinds(script)
    assert script.suggested_index is None
    assert "'age', 'status'" in found(fields, "unindexable_expression").message
    assert "$expr compares 'age'" in found(fields, "index_not_used").message
    assert (constant.uses_index, constant.findings) == (True, ())


@pytest.mark.parametrize(
    ("keys", "settings", "asked", "reason"),
    [
        ({"age": 1}, {"hidden": True}, ({"age": 5}, {}), "it is hidden"),
        ({"status": 1, "age": 1}, {}, ({"age": 5}, {}), "begins with 'status', of which the query says nothing"),
        ({"age": 1}, {"partial_filter": {"age": {"$gt": 5}}}, ({"age": 5}, {}), "is partial, .* condition on 'age'"),
        ({"age": 1}, {"sparse": True}, ({"age": None}, {}), "is sparse, and documents without 'age' are wanted"),
        ({"age": 1}, {"sparse": True}, ({}, {"sort": "age"}), "is sparse"),
        ({"name": 1}, {"collation": {"locale": "en"}}, ({"name": "n1"}, {}), "another collation"),
        ({"name": 1}, {}, ({"name": "n1"}, {"collation": {"locale": "en", "strength": 2}}), "another collation"),
        ({"age": "hashed"}, {}, ({"age": {"$gt": 5}}, {}), "is hashed, and serves equality only"),
        ({"tags": 1}, {}, ({"tags": {"$size": 3}}, {}), "no index serves \\$size"),
        ({"age": 1}, {}, ({"$or": [{"age": 5}, {"status": 5}]}, {}), "another branch of \\$or has no index"),
    ],
)
async def test_an_index_that_is_not_used_is_told_with_the_reason(
    people: Collection[Any], keys: Any, settings: Any, asked: Any, reason: str
) -> None:
    query, options = asked
    await people.create_index(keys, **settings)

    analysis = await people.explain(query, FindOptions(**options))

    assert not analysis.uses_index
    finding = found(analysis, "index_not_used")
    assert finding.index == keys
    assert re.search(reason, finding.message)


async def test_an_index_on_other_fields_is_not_spoken_of(people: Collection[Any]) -> None:
    await people.create_index("status")
    assert "index_not_used" not in kinds(await people.explain({"age": 5}))


async def test_an_index_of_other_strings_serves_numbers(people: Collection[Any]) -> None:
    await people.create_index("age", collation={"locale": "en"})
    assert (await people.explain({"age": 5})).uses_index


async def test_an_index_of_the_same_fields_needs_another_name(people: Collection[Any]) -> None:
    await people.create_index("age", sparse=True)
    analysis = await people.explain({"age": None})
    assert 'create_index({"age": 1}, name=…)' in found(analysis, "missing_index").message
    await people.create_index("age", name="every_age")
    assert (await people.explain({"age": None})).index_name == "every_age"


async def test_every_branch_of_a_choice_needs_an_index(people: Collection[Any]) -> None:
    await people.create_index("age")
    query = {"$or": [{"age": 5}, {"status": 5}, {"home.street": {"$lt": 3}}]}
    before = await people.explain(query)
    needed = [finding.index for finding in before.findings if finding.kind == "missing_index"]
    assert (needed, before.suggested_index) == ([{"status": 1}, {"home.street": 1}], None)

    for keys in needed:
        await people.create_index(keys or {})
    after = await people.explain(query)

    assert set(after.indexes_used) == {"age_1", "status_1", "home.street_1"}
    assert (after.uses_index, after.findings) == (True, ())


async def test_a_hint_that_keeps_from_a_better_index_is_told(people: Collection[Any]) -> None:
    await people.create_index("age")
    await people.create_index("name")
    for hint in ("age_1", {"age": 1}, {"$natural": 1}):
        analysis = await people.explain({"name": "n5"}, FindOptions(hint=hint))
        assert found(analysis, "poor_hint").index == {"name": 1}
    assert (await people.explain({"name": "n5"}, FindOptions(hint="name_1"))).findings == ()


async def test_a_range_of_array_elements_is_bounded_on_one_side(people: Collection[Any]) -> None:
    await people.create_index("tags")
    loose = await people.explain({"tags": {"$gt": 0, "$lt": 2}})
    tight = await people.explain({"tags": {"$elemMatch": {"$gt": 0, "$lt": 2}}})

    assert "'tags' holds arrays" in found(loose, "multikey_bounds").message
    assert tight.findings == ()
    assert tight.keys_examined < loose.keys_examined


async def test_places_need_an_index_of_their_kind(people: Collection[Any]) -> None:
    around = {"$geoWithin": {"$centerSphere": [[1, 1], 0.1]}}
    globe = await people.explain({"place": around, "age": 5})
    plane = await people.explain({"spot": {"$geoWithin": {"$box": [[0, 0], [2, 2]]}}})
    assert (globe.suggested_index, plane.suggested_index) == ({"age": 1, "place": "2dsphere"}, {"spot": "2d"})

    await people.create_index(globe.suggested_index or {})
    await people.create_index(plane.suggested_index or {})

    assert (await people.explain({"place": around, "age": 5})).uses_index
    near = await people.explain({"spot": {"$near": [1, 1]}}, FindOptions(limit=3))
    assert (near.index_name, near.documents_returned) == ("spot_2d", 3)
    stage = {"$geoNear": {"near": [1, 1], "distanceField": "d", "key": "spot", "query": {"age": 5}}}
    assert (await people.explain([stage])).index_name == "spot_2d"


async def test_a_text_index_is_used(people: Collection[Any]) -> None:
    await people.create_index({"name": "text"})
    analysis = await people.explain({"$text": {"$search": "n5"}}, FindOptions(projection={"name": 1, "_id": 0}))
    assert (analysis.index_name, analysis.is_covered, analysis.findings) == ("name_text", False, ())


async def test_a_large_skip_is_told(people: Collection[Any]) -> None:
    analysis = await people.explain(None, FindOptions(skip=1000, limit=5))
    assert "find_page" in found(analysis, "large_skip").message
    assert "large_skip" in kinds(await people.explain([{"$match": {}}, {"$skip": 1000}]))


async def test_a_key_is_read_by_its_own_index(people: Collection[Any]) -> None:
    analysis = await people.explain({"_id": 5})
    assert (analysis.uses_index, analysis.index_name, analysis.is_covered) == (True, "_id_", False)
    assert (analysis.documents_examined, analysis.keys_examined, analysis.findings) == (1, 1, ())


async def test_rejected_plans_are_counted(people: Collection[Any]) -> None:
    await people.create_index("status")
    await people.create_index("name")
    query = {"status": 5, "name": {"$gt": "n1"}}
    for verbosity in ("queryPlanner", "executionStats", "allPlansExecution"):
        assert (await people.explain(query, verbosity=verbosity)).rejected_plans >= 1


async def test_a_plan_alone_counts_nothing_and_finds_as_much(people: Collection[Any]) -> None:
    analysis = await people.explain({"age": 5}, FindOptions(sort="name"), verbosity="queryPlanner")

    assert (analysis.documents_examined, analysis.execution_time_ms) == (0, 0)
    assert kinds(analysis) == ["collection_scan", "missing_index", "in_memory_sort"]
    assert analysis.recommendations[0] == "Collection scan: every document would be read."
    assert analysis.suggested_index == {"age": 1, "name": 1}


async def test_a_pipeline_that_is_pushed_down_is_judged_as_a_find(people: Collection[Any]) -> None:
    stages = [{"$match": {"status": 5}}, {"$sort": {"age": -1}}, {"$limit": 3}]
    analysis = await people.explain(stages)
    assert analysis.stages == ("SORT", "COLLSCAN")
    assert analysis.suggested_index == {"status": 1, "age": -1}


async def test_a_group_that_is_pushed_down_is_no_fruitless_read(people: Collection[Any]) -> None:
    await people.create_index([("status", 1), ("age", 1)])
    stages = [{"$match": {"status": {"$gte": 0}}}, {"$group": {"_id": None, "n": {"$max": "$home.street"}}}]
    analysis = await people.explain(stages)
    assert (analysis.stages[0], analysis.stages[-2:]) == ("GROUP", ("FETCH", "IXSCAN"))
    assert (analysis.documents_returned, analysis.documents_examined, analysis.findings) == (1, SIZE, ())


async def test_a_pipeline_that_is_not_pushed_down_is_walked_to_its_cursor(people: Collection[Any]) -> None:
    analysis = await people.explain([{"$match": {"status": 5}}, {"$unwind": "$tags"}, {"$sort": {"tags": 1}}])

    assert analysis.stages == ("$sort", "$unwind", "COLLSCAN")
    assert (analysis.documents_examined, analysis.documents_returned) == (SIZE, 2 * SIZE // 50)
    assert analysis.suggested_index == {"status": 1}
    assert "no index can serve it here" in found(analysis, "in_memory_sort").message


async def test_a_sort_for_a_window_gets_its_index_too(people: Collection[Any]) -> None:
    window = {"partitionBy": "$status", "sortBy": {"age": 1}, "output": {"rank": {"$rank": {}}}}
    analysis = await people.explain([{"$setWindowFields": window}])
    assert analysis.sorts_in_memory
    assert analysis.suggested_index == {"status": 1, "age": 1}


@pytest.mark.parametrize("unwound", [False, True])
async def test_a_join_without_an_index_is_told(
    mongo_database: Database, people: Collection[Any], unwound: bool
) -> None:
    houses = mongo_database.collection("houses")
    await houses.insert_many({"city": n % 9} for n in range(50))
    lookup = {"$lookup": {"from": "houses", "localField": "home.city", "foreignField": "city", "as": "house"}}
    stages = [{"$match": {"_id": {"$lt": 20}}}, lookup, *([{"$unwind": "$house"}] if unwound else [])]

    before = await people.explain(stages)
    assert before.documents_examined > 20
    finding = found(before, "lookup_without_index")
    assert finding.index == {"city": 1}
    assert "houses'" in finding.message
    assert 'create_index({"city": 1})' in finding.message

    await houses.create_index("city")
    after = await people.explain(stages)
    assert after.findings == ()
    assert after.indexes_used == ("_id_",)


async def test_a_join_by_a_pipeline_is_told_with_its_index(mongo_database: Database, people: Collection[Any]) -> None:
    houses = mongo_database.collection("houses")
    await houses.insert_many({"city": n % 9, "built": n} for n in range(50))
    match = {"$match": {"built": {"$gt": 3}, "$expr": {"$eq": ["$city", "$$city"]}}}
    lookup = {"from": "houses", "let": {"city": "$home.city"}, "pipeline": [match], "as": "house"}
    stages = [{"$match": {"_id": {"$lt": 20}}}, {"$lookup": lookup}]

    finding = found(await people.explain(stages), "lookup_without_index")
    assert finding.index == {"city": 1, "built": 1}
    assert "'houses', 40 times" in finding.message

    await houses.create_index(finding.index or {})
    assert "lookup_without_index" not in kinds(await people.explain(stages))


async def test_the_pipelines_of_a_facet_and_a_union_are_walked(
    mongo_database: Database, people: Collection[Any]
) -> None:
    await people.create_index("status")
    await mongo_database.collection("houses").insert_many({"city": n % 9} for n in range(50))
    facet = await people.explain([{"$match": {"status": 5}}, {"$facet": {"a": [{"$sort": {"age": 1}}]}}])
    union = await people.explain(
        [{"$match": {"status": 5}}, {"$unionWith": {"coll": "houses", "pipeline": [{"$match": {"city": 3}}]}}],
    )

    assert facet.stages[:3] == ("$facet", "FETCH", "IXSCAN")
    assert facet.sorts_in_memory
    assert (union.uses_index, union.documents_examined) == (True, 60)
    message = f"Collection scan of '{mongo_database.name}.houses': examined 50 documents for 6 results."
    assert found(union, "collection_scan").message == message


async def test_a_pipeline_that_would_write_is_explained_and_writes_nothing(
    mongo_database: Database, people: Collection[Any]
) -> None:
    for last in ({"$out": "copies"}, {"$merge": {"into": "copies"}}):
        analysis = await people.explain([{"$match": {"status": 5}}, last])
        assert analysis.documents_returned == SIZE // 50
    assert "copies" not in await mongo_database.list_collection_names()


async def test_a_collection_that_is_not_there_is_explained(mongo_database: Database) -> None:
    analysis = await mongo_database.collection("nothing").explain({"a": 1})
    assert (analysis.uses_index, analysis.stages, analysis.findings) == (False, ("EOF",), ())


async def test_a_view_is_explained_by_what_is_under_it(mongo_database: Database, people: Collection[Any]) -> None:
    await mongo_database.run_command({"create": "adults", "viewOn": people.name, "pipeline": []})
    analysis = await mongo_database.collection("adults").explain({"age": 5})
    assert analysis.suggested_index == {"age": 1}


async def test_who_may_not_list_indexes_gets_the_plan_all_the_same() -> None:
    async with EmbeddedMongo(auth=True) as server:
        async with MongoClient.connect(server.uri) as client:
            await client.collection("app", "people").insert_many({"age": n} for n in range(20))
            privilege = {"resource": {"db": "app", "collection": "people"}, "actions": ["find"]}
            database = client.database("admin")
            await database.run_command({"createRole": "reads", "privileges": [privilege], "roles": []})
            await database.run_command({"createUser": "ada", "pwd": "pw", "roles": ["reads"]})
        uri = server.uri.replace(f"{server.username}:{server.password}@", "ada:pw@")
        async with MongoClient.connect(uri) as client:
            analysis = await client.collection("app", "people").explain({"age": 5})
    assert analysis.suggested_index == {"age": 1}


async def test_every_option_is_explained(people: Collection[Any]) -> None:
    await people.create_index("age")
    options = FindOptions(
        projection=["age"],
        sort=[("age", -1)],
        skip=1,
        limit=-2,
        batch_size=5,
        hint=[("age", 1)],
        collation={"locale": "simple"},
        let={"least": 3},
        comment="why",
        max_time=timedelta(seconds=5),
        min={"age": 1},
        max={"age": 6},
        return_key=False,
        show_record_id=True,
        no_cursor_timeout=False,
        allow_partial_results=False,
        allow_disk_use=True,
    )
    reader = people.with_options(read_concern=ReadConcern.MAJORITY, read_preference=ReadPreference.NEAREST)

    analysis = await reader.explain({"$expr": {"$gte": ["$age", "$$least"]}}, options)

    command = dict(analysis.explained["command"])
    assert command.pop("$db") == people.namespace.database
    assert command == {
        "find": "people",
        "filter": {"$expr": {"$gte": ["$age", "$$least"]}},
        "projection": {"age": 1},
        "sort": {"age": -1},
        "skip": 1,
        "limit": 2,
        "singleBatch": True,
        "batchSize": 5,
        "hint": {"age": 1},
        "collation": {"locale": "simple"},
        "let": {"least": 3},
        "comment": "why",
        "maxTimeMS": 5000,
        "min": {"age": 1},
        "max": {"age": 6},
        "returnKey": False,
        "showRecordId": True,
        "noCursorTimeout": False,
        "allowPartialResults": False,
        "allowDiskUse": True,
        "readConcern": {"level": "majority"},
    }
    assert analysis.index_name == "age_1"


async def test_every_option_of_a_pipeline_is_explained(people: Collection[Any]) -> None:
    options = AggregateOptions(
        allow_disk_use=True,
        batch_size=5,
        hint="_id_",
        collation={"locale": "simple"},
        let={"least": 3},
        comment="why",
        max_time=timedelta(microseconds=5_000_001),
        max_await_time=timedelta(seconds=1),
        bypass_document_validation=True,
    )
    analysis = await people.explain([{"$match": {"_id": 1}}], options)
    command = dict(analysis.explained["command"])
    del command["$db"]
    assert command == {
        "aggregate": "people",
        "pipeline": [{"$match": {"_id": 1}}],
        "cursor": {"batchSize": 5},
        "allowDiskUse": True,
        "hint": "_id_",
        "collation": {"locale": "simple"},
        "let": {"least": 3},
        "comment": "why",
        "maxTimeMS": 5001,
        "bypassDocumentValidation": True,
    }


async def test_a_tailable_find_of_a_capped_collection_is_explained(mongo_database: Database) -> None:
    await mongo_database.run_command({"create": "log", "capped": True, "size": 4096})
    log = mongo_database.collection("log")
    options = FindOptions(cursor_type=CursorType.TAILABLE_AWAIT, max_await_time=timedelta(seconds=1))
    command = (await log.explain(None, options, verbosity="queryPlanner")).explained["command"]
    assert (command["tailable"], command["awaitData"]) == (True, True)


async def test_no_names_project_the_key_alone(people: Collection[Any]) -> None:
    analysis = await people.explain(None, FindOptions(projection=[]))
    assert analysis.explained["command"]["projection"] == {"_id": 1}


@pytest.mark.parametrize(
    ("query", "options"),
    [({}, AggregateOptions()), ([], FindOptions()), (None, AggregateOptions()), ({"$nope": 1}, None), ([{}], None)],
)
async def test_options_of_the_other_kind_and_bad_queries_are_refused(
    people: Collection[Any], query: Any, options: Any
) -> None:
    with pytest.raises(InvalidDocumentError):
        await people.explain(query, options)


async def test_what_the_server_refuses_is_an_error(mongo_client: MongoClient, people: Collection[Any]) -> None:
    with pytest.raises(QueryError):
        await people.explain({"a": 1}, FindOptions(hint="nothing_1"))
    async with mongo_client.start_session() as session:
        await session.start_transaction()
        with pytest.raises(TransactionError):
            await people.explain({"a": 1}, session=session)


async def test_no_text_holds_a_value(people: Collection[Any]) -> None:
    await people.create_index("name")
    await people.create_index("age", partial_filter={"age": {"$gt": 987654}})
    queries: list[Any] = [
        {"age": 987654, "home.street": SECRET},
        {"home.city": SECRET, "age": {"$in": [987654]}},
        {"name": {"$regex": SECRET}},
        {"$or": [{"name": SECRET}, {"home.city": {"$ne": SECRET}}]},
        [{"$match": {"$expr": {"$eq": ["$home.city", SECRET]}}}, {"$unwind": "$tags"}, {"$sort": {"tags": 1}}],
    ]
    for query in queries:
        analysis = await people.explain(query)
        assert analysis.findings
        assert SECRET not in repr(analysis)
        assert "987654" not in repr(analysis)
        assert SECRET in json.dumps(analysis.explained, default=str)


async def test_the_slot_based_engine_is_read_as_the_classic_one(slot_based: Database) -> None:
    people = slot_based.collection("people")
    scan = await people.explain({"home.street": 7})
    index = await people.explain({"status": 5})
    covered = await people.explain({"status": 5}, FindOptions(projection={"_id": 0, "age": 1}))
    choice = await people.explain({"$or": [{"status": 5}, {"_id": 5}]})

    assert {each.explained["explainVersion"] for each in (scan, index, covered, choice)} == {"2"}
    assert (scan.stages, scan.documents_examined, scan.suggested_index) == (("COLLSCAN",), SIZE, {"home.street": 1})
    assert (index.stages, index.index_name, index.findings) == (("FETCH", "IXSCAN"), "status_1_age_1", ())
    assert covered.is_covered
    assert set(choice.indexes_used) == {"status_1_age_1", "_id_"}


async def test_the_slot_based_engine_counts_what_an_index_leads_to(slot_based: Database) -> None:
    people = slot_based.collection("people")
    analysis = await people.explain({"status": {"$gte": 0}, "home.street": 12})
    assert f"led to {SIZE} documents, of which 1 matched" in found(analysis, "low_selectivity").message
    assert analysis.suggested_index == {"home.street": 1, "status": 1}


@pytest.mark.parametrize("query", [{"status": {"$gte": 0}}, [{"$unwind": "$tags"}, {"$sort": {"tags": 1}}]])
async def test_what_did_not_fit_in_memory_is_told(slot_based: Database, query: Any) -> None:
    options = FindOptions(sort="name", allow_disk_use=True) if isinstance(query, dict) else None
    analysis = await slot_based.collection("people").explain(query, options)
    assert "did not fit in memory" in found(analysis, "spilled_to_disk").message
    assert analysis.sorts_in_memory


async def test_a_time_limit_holds_for_the_explanation(people: Collection[Any]) -> None:
    await people.insert_many([{"n": n} for n in range(50)])
    with pytest.raises(OperationTimeoutError):
        await people.explain({"$where": "sleep(100) || true"}, FindOptions(max_time=timedelta(milliseconds=100)))


async def test_a_date_that_python_does_not_know_is_explained(people: Collection[Any]) -> None:
    assert (await people.explain({"at": DatetimeMS(2**60)})).documents_returned == 0


async def test_a_query_that_reads_others_is_not_covered(people: Collection[Any]) -> None:
    await people.create_index({"place": "2dsphere"})
    near = {"place": {"$near": {"$geometry": {"type": "Point", "coordinates": [1, 1]}}}}
    assert not (await people.explain(near, verbosity="queryPlanner")).is_covered
