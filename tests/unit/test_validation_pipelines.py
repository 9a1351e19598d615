"""Pipelines: their stages, where each may stand, and the pipelines and filters inside them."""

import collections

import bson
import pytest
from bson import SON, Decimal128, Int64
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation import validate_pipeline

NEAR = {"near": {"type": "Point", "coordinates": [1, 2]}, "distanceField": "d"}
GRAPH = {"from": "c", "startWith": "$a", "connectFromField": "a", "connectToField": "b", "as": "x"}


def lookup(*stages):
    return {"$lookup": {"from": "c", "let": {"x": "$a"}, "as": "out", "pipeline": list(stages)}}


def union(*stages):
    return {"$unionWith": {"coll": "c", "pipeline": list(stages)}}


def facet(*stages):
    return {"$facet": {"f": list(stages)}}


GOOD = [
    [],
    (),
    [{"$match": {"a": 1}}],
    ({"$match": {}}, {"$limit": 1}),
    [{"$match": {"$expr": {"$eq": ["$a", {"$literal": 1}]}, "$comment": "x"}}],
    [{"$group": {"_id": "$r", "count": {"$sum": 1}}}, {"$sort": {"count": -1}}, {"$limit": 10}],
    [{"$project": {"a": 1, "b": {"$concat": ["$c", "x"]}}}, {"$set": {}}, {"$addFields": {"a.b": 1}}],
    [{"$limit": 5.0}, {"$skip": 0}, {"$skip": Int64(5)}, {"$limit": Decimal128("3")}],
    [{"$sample": {"size": 0}}, {"$sample": {"size": 1.5}}, {"$sample": {"size": Decimal128("2")}}],
    [{"$sort": {"a": 1, "b": -1.0, "c": {"$meta": "textScore"}, "d": 1.9}}],
    [{"$unset": "a"}, {"$unset": ["a", "b.c"]}, {"$count": "n"}],
    [{"$unwind": "$a"}, {"$unwind": {"path": "$a", "preserveNullAndEmptyArrays": True}}],
    [{"$replaceRoot": {"newRoot": "$a"}}, {"$replaceWith": "$a"}, {"$redact": "$$KEEP"}],
    [{"$sortByCount": "$a"}, {"$sortByCount": {"$add": [1, "$a"]}}],
    [{"$bucket": {"groupBy": "$a", "boundaries": [1, 2]}}, {"$bucketAuto": {"groupBy": "$a", "buckets": 2}}],
    [{"$setWindowFields": {"output": {"x": {"$sum": "$a"}}}}, {"$densify": {"field": "a"}}, {"$fill": {"output": {}}}],
    [{"$out": "c"}],
    [{"$match": {}}, {"$out": {"db": "d", "coll": "c"}}],
    [{"$merge": "c"}],
    [{"$merge": {"into": "c", "whenMatched": [{"$set": {"a": "$$new.a"}}], "whenNotMatched": "insert"}}],
    [{"$merge": {"into": {"db": "d", "coll": "c"}, "whenMatched": "merge"}}],
    [{"$merge": {"into": "c", "whenMatched": []}}],
    [{"$lookup": {"from": "c", "localField": "a", "foreignField": "b", "as": "x"}}],
    [lookup(), lookup({"$match": {"$expr": {"$eq": ["$a", "$$x"]}}}, lookup({"$limit": 1}))],
    [{"$lookup": {"as": "x", "pipeline": [{"$documents": [{"a": 1}]}]}}],
    [lookup({"$indexStats": {}}), lookup({"$geoNear": NEAR}), lookup(facet({"$limit": 1}))],
    [{"$unionWith": "c"}, {"$unionWith": {"coll": "c"}}, union({"$match": {}}, union({"$limit": 1}))],
    [{"$unionWith": {"pipeline": [{"$documents": [{"a": 1}]}]}}],
    [{"$facet": {"a": [], "b": [{"$limit": 1}, lookup({"$limit": 1}), {"$unionWith": "c"}], "c": ({"$count": "n"},)}}],
    [{"$graphLookup": {**GRAPH, "restrictSearchWithMatch": {"a": {"$gt": 1}}}}],
    [{"$geoNear": {**NEAR, "query": {"a": {"$gt": 1}}}}],
    [{"$match": {}}, {"$skip": 0}, {"$geoNear": NEAR}],
    [{"$collStats": {"count": {}}}, {"$match": {}}],
    *([{stage: {}}] for stage in ("$indexStats", "$planCacheStats", "$changeStream", "$listSessions", "$currentOp")),
    *([{stage: {}}] for stage in ("$search", "$searchMeta", "$vectorSearch", "$queryStats", "$listSearchIndexes")),
    *([{stage: {}}] for stage in ("$listCatalog", "$querySettings", "$listSampledQueries", "$shardedDataDistribution")),
    [{"$listLocalSessions": {}}, {"$match": {}}],
    [{"$documents": [{"a": 1}]}, {"$match": {"a": 1}}],
    [{"$changeStream": {}}, {"$match": {}}, {"$changeStreamSplitLargeEvent": {}}],
    [{"$_internalInhibitOptimization": {}}, {"$match": {}}],
    [lookup({"$search": {"text": {"query": "x", "path": "a"}}})],
    [SON({"$match": SON(a=1)}), collections.UserDict({"$limit": 1})],
    [RawBSONDocument(bson.encode({"$facet": {"a": [{"$match": {"a": {"$gt": 1}}}]}}))],
    collections.deque([{"$limit": 1}]),
]

BAD = [
    ([{}], "0", "exactly one"),
    ([{"$match": {}, "$limit": 1}], "0", "exactly one"),
    ([{"$match": {}}, 1], "1", "a stage is a document"),
    ([None], "0", "a stage is a document"),
    ([["$match"]], "0", "a stage is a document"),
    ([{"match": {}}], "0.match", "did you mean '\\$match'"),
    ([{"a": 1}], "0.a", "begins with"),
    ([{1: 1}], "0", "str, not int"),
    ([{"$matches": {}}], "0.$matches", "did you mean '\\$match'"),
    ([{"$addfields": {}}], "0.$addfields", "did you mean '\\$addFields'"),
    ([{"$gt": 1}], "0.$gt", "unknown stage"),
    ([{"$match": 1}], "0.$match", "a mapping"),
    ([{"$match": []}], "0.$match", "a mapping"),
    ([{"$limit": 1}, {"$match": {"$or": [{"a": {"$nope": 1}}]}}], "1.$match.$or.0.a.$nope", "unknown query operator"),
    ([{"$match": {"$where": "1"}}], "0.$match.$where", "\\$expr"),
    ([{"$match": {"$or": [{"a": {"$near": [1, 2]}}]}}], "0.$match.$or.0.a.$near", "\\$geoNear"),
    *(([{"$limit": value}], "0.$limit", "positive") for value in (0, -1, 1.5, "1", True, None, {}, float("inf"))),
    *(([{"$skip": value}], "0.$skip", "not negative") for value in (-1, 1.5, "1", True, None, float("nan"))),
    *(([{"$sample": value}], "0.$sample", "size") for value in (1, {}, {"size": 1, "x": 1}, {"n": 1})),
    *(([{"$sample": {"size": value}}], "0.$sample.size", "not negative") for value in (-1, "x", True, None)),
    *(([{"$sort": value}], "0.$sort", "not empty") for value in (1, {}, [("a", 1)], None)),
    *(
        ([{"$sort": {"a": value}}], "0.$sort.a", "takes 1, -1")
        for value in (0, 2, "x", True, None, {}, {"x": 1}, {"$meta": 1}, {"$meta": "x", "y": 1}, 0.5)
    ),
    *(([{"$group": value}], "0.$group", "_id") for value in (1, {}, {"n": {"$sum": 1}})),
    *(([{"$count": value}], "0.$count", "new field") for value in ("", "$a", "a.b", 1, None)),
    *(([{"$project": value}], "0.$project", "not empty") for value in (1, {}, [])),
    *(([{"$unset": value}], "0.$unset", "name of a field") for value in ("", [], [1], 1, ["a", ""])),
    *(
        ([{stage: 1}], f"0.{stage}", "document")
        for stage in ("$set", "$addFields", "$replaceRoot", "$bucket", "$search")
    ),
    *(([{stage: 1}], f"0.{stage}", "text or a document") for stage in ("$out", "$merge", "$unwind", "$sortByCount")),
    ([{"$out": ""}], "0.$out", "text or a document"),
    ([{"$out": "c"}, {"$match": {}}], "0.$out", "last"),
    ([{"$merge": "c"}, {"$limit": 1}], "0.$merge", "last"),
    ([{"$changeStreamSplitLargeEvent": {}}, {"$match": {}}], "0.$changeStreamSplitLargeEvent", "last"),
    *(
        ([{"$match": {}}, {stage: {}}], f"1.{stage}", "first")
        for stage in ("$collStats", "$indexStats", "$planCacheStats", "$changeStream", "$search", "$vectorSearch")
    ),
    ([{"$limit": 1}, {"$geoNear": NEAR}], "1.$geoNear", "first"),
    ([{"$match": {"a": 1}}, {"$geoNear": NEAR}], "1.$geoNear", "first"),
    ([lookup({"$match": {}}, {"$geoNear": NEAR})], "0.$lookup.pipeline.1.$geoNear", "first"),
    ([{"$match": {}}, {"$documents": []}], "1.$documents", "first"),
    ([lookup({"$limit": 1}, {"$indexStats": {}})], "0.$lookup.pipeline.1.$indexStats", "first"),
    ([lookup({"$out": "x"})], "0.$lookup.pipeline.0.$out", "inside another"),
    ([union({"$merge": "x"})], "0.$unionWith.pipeline.0.$merge", "inside another"),
    ([union({"$changeStream": {}})], "0.$unionWith.pipeline.0.$changeStream", "inside another"),
    (
        [lookup(union(lookup({"$out": "x"})))],
        "0.$lookup.pipeline.0.$unionWith.pipeline.0.$lookup.pipeline.0.$out",
        "in",
    ),
    *(
        ([facet({stage: {}})], f"0.$facet.f.0.{stage}", "inside \\$facet")
        for stage in ("$out", "$merge", "$facet", "$collStats", "$indexStats", "$geoNear", "$planCacheStats", "$search")
    ),
    ([facet(lookup({"$indexStats": {}}))], "0.$facet.f.0.$lookup.pipeline.0.$indexStats", "inside \\$facet"),
    ([lookup(facet({"$out": "x"}))], "0.$lookup.pipeline.0.$facet.f.0.$out", "inside"),
    ([facet(union(facet()))], "0.$facet.f.0.$unionWith.pipeline.0.$facet", "inside \\$facet"),
    *(([{"$facet": value}], "0.$facet", "pipelines") for value in (1, {}, [])),
    *(([{"$facet": {"a": value}}], "0.$facet.a", "sequence of stages") for value in (1, {}, None, "x")),
    *(([{"$facet": {name: []}}], f"0.$facet.{name}", "output") for name in ("$a", "a.b", "")),
    ([facet({})], "0.$facet.f.0", "exactly one"),
    ([facet({"$match": {"a": {"$nope": 1}}})], "0.$facet.f.0.$match.a.$nope", "unknown query operator"),
    *(([{"$lookup": value}], "0.$lookup", "'as'") for value in (1, {}, {"from": "c"})),
    ([{"$lookup": {"from": "c", "as": "x", "pipeline": 1}}], "0.$lookup.pipeline", "sequence of stages"),
    ([{"$lookup": {"from": "c", "as": "x", "let": {"a\0": 1}}}], r"0.$lookup.let.a\x00", "NUL"),
    *(([{"$unionWith": value}], "0.$unionWith", "name of a collection") for value in (1, {}, [], {"x": 1})),
    *(([{"$graphLookup": value}], "0.$graphLookup", "document") for value in (1, [])),
    (
        [{"$graphLookup": {**GRAPH, "restrictSearchWithMatch": {"a": {"$nope": 1}}}}],
        "0.$graphLookup.restrictSearchWithMatch.a.$nope",
        "unknown query operator",
    ),
    (
        [{"$graphLookup": {**GRAPH, "restrictSearchWithMatch": {"$where": "1"}}}],
        "0.$graphLookup.restrictSearchWithMatch.$where",
        "may not stand",
    ),
    ([{"$geoNear": 1}], "0.$geoNear", "document"),
    ([{"$geoNear": {**NEAR, "query": {"a": {"$nope": 1}}}}], "0.$geoNear.query.a.$nope", "unknown query operator"),
    ([{"$geoNear": {**NEAR, "query": 1}}], "0.$geoNear.query", "a mapping"),
    (
        [{"$merge": {"into": "c", "whenMatched": [{"$match": {}}]}}],
        "0.$merge.whenMatched.0.$match",
        "may not stand in an update",
    ),
    ([{"$merge": {"into": "c", "whenMatched": 1}}], "0.$merge.whenMatched", "sequence of stages"),
    ([{"$set": {"a": {"b\0": 1}}}], r"0.$set.a.b\x00", "NUL"),
    ([{"$set": {1: 1}}], "0.$set", "str, not int"),
    ({"$match": {}}, "", "sequence of stages, not dict"),
    ("$match", "", "sequence of stages, not str"),
    (None, "", "sequence of stages, not NoneType"),
    (iter([{"$limit": 1}]), "", "sequence of stages"),
    ([RawBSONDocument(bson.encode({"$match": {"a": {"$nope": 1}}}))], "0.$match.a.$nope", "unknown query operator"),
]


@pytest.mark.parametrize("pipeline", GOOD)
def test_a_good_pipeline_is_taken(pipeline):
    validate_pipeline(pipeline)


@pytest.mark.parametrize(("pipeline", "path", "reason"), BAD)
def test_a_bad_pipeline_is_refused_with_path_and_reason(pipeline, path, reason):
    with pytest.raises(InvalidDocumentError, match=reason) as caught:
        validate_pipeline(pipeline)
    assert caught.value.path == path


@pytest.mark.parametrize("wrap", [lookup, union])
@pytest.mark.parametrize("pipeline", [case[0] for case in BAD if isinstance(case[0], list)])
def test_a_bad_pipeline_is_bad_inside_another(pipeline, wrap):
    with pytest.raises(InvalidDocumentError) as caught:
        validate_pipeline([{"$limit": 1}, wrap(*pipeline)])
    assert ".pipeline." in caught.value.path


def test_the_first_fault_of_the_pipeline_is_the_one_named():
    with pytest.raises(InvalidDocumentError) as caught:
        validate_pipeline([{"$match": {"a": {"$one": 1}}}, {"$match": {"a": {"$two": 1}}}])
    assert caught.value.path == "0.$match.a.$one"


def test_pipelines_within_pipelines_are_bounded():
    pipeline = [{"$limit": 1}]
    for _ in range(1_000):
        pipeline = [lookup(*pipeline)]
    with pytest.raises(InvalidDocumentError, match="nested deeper"):
        validate_pipeline(pipeline)
