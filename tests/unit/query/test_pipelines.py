"""The builder of pipelines: what it builds, what it refuses, and that nothing changes it."""

import copy
import pickle
from collections import OrderedDict, UserDict
from dataclasses import FrozenInstanceError

import pytest
from bson import Binary
from bson.binary import BinaryVectorDtype
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.query.fields import Field
from llm_devops_mongodb.query.pipelines import PipelineBuilder
from llm_devops_mongodb.validation import validate_pipeline

NEW = PipelineBuilder()
REGION: Field[str] = Field("address.region")
PLAIN = ({"$limit": 1}, {"$skip": 1})
MISSPELT = [{"$macth": {}}]
NUMBERS = [1]
TEXT = {"text": {"query": "tea", "path": "title"}}
WALK = {"start_with": "$a", "connect_from_field": "a", "connect_to_field": "b", "as_": "x"}
VECTOR = {"index": "i", "path": "v", "query_vector": [0.5, 1], "limit": 5}

# MongoDB 6.0: https://www.mongodb.com/docs/v6.0/reference/operator/aggregation-pipeline/
STAGES = {
    "$addFields": NEW.add_fields({"a": 1}),
    "$bucket": NEW.bucket("$a", boundaries=[1, 2]),
    "$bucketAuto": NEW.bucket_auto("$a", buckets=2),
    "$changeStream": NEW.change_stream(),
    "$changeStreamSplitLargeEvent": NEW.change_stream_split_large_event(),
    "$collStats": NEW.coll_stats(),
    "$count": NEW.count(),
    "$currentOp": NEW.current_op(),
    "$densify": NEW.densify("a", step=1, bounds="full"),
    "$documents": NEW.documents([{"a": 1}]),
    "$facet": NEW.facet({"a": []}),
    "$fill": NEW.fill(output={"a": {"value": 1}}),
    "$geoNear": NEW.geo_near([1, 2], distance_field="d"),
    "$graphLookup": NEW.graph_lookup("c", **WALK),
    "$group": NEW.group(None),
    "$indexStats": NEW.index_stats(),
    "$limit": NEW.limit(1),
    "$listCatalog": NEW.list_catalog(),
    "$listLocalSessions": NEW.list_local_sessions(),
    "$listSearchIndexes": NEW.list_search_indexes(),
    "$listSessions": NEW.list_sessions(),
    "$lookup": NEW.lookup("c", local_field="a", foreign_field="b", as_="x"),
    "$match": NEW.match_stage({"a": 1}),
    "$merge": NEW.merge("c"),
    "$out": NEW.out("c"),
    "$planCacheStats": NEW.plan_cache_stats(),
    "$project": NEW.project(["a"]),
    "$redact": NEW.redact("$$KEEP"),
    "$replaceRoot": NEW.replace_root("$a"),
    "$replaceWith": NEW.replace_with("$a"),
    "$sample": NEW.sample(1),
    "$search": NEW.search(TEXT),
    "$searchMeta": NEW.search_meta(TEXT),
    "$set": NEW.set_fields({"a": 1}),
    "$setWindowFields": NEW.set_window_fields(output={"a": {"$sum": 1}}),
    "$shardedDataDistribution": NEW.sharded_data_distribution(),
    "$skip": NEW.skip(1),
    "$sort": NEW.sort("a"),
    "$sortByCount": NEW.sort_by_count("$a"),
    "$unionWith": NEW.union_with("c"),
    "$unset": NEW.unset_fields("a"),
    "$unwind": NEW.unwind("a"),
    "$vectorSearch": NEW.vector_search(**VECTOR, exact=True),
}

BUILT = [
    (NEW, []),
    (NEW.match_stage(UserDict(a=UserDict({"$gt": 1}))), [{"$match": {"a": {"$gt": 1}}}]),
    (NEW.sort([("a", 1), ("b", -1)]), [{"$sort": {"a": 1, "b": -1}}]),
    (NEW.sort([REGION, "b"]), [{"$sort": {"address.region": 1, "b": 1}}]),
    (NEW.sort(REGION), [{"$sort": {"address.region": 1}}]),
    (
        NEW.sort({REGION: -1, "s": {"$meta": "textScore"}}),
        [{"$sort": {"address.region": -1, "s": {"$meta": "textScore"}}}],
    ),
    (NEW.project([REGION, "b"]), [{"$project": {"address.region": 1, "b": 1}}]),
    (NEW.project({REGION: 1, "r": REGION}), [{"$project": {"address.region": 1, "r": "$address.region"}}]),
    (NEW.add_fields({"a": {"$toUpper": [REGION]}}), [{"$addFields": {"a": {"$toUpper": ["$address.region"]}}}]),
    (NEW.set_fields({REGION: None}), [{"$set": {"address.region": None}}]),
    (NEW.unset_fields(["a", REGION]), [{"$unset": ["a", "address.region"]}]),
    (NEW.unset_fields("a", ("b", "c"), REGION), [{"$unset": ["a", "b", "c", "address.region"]}]),
    (NEW.replace_root(REGION), [{"$replaceRoot": {"newRoot": "$address.region"}}]),
    (NEW.replace_with(REGION), [{"$replaceWith": "$address.region"}]),
    (NEW.redact(REGION), [{"$redact": "$address.region"}]),
    (NEW.unwind(REGION), [{"$unwind": {"path": "$address.region"}}]),
    (
        NEW.unwind("$a", include_array_index=REGION, preserve_null_and_empty_arrays=False),
        [{"$unwind": {"path": "$a", "includeArrayIndex": "address.region", "preserveNullAndEmptyArrays": False}}],
    ),
    (
        NEW.group(REGION, {"n": {"$sum": REGION}}),
        [{"$group": {"_id": "$address.region", "n": {"$sum": "$address.region"}}}],
    ),
    (NEW.group({"r": REGION}), [{"$group": {"_id": {"r": "$address.region"}}}]),
    (
        NEW.bucket(REGION, boundaries=(0, 1), default="x", output={"n": {"$sum": 1}}),
        [
            {
                "$bucket": {
                    "groupBy": "$address.region",
                    "boundaries": [0, 1],
                    "default": "x",
                    "output": {"n": {"$sum": 1}},
                }
            }
        ],
    ),
    (
        NEW.bucket_auto(REGION, buckets=3, output={"n": {"$sum": 1}}, granularity="E6"),
        [
            {
                "$bucketAuto": {
                    "groupBy": "$address.region",
                    "buckets": 3,
                    "output": {"n": {"$sum": 1}},
                    "granularity": "E6",
                }
            }
        ],
    ),
    (
        NEW.bucket("$a", boundaries=[0, 1], default=None),
        [{"$bucket": {"groupBy": "$a", "boundaries": [0, 1], "default": None}}],
    ),
    (NEW.sort_by_count(REGION), [{"$sortByCount": "$address.region"}]),
    (NEW.facet({"a": NEW.limit(1), "b": ({"$limit": 2},)}), [{"$facet": {"a": [{"$limit": 1}], "b": [{"$limit": 2}]}}]),
    (
        NEW.set_window_fields(partition_by=REGION, sort_by=[("a", -1)], output={REGION: {"$rank": {}}}),
        [
            {
                "$setWindowFields": {
                    "partitionBy": "$address.region",
                    "sortBy": {"a": -1},
                    "output": {"address.region": {"$rank": {}}},
                }
            }
        ],
    ),
    (
        NEW.densify(REGION, step=2, bounds=(1, 9), partition_by_fields=[REGION.path + "2"]),
        [
            {
                "$densify": {
                    "field": "address.region",
                    "partitionByFields": ["address.region2"],
                    "range": {"step": 2, "bounds": [1, 9]},
                }
            }
        ],
    ),
    (
        NEW.fill(partition_by={"r": REGION}, output={REGION: {"value": 1}}),
        [{"$fill": {"partitionBy": {"r": "$address.region"}, "output": {"address.region": {"value": 1}}}}],
    ),
    (
        NEW.lookup("c", local_field=REGION, foreign_field=REGION, as_=REGION),
        [
            {
                "$lookup": {
                    "from": "c",
                    "localField": "address.region",
                    "foreignField": "address.region",
                    "as": "address.region",
                }
            }
        ],
    ),
    (
        NEW.lookup_pipeline(
            "c", pipeline=NEW.limit(1), as_="x", let={"r": REGION}, local_field=REGION, foreign_field="b"
        ),
        [
            {
                "$lookup": {
                    "from": "c",
                    "localField": "address.region",
                    "foreignField": "b",
                    "let": {"r": "$address.region"},
                    "pipeline": [{"$limit": 1}],
                    "as": "x",
                }
            }
        ],
    ),
    (
        NEW.graph_lookup("c", **WALK, max_depth=0, depth_field="d", restrict_search_with_match={"a": 1}),
        [
            {
                "$graphLookup": {
                    "from": "c",
                    "startWith": "$a",
                    "connectFromField": "a",
                    "connectToField": "b",
                    "as": "x",
                    "maxDepth": 0,
                    "depthField": "d",
                    "restrictSearchWithMatch": {"a": 1},
                }
            }
        ],
    ),
    (NEW.union_with("c"), [{"$unionWith": {"coll": "c"}}]),
    (NEW.union_with("c", NEW.limit(1)), [{"$unionWith": {"coll": "c", "pipeline": [{"$limit": 1}]}}]),
    (NEW.out("c"), [{"$out": "c"}]),
    (NEW.out("c", database="d"), [{"$out": {"db": "d", "coll": "c"}}]),
    (
        NEW.merge(
            "c", on=["a", REGION], when_matched=NEW.unset_fields("b"), when_not_matched="fail", let={"r": REGION}
        ),
        [
            {
                "$merge": {
                    "into": "c",
                    "on": ["a", "address.region"],
                    "let": {"r": "$address.region"},
                    "whenMatched": [{"$unset": ["b"]}],
                    "whenNotMatched": "fail",
                }
            }
        ],
    ),
    (
        NEW.merge({"db": "d", "coll": "c"}, on=REGION),
        [{"$merge": {"into": {"db": "d", "coll": "c"}, "on": "address.region"}}],
    ),
    (
        NEW.geo_near(
            {"type": "Point", "coordinates": (1, 2)}, distance_field=REGION, key="k", include_locs="l", query={}
        ),
        [
            {
                "$geoNear": {
                    "near": {"type": "Point", "coordinates": [1, 2]},
                    "distanceField": "address.region",
                    "key": "k",
                    "query": {},
                    "includeLocs": "l",
                }
            }
        ],
    ),
    (
        NEW.search(
            TEXT,
            index="i",
            highlight={"path": "title"},
            concurrent=True,
            count={"type": "total"},
            search_after="t",
            score_details=True,
            sort={"a": 1},
            return_stored_source=False,
            return_scope={"path": "p"},
            tracking={"searchTerms": "tea"},
        ),
        [
            {
                "$search": {
                    "index": "i",
                    **TEXT,
                    "highlight": {"path": "title"},
                    "concurrent": True,
                    "count": {"type": "total"},
                    "searchAfter": "t",
                    "scoreDetails": True,
                    "sort": {"a": 1},
                    "returnStoredSource": False,
                    "returnScope": {"path": "p"},
                    "tracking": {"searchTerms": "tea"},
                }
            }
        ],
    ),
    (NEW.search_meta(TEXT, index="i"), [{"$searchMeta": {"index": "i", **TEXT}}]),
    (
        NEW.vector_search(**VECTOR, num_candidates=9, filter={"a": 1}),
        [
            {
                "$vectorSearch": {
                    "filter": {"a": 1},
                    "index": "i",
                    "limit": 5,
                    "numCandidates": 9,
                    "path": "v",
                    "queryVector": [0.5, 1],
                }
            }
        ],
    ),
    (NEW.list_search_indexes(id="x"), [{"$listSearchIndexes": {"id": "x"}}]),
    (
        NEW.coll_stats(latency_stats=True, storage_stats=True, count=True, query_exec_stats=True),
        [{"$collStats": {"latencyStats": {}, "storageStats": {}, "count": {}, "queryExecStats": {}}}],
    ),
    (NEW.coll_stats(storage_stats={"scale": 2}), [{"$collStats": {"storageStats": {"scale": 2}}}]),
    (NEW.list_sessions(users=[{"user": "u", "db": "d"}]), [{"$listSessions": {"users": [{"user": "u", "db": "d"}]}}]),
    (NEW.documents("$$xs"), [{"$documents": "$$xs"}]),
    (NEW.stage("$newerThanThis", {"a": [1]}).limit(1), [{"$newerThanThis": {"a": [1]}}, {"$limit": 1}]),
    (NEW.match_stage({}).skip(0).geo_near([1, 2], distance_field="d").limit(1), None),
    (
        NEW.limit(1) + NEW.stage("$newerThanThis", 1) + [{"$skip": 1}],
        [{"$limit": 1}, {"$newerThanThis": 1}, {"$skip": 1}],
    ),
]

REFUSED = [
    (lambda: NEW.limit(0), "0.$limit", "positive"),
    (lambda: NEW.skip(1).limit(-1), "1.$limit", "positive"),
    (lambda: NEW.skip(-1), "0.$skip", "not negative"),
    (lambda: NEW.sample(-1), "0.$sample.size", "not negative"),
    (lambda: NEW.match_stage({"a": {"$gte ": 1}}), "0.$match.a.$gte ", "did you mean"),
    (lambda: NEW.match_stage([]), "0.$match", "mapping"),
    (lambda: NEW.sort({}), "0.$sort", "not empty"),
    (lambda: NEW.sort([]), "0.$sort", "not empty"),
    (lambda: NEW.sort({"a": 2}), "0.$sort.a", "1, -1"),
    (lambda: NEW.sort([("a", 1), ("a", -1)]), "$sort", "twice"),
    (lambda: NEW.sort([("a", 1, 2)]), "$sort", "directions"),
    (lambda: NEW.sort(1), "$sort", "list"),
    (lambda: NEW.group("$a", {"n": 1}), "0.$group.n", "one operator"),
    (lambda: NEW.group("$a", {"n": {}}), "0.$group.n", "one operator"),
    (lambda: NEW.group("$a", {"_id": "$b"}), "$group._id", "twice"),
    (lambda: NEW.group(None, {REGION: {"$sum": 1}, REGION.path: {"$sum": 2}}), "$group", "twice"),
    (lambda: NEW.add_fields({REGION: 1, REGION.path: 2}), "$addFields", "twice"),
    (lambda: NEW.group("$a", [1]), "$group", "document of fields"),
    (lambda: NEW.project({"a": 1, "b": 0}), "0.$project.b", "keeps or drops"),
    (lambda: NEW.project({}), "0.$project", "not empty"),
    (lambda: NEW.project([]), "0.$project", "not empty"),
    (lambda: NEW.project("a"), "$project", "list"),
    (lambda: NEW.project({1: 1}), "0.$project", "str, not int"),
    (lambda: NEW.add_fields([1]), "$addFields", "document of fields"),
    (NEW.unset_fields, "0.$unset", "name of a field"),
    (lambda: NEW.unset_fields("a", "a.b"), "0.$unset.a.b", "twice"),
    (lambda: NEW.replace_root(1), "0.$replaceRoot.newRoot", "expression"),
    (lambda: NEW.unwind("$"), "0.$unwind.path", "path"),
    (lambda: NEW.count(""), "0.$count", "new field"),
    (lambda: NEW.facet({}), "0.$facet", "not empty"),
    (lambda: NEW.facet([]), "0.$facet", "not empty"),
    (lambda: NEW.facet({"a": None}), "0.$facet.a", "sequence"),
    (lambda: NEW.facet({"a": NEW.out("c")}), "0.$facet.a.0.$out", "inside"),
    (lambda: NEW.facet({"a": NEW.facet({"b": []})}), "0.$facet.a.0.$facet", "inside"),
    (lambda: NEW.facet({"a": NEW.index_stats()}), "0.$facet.a.0.$indexStats", "inside"),
    (lambda: NEW.bucket("$a", boundaries=[1]), "0.$bucket.boundaries", "two"),
    (lambda: NEW.bucket("$a", boundaries=[2, 1]), "0.$bucket.boundaries.1", "not greater"),
    (lambda: NEW.bucket("$a", boundaries="ab"), "$bucket.boundaries", "list"),
    (lambda: NEW.bucket_auto("$a", buckets=0), "0.$bucketAuto.buckets", "at least 1"),
    (lambda: NEW.set_window_fields(output={"a": {"$rank": {}}}), "0.$setWindowFields.output.a.$rank", "sortBy"),
    (lambda: NEW.densify("a", step=0, bounds="full"), "0.$densify.range.step", "above 0"),
    (lambda: NEW.densify("a", step=1, bounds="full", partition_by_fields="b"), "$densify.partitionByFields", "list"),
    (
        lambda: NEW.fill(output={"a": {"value": 1}}, partition_by={"b": "$b"}, partition_by_fields=["b"]),
        "0.$fill",
        "not both",
    ),
    (lambda: NEW.fill(output={}), "0.$fill.output", "not empty"),
    (lambda: NEW.lookup("", local_field="a", foreign_field="b", as_="x"), "0.$lookup.from", "text"),
    (lambda: NEW.lookup_pipeline("c", pipeline=NEW.merge("d"), as_="x"), "0.$lookup.pipeline.0.$merge", "inside"),
    (lambda: NEW.lookup_pipeline("c", pipeline=[{}], as_="x"), "0.$lookup.pipeline.0", "exactly one"),
    (lambda: NEW.lookup_pipeline(None, pipeline=[], as_="x"), "0.$lookup", "\\$documents"),
    (lambda: NEW.lookup_pipeline("c", pipeline=[], as_="x", local_field="a"), "0.$lookup", "or neither"),
    (
        lambda: NEW.lookup_pipeline("c", pipeline=NEW.match_stage({}).geo_near([1, 2], distance_field="d"), as_="x"),
        "0.$lookup.pipeline.1.$geoNear",
        "first",
    ),
    (lambda: NEW.graph_lookup("c", **WALK, max_depth=-1), "0.$graphLookup.maxDepth", "at least 0"),
    (lambda: NEW.union_with("c", NEW.out("d")), "0.$unionWith.pipeline.0.$out", "inside"),
    (lambda: NEW.union_with(None), "0.$unionWith", "collection"),
    (lambda: NEW.out(""), "0.$out", "text"),
    (lambda: NEW.merge("c", when_matched="x"), "0.$merge.whenMatched", "one of"),
    (lambda: NEW.merge("c", when_matched=NEW.limit(1)), "0.$merge.whenMatched.0.$limit", "update"),
    (lambda: NEW.merge("c", on=[]), "0.$merge.on", "at least one"),
    (lambda: NEW.geo_near([1, 2], distance_field="d", max_distance=-1), "0.$geoNear.maxDistance", "not negative"),
    (lambda: NEW.search({}), "$search", "operator"),
    (lambda: NEW.search("tea"), "$search", "operator"),
    (lambda: NEW.search(TEXT, search_after="a", search_before="b"), "$search", "not both"),
    (lambda: NEW.search({**TEXT, "index": "a"}, index="b"), "$search.index", "twice"),
    (lambda: NEW.search_meta({**TEXT, "count": {}}, count={}), "$searchMeta.count", "twice"),
    (lambda: NEW.vector_search(**VECTOR), "$vectorSearch", "numCandidates"),
    (lambda: NEW.vector_search(**VECTOR, exact=False), "$vectorSearch", "numCandidates"),
    (lambda: NEW.vector_search(**VECTOR, exact=True, num_candidates=9), "0.$vectorSearch", "not both"),
    (lambda: NEW.vector_search(**VECTOR, num_candidates=4), "0.$vectorSearch.numCandidates", "as many"),
    (lambda: NEW.vector_search(**{**VECTOR, "query_vector": []}, exact=True), "$vectorSearch.queryVector", "number"),
    (lambda: NEW.vector_search(**{**VECTOR, "query_vector": ["x"]}, exact=True), "$vectorSearch.queryVector", "number"),
    (lambda: NEW.list_search_indexes(id="a", name="b"), "$listSearchIndexes", "not both"),
    (lambda: NEW.list_sessions(all_users=True, users=[{"user": "u", "db": "d"}]), "0.$listSessions", "not both"),
    (lambda: NEW.change_stream(resume_after={}, start_after={}), "0.$changeStream", "not several"),
    (lambda: NEW.stage("match", {}), "", "begins with"),
    (lambda: NEW.stage("$", {}), "", "begins with"),
    (lambda: NEW.stage(1, {}), "", "begins with"),
    (lambda: NEW.stage("$limit", 0), "0.$limit", "positive"),
    (lambda: NEW.stage("$a\0", {}), r"0.$a\x00", "NUL"),
    (lambda: NEW.stage("$newerThanThis", {1: 1}), "0.$newerThanThis", "str, not int"),
    (lambda: NEW.out("c").stage("$newerThanThis", 1), "0.$out", "last"),
    (lambda: NEW.limit(1) + MISSPELT, "1.$macth", "did you mean"),
    (lambda: NEW.limit(1) + NUMBERS, "1", "a stage is a document"),
    (lambda: NEW + {"$limit": 1}, "", "sequence of stages, not dict"),
    (lambda: NEW + NEW.limit(1).out("c") + NEW.limit(1), "1.$out", "last"),
]

NOT_FIRST = ["$changeStream", "$collStats", "$currentOp", "$documents", "$geoNear", "$indexStats", "$listLocalSessions"]
NOT_FIRST += ["$listSessions", "$planCacheStats", "$search", "$searchMeta", "$vectorSearch", "$listSearchIndexes"]


@pytest.mark.parametrize(("name", "pipeline"), STAGES.items())
def test_every_stage_of_6_0_has_a_method(name, pipeline):
    assert [list(stage) for stage in pipeline] == [[name]]
    validate_pipeline(pipeline)


@pytest.mark.parametrize(("pipeline", "expected"), [case for case in BUILT if case[1] is not None])
def test_a_method_builds_its_stage(pipeline, expected):
    assert pipeline.build() == expected


@pytest.mark.parametrize("pipeline", [case[0] for case in BUILT if "newer" not in repr(case[0])])
def test_what_was_built_is_a_good_pipeline(pipeline):
    validate_pipeline(pipeline.build())


@pytest.mark.parametrize(("call", "path", "reason"), REFUSED)
def test_a_method_refuses_what_its_stage_cannot_be(call, path, reason):
    with pytest.raises(InvalidDocumentError, match=reason) as caught:
        call()
    assert caught.value.path == path


@pytest.mark.parametrize("name", NOT_FIRST)
def test_a_stage_that_must_be_the_first_may_not_follow(name):
    ((_, spec),) = (stage.popitem() for stage in STAGES[name])
    with pytest.raises(InvalidDocumentError, match="first") as caught:
        NEW.limit(1).stage(name, spec)
    assert caught.value.path == f"1.{name}"


@pytest.mark.parametrize("last", ["$out", "$merge", "$changeStreamSplitLargeEvent"])
@pytest.mark.parametrize("name", ["$limit", "$match", "$out"])
def test_nothing_may_follow_a_stage_that_must_be_the_last(last, name):
    ((_, spec),) = (stage.popitem() for stage in STAGES[name])
    with pytest.raises(InvalidDocumentError, match="must be the last") as caught:
        STAGES[last].stage(name, spec)
    assert caught.value.path == f"0.{last}"


def test_no_refusal_tells_a_value():
    with pytest.raises(InvalidDocumentError) as caught:
        NEW.group("$a", {"n": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_method_leaves_its_builder_as_it_was():
    begin = NEW.limit(1)
    begin.skip(2)
    begin.out("c")
    assert begin.build() == [{"$limit": 1}]
    assert NEW.build() == []


def test_what_the_caller_changes_later_changes_nothing():
    deep = {"$in": [1]}
    inner = [{"$limit": 1}]
    fields = {"n": {"$sum": ["$a"]}}
    vector = [0.5]
    pipeline = (
        NEW.vector_search(index="i", path="v", query_vector=vector, limit=1, exact=True)
        .match_stage({"a": deep})
        .facet({"f": inner})
        .group(None, fields)
    )
    before = copy.deepcopy(pipeline.build())

    deep["$in"].append(2)
    inner.append({"$limit": 2})
    fields["n"]["$sum"].append("$b")
    vector.append(1)

    assert pipeline.build() == before


def test_what_is_built_is_the_caller_s_own():
    pipeline = NEW.match_stage({"a": {"$in": [1]}})
    pipeline.build()[0]["$match"]["a"]["$in"].append(2)
    next(iter(pipeline))["$match"].clear()
    assert pipeline.build() == [{"$match": {"a": {"$in": [1]}}}]


def test_a_vector_of_bson_stays_one():
    vector = Binary.from_vector([1, 2], BinaryVectorDtype.INT8)
    (stage,) = NEW.vector_search(index="i", path="v", query_vector=vector, limit=1, exact=True).build()
    assert stage["$vectorSearch"]["queryVector"] is vector


ADDED = {"$add": [REGION, 1]}
ADDED_PATHS = {"$add": ["$address.region", 1]}
IN_EXPRESSION = {"$and": [{"$expr": {"$gt": [REGION, 1]}}]}
EXPRESSED = {"$and": [{"$expr": {"$gt": ["$address.region", 1]}}]}
PARTS = {"connect_from_field": "a", "connect_to_field": "b", "as_": "x"}


@pytest.mark.parametrize(
    ("made", "path", "expected"),
    [
        (NEW.match_stage(IN_EXPRESSION), ["$match"], EXPRESSED),
        (NEW.lookup_pipeline("c", let={"b": ADDED}, pipeline=[], as_="x"), ["$lookup", "let", "b"], ADDED_PATHS),
        (
            NEW.lookup_pipeline("c", pipeline=[{"$match": IN_EXPRESSION}], as_="x"),
            ["$lookup", "pipeline", 0, "$match"],
            EXPRESSED,
        ),
        (NEW.graph_lookup("c", start_with=[REGION], **PARTS), ["$graphLookup", "startWith"], ["$address.region"]),
        (
            NEW.graph_lookup("c", start_with="$a", restrict_search_with_match=IN_EXPRESSION, **PARTS),
            ["$graphLookup", "restrictSearchWithMatch"],
            EXPRESSED,
        ),
        (NEW.facet({"f": [{"$set": {"s": ADDED}}]}), ["$facet", "f", 0, "$set", "s"], ADDED_PATHS),
        (NEW.union_with("c", [{"$set": {"s": ADDED}}]), ["$unionWith", "pipeline", 0, "$set", "s"], ADDED_PATHS),
        (NEW.union_with("c"), ["$unionWith"], {"coll": "c"}),
        (
            NEW.merge("c", when_matched=[{"$set": {"s": ADDED}}], let={"v": ADDED}),
            ["$merge", "whenMatched", 0, "$set", "s"],
            ADDED_PATHS,
        ),
        (
            NEW.merge("c", when_matched=[{"$set": {"s": ADDED}}], let={"v": ADDED}),
            ["$merge", "let", "v"],
            ADDED_PATHS,
        ),
        (NEW.merge("c", when_matched="fail"), ["$merge", "whenMatched"], "fail"),
        (NEW.geo_near([1, 2], distance_field="d", query=IN_EXPRESSION), ["$geoNear", "query"], EXPRESSED),
        (NEW.stage("$group", {"_id": {"r": [REGION]}}), ["$group", "_id", "r"], ["$address.region"]),
        (NEW.stage("$project", {"r": ADDED}), ["$project", "r"], ADDED_PATHS),
    ],
)
def test_a_field_stands_for_its_value_in_every_expression(made, path, expected):
    (found,) = made.build()
    for step in path:
        found = found[step]
    assert found == expected


def test_builders_of_the_same_stages_are_equal():
    assert PipelineBuilder() == NEW
    assert NEW.limit(1).skip(1) == NEW + PLAIN
    assert NEW.match_stage(OrderedDict(a=[1, {"b": 2}])) == NEW.match_stage({"a": [1, {"b": 2}]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NEW.limit(1), NEW),
        (NEW.limit(1), NEW.limit(2)),
        (NEW.limit(1).skip(1), NEW.skip(1).limit(1)),
        (NEW.sort({"a": 1, "b": 1}), NEW.sort({"b": 1, "a": 1})),
        (NEW.match_stage({"a": {"$in": [1, 2]}}), NEW.match_stage({"a": {"$in": [1]}})),
        (NEW.match_stage({"a": {"$in": [1]}}), NEW.match_stage({"a": {"$eq": [1]}})),
        (NEW.match_stage({"a": {}}), NEW.match_stage({"a": []})),
        (NEW.match_stage({"a": []}), NEW.match_stage({"a": {}})),
        (NEW.limit(1), [{"$limit": 1}]),
    ],
)
def test_other_stages_another_order_or_other_types_are_not_equal(one, other):
    assert one != other


def test_a_builder_has_no_hash_and_cannot_be_changed():
    with pytest.raises(TypeError, match="unhashable"):
        hash(NEW)
    with pytest.raises(FrozenInstanceError):
        NEW._stages = ()
    with pytest.raises((AttributeError, TypeError)):
        NEW.other = 1


def test_a_builder_tells_its_stages():
    assert repr(NEW.limit(1).unwind("a")) == "PipelineBuilder([{'$limit': 1}, {'$unwind': {'path': '$a'}}])"


def test_a_builder_is_counted_copied_and_pickled():
    pipeline = NEW.limit(1).skip(1)
    assert (len(NEW), len(pipeline)) == (0, 2)
    assert copy.deepcopy(pipeline) == pipeline
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline


STEPS = st.sampled_from([pipeline.build()[0] for pipeline in STAGES.values()])


@given(st.lists(STEPS, max_size=4))
def test_the_builder_refuses_what_validation_refuses(stages):
    try:
        validate_pipeline(stages)
    except InvalidDocumentError as error:
        refused = error.path
    else:
        refused = None

    pipeline, told = NEW, None
    try:
        for stage in stages:
            ((name, spec),) = stage.items()
            pipeline = pipeline.stage(name, spec)
    except InvalidDocumentError as error:
        told = error.path

    assert told == refused
    assert told is not None or pipeline.build() == stages
