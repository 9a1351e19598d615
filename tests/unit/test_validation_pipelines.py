"""Pipelines: their stages, where each may stand, and the pipelines and filters inside them."""

import collections
from datetime import UTC, datetime, timedelta

import bson
import pytest
from bson import SON, DatetimeMS, Decimal128, Int64
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation import validate_pipeline
from llm_devops_mongodb.validation.pipelines import check_pipeline
from llm_devops_mongodb.validation.places import walk

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
    [{"$setWindowFields": {"output": {"x": {"$sum": "$a"}}}}, {"$setWindowFields": {"output": {}}}],
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
    *(([{"$unset": value}], "0.$unset", "name of a field") for value in ("", [], 1, None)),
    *(([{"$unset": ["a", value]}], "0.$unset.1", "path of a field") for value in ("", 1)),
    *(
        ([{stage: 1}], f"0.{stage}", "document")
        for stage in ("$set", "$addFields", "$replaceRoot", "$bucket", "$search", "$bucketAuto", "$densify", "$fill")
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
    ([{"$lookup": {"from": "c", "as": "x", "pipeline": [], "let": {"a\0": 1}}}], r"0.$lookup.let.a\x00", "NUL"),
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


DAY = datetime(2026, 1, 1, tzinfo=UTC)
NEXT_DAY = DAY + timedelta(days=1)


def windowed(spec, **options):
    return {"$setWindowFields": {**options, "output": {"x": spec}}}


def over(sort_by, **window):
    return windowed({"$sum": "$a", "window": window}, sortBy=dict.fromkeys(sort_by, 1))


def densify(step=1, bounds="full", **more):
    return {"$densify": {"field": "a", "range": {"step": step, "bounds": bounds, **more}}}


def bucket(**options):
    return {"$bucket": {"groupBy": "$a", "boundaries": [0, 10], **options}}


def joined(**options):
    return {"$lookup": {"from": "c", "as": "x", **options}}


def merged(**options):
    return {"$merge": {"into": "m", **options}}


# A server of 6.0 takes these, and refuses those.
TAKEN = [
    {"$project": {"a": 1, "b": True, "_id": 0}},
    {"$project": {"_id": 1, "a": 0}},
    {"$project": {"a": 0, "b": False, "c": Decimal128("0")}},
    {"$project": {"a": float("nan"), "b": Decimal128("NaN"), "c": "text", "d": [1], "e": None}},
    {"$project": {"a": {"b": 0, "c": {"d": 0}}, "_id": {"e": 0}}},
    {"$project": {"a": {"b": 1, "c": "$d"}, "a.e": 1, "x": {"$add": [0, 1]}}},
    {"$project": {"a": 0, "b": {"$meta": "indexKey"}}},
    {"$project": {"r.$id": 1, "r.$ref": 1}},
    {"$project": {"a": {"b.c": 1}}},
    {"$set": {"a": {"b": 1}, "a.c": 1, "r.$id": 1}},
    {"$sort": {f"f{number}": 1 for number in range(32)}},
    {"$group": {"_id": None, "": {"$sum": 1}}},
    bucket(default=10),
    bucket(default=-1),
    bucket(default="x", output={"n": {"$sum": 1}}),
    bucket(boundaries=[0, {"$add": [4, 5]}, 20]),
    bucket(groupBy={"$add": ["$a", 1]}, boundaries=[-9, 2.5, Decimal128("99")], default="x"),
    bucket(boundaries=[float("nan"), 1, 7]),
    bucket(boundaries=["B", "a"], default=0),
    bucket(boundaries=[DAY, NEXT_DAY], default=0),
    bucket(boundaries=[False, True], default=0),
    {"$bucketAuto": {"groupBy": "$a", "buckets": 2.0, "granularity": "R5", "output": {"n": {"$sum": 1}}}},
    {"$replaceRoot": {"newRoot": {"a": 1}}},
    {"$replaceWith": {}},
    {"$unwind": {"path": "$a", "includeArrayIndex": "i", "preserveNullAndEmptyArrays": False}},
    {"$sortByCount": "$$ROOT"},
    windowed({"$sum": 1, "window": {}}),
    windowed({"$sum": 1, "window": {"documents": ["unbounded", "unbounded"]}}),
    windowed({"$rank": {}}, sortBy={"a": 1}),
    windowed({"$locf": "$a"}),
    over("a", documents=["current", "current"]),
    over("a", documents=[-1, 1.0]),
    over("a", documents=["current", 1]),
    over("ab", documents=[-1, "current"]),
    over("a", range=[-0.5, 1]),
    densify(),
    densify(bounds=[0, 3]),
    densify(bounds=[2, 2]),
    {"$densify": {"field": "a", "partitionByFields": ["b"], "range": {"step": 1, "bounds": "partition"}}},
    {"$fill": {"output": {"x": {"value": {"$add": [1, 1]}}}, "sortBy": {}, "partitionByFields": []}},
    {"$fill": {"output": {"x": {"method": "linear"}, "y": {"value": 1}}, "sortBy": {"a": 1}}},
    {"$fill": {"output": {"x": {"method": "locf"}}, "partitionBy": {"x": "$b"}}},
    joined(localField="a", foreignField="b", pipeline=[], let={}),
    joined(pipeline=[], let={"é": 1, "aB_9": 1, "CURRENT": "$$ROOT"}),
    joined(pipeline=[{"$documents": [{"a": 1}]}]),
    {"$graphLookup": {**GRAPH, "maxDepth": 2.0, "depthField": "d"}},
    {"$unionWith": {"coll": "c", "pipeline": [{"$documents": []}]}},
    merged(whenMatched=[{"$set": {"z": "$$v"}}], let={"v": 1}),
    merged(whenMatched="keepExisting", whenNotMatched="insert", on=["_id"]),
    {"$merge": {"into": {"coll": "m"}}},
]

REFUSED = [
    *(
        ({"$project": fields}, f"$project.{path}", reason)
        for fields, path, reason in (
            ({"a": 1, "b": 0}, "b", "excluded where a field before it is included"),
            ({"b": 0, "a": 1}, "a", "included where a field before it is excluded"),
            ({"b": 0, "a": "$x"}, "a", "included"),
            ({"b": 0, "a": {"$slice": ["$a", 1]}}, "a", "included"),
            ({"b": 0, "a": None}, "a", "included"),
            ({"b": 0.5, "a": 0}, "a", "excluded"),
            ({"_id": "$x", "b": 0}, "b", "excluded"),
            ({"_id.a": 0, "b": 1}, "b", "included"),
            ({"a": {"b": 1, "c": 0}}, "a.c", "excluded"),
            ({"a": {"_id": 0, "b": 1}}, "a.b", "included"),
            ({"a": {}}, "a", "empty document"),
            ({"a": {"b": {}}}, "a.b", "empty document"),
            ({"a": 1, "a.b": 1}, "a.b", "named twice"),
            ({"a": {"b": 1}, "a.b": 1}, "a.b", "named twice"),
            ({"$a": 1}, "$a", "begin with"),
            ({"a": {"b": 1, "$add": [1]}}, "a.$add", "begin with"),
            ({"": 1}, "", "path of a field"),
            ({"a..b": 1}, "a..b", "empty part"),
        )
    ),
    *(({"$set": {path: 1}}, f"$set.{path}", reason) for path, reason in (("$a", "begin"), ("a.", "empty part"))),
    ({"$set": {"a": {}}}, "$set.a", "\\$literal"),
    ({"$addFields": {"a": 1, "a.b": 1}}, "$addFields.a.b", "named twice"),
    ({"$unset": "$a"}, "$unset", "begin with"),
    ({"$unset": ["a", "a"]}, "$unset.a", "named twice"),
    ({"$unset": ["a.b", "a"]}, "$unset.a.b", "named twice"),
    ({"$sort": {f"f{number}": 1 for number in range(33)}}, "$sort", "at most 32"),
    ({"$sort": {"$a": 1}}, "$sort.$a", "begin with"),
    ({"$sort": {"": 1}}, "$sort.", "path of a field"),
    *(
        ({"$group": {"_id": 1, "a": value}}, "$group.a", "one operator")
        for value in (1, "$x", {}, {"$sum": 1, "$avg": 1}, None)
    ),
    ({"$group": {"_id": 1, "a.b": {"$sum": 1}}}, "$group.a.b", "dot"),
    ({"$group": {"_id": 1, "$a": {"$sum": 1}}}, "$group.$a", "begin with"),
    ({"$bucket": {"groupBy": "$a"}}, "$bucket", "'boundaries'"),
    ({"$bucket": {"boundaries": [1, 2]}}, "$bucket", "'groupBy'"),
    (bucket(x=1), "$bucket.x", "unknown option"),
    *((bucket(groupBy=value), "$bucket.groupBy", "path") for value in (1, "a", ["$a"], {"a": 1})),
    *((bucket(boundaries=value), "$bucket.boundaries", "at least two") for value in ([1], [])),
    *(
        (bucket(boundaries=value), "$bucket.boundaries.1", "not greater")
        for value in ([2, 1], [1, 1], [NEXT_DAY, DAY], ["a", "a"], [2.5, Decimal128("1")], [None, None])
    ),
    (bucket(boundaries=[0, 5, 4]), "$bucket.boundaries.2", "not greater"),
    *(
        (bucket(boundaries=value, default=99), "$bucket.boundaries.1", "another type")
        for value in ([1, "a"], [0, True], [0, DAY], [None, 1])
    ),
    *((bucket(default=value), "$bucket.default", "between") for value in (0, 3, 9.5)),
    (bucket(default="$a"), "$bucket.default", "constant"),
    (bucket(output={"x": 1}), "$bucket.output.x", "one operator"),
    (bucket(output={"a.b": {"$sum": 1}}), "$bucket.output.a.b", "dot"),
    (bucket(output={"_id": {"$sum": 1}}), "$bucket.output._id", "boundary"),
    (bucket(output=1), "$bucket.output", "accumulator"),
    *(
        ({"$bucketAuto": {"groupBy": "$a", "buckets": value}}, "$bucketAuto.buckets", "at least 1")
        for value in (0, 1.5, "x", True)
    ),
    ({"$bucketAuto": {"groupBy": "$a"}}, "$bucketAuto", "'buckets'"),
    (
        {"$bucketAuto": {"groupBy": "$a", "buckets": 2, "granularity": "R6"}},
        "$bucketAuto.granularity",
        "one of",
    ),
    ({"$bucketAuto": {"groupBy": "$a", "buckets": 2, "granularity": 1}}, "$bucketAuto.granularity", "one of"),
    ({"$replaceRoot": {}}, "$replaceRoot", "'newRoot'"),
    ({"$replaceRoot": {"newRoot": {}, "x": 1}}, "$replaceRoot.x", "unknown option"),
    *(({"$replaceRoot": {"newRoot": value}}, "$replaceRoot.newRoot", "expression") for value in (1, None, "a", [])),
    *(({stage: value}, stage, "expression") for stage in ("$replaceWith", "$redact") for value in (1, "a", True)),
    *(
        ({"$unwind": value}, "$unwind", reason)
        for value, reason in (("a", "begins with"), ({}, "'path'"), ("", "not e"))
    ),
    *(({"$unwind": value}, "$unwind", "path") for value in ("$", "$$ROOT", "$a.", "$a..b")),
    ({"$unwind": {"path": 1}}, "$unwind.path", "begins with"),
    ({"$unwind": {"path": "$a", "x": 1}}, "$unwind.x", "unknown option"),
    *(
        ({"$unwind": {"path": "$a", "includeArrayIndex": value}}, "$unwind.includeArrayIndex", "path")
        for value in ("", "$i", 1)
    ),
    (
        {"$unwind": {"path": "$a", "preserveNullAndEmptyArrays": 1}},
        "$unwind.preserveNullAndEmptyArrays",
        "True or False",
    ),
    *(({"$sortByCount": value}, "$sortByCount", "path") for value in ("a", {}, {"a": 1}, {"$add": [1], "x": 1})),
    ({"$setWindowFields": 1}, "$setWindowFields", "document"),
    ({"$setWindowFields": {}}, "$setWindowFields", "'output'"),
    ({"$setWindowFields": {"output": 1}}, "$setWindowFields.output", "operator"),
    ({"$setWindowFields": {"output": {"$x": {"$sum": 1}}}}, "$setWindowFields.output.$x", "begin with"),
    ({"$setWindowFields": {"output": {"a": {"$sum": 1}, "a.b": {"$sum": 1}}}}, "$setWindowFields.output.a.b", "twice"),
    ({"$setWindowFields": {"output": {}, "sortby": {}}}, "$setWindowFields.sortby", "did you mean 'sortBy'"),
    (windowed({"$sum": 1}, sortBy={"a": 2}), "$setWindowFields.sortBy.a", "takes 1, -1"),
    (windowed({"$sum": 1}, sortBy="a"), "$setWindowFields.sortBy", "1 or -1"),
    *(
        (windowed(value), "$setWindowFields.output.x", "one operator")
        for value in (1, {}, {"$sum": 1, "$avg": 1}, {"$sum": 1, "y": 1})
    ),
    *(
        (windowed({name: {}}), f"$setWindowFields.output.x.{name}", "sortBy")
        for name in ("$rank", "$denseRank", "$documentNumber")
    ),
    (windowed({"$linearFill": "$a"}), "$setWindowFields.output.x.$linearFill", "sortBy"),
    *(
        (windowed({"$sum": 1, "window": {name: [0, 1]}}), f"$setWindowFields.output.x.window.{name}", "sortBy")
        for name in ("documents", "range")
    ),
    (windowed({"$sum": 1, "window": 1}), "$setWindowFields.output.x.window", "'documents' or 'range'"),
    (over("ab", range=[0, 1]), "$setWindowFields.output.x.window.range", "one field"),
    (over("a", documents=[0, 1], range=[0, 1]), "$setWindowFields.output.x.window", "'documents' or 'range'"),
    (over("a", documents=[0, 1], unit="day"), "$setWindowFields.output.x.window", "only with 'range'"),
    (over("a", unit="day"), "$setWindowFields.output.x.window", "'range'"),
    (over("a", range=[0, 1], unit="dax"), "$setWindowFields.output.x.window.unit", "did you mean 'day'"),
    (over("a", x=1), "$setWindowFields.output.x.window.x", "unknown option"),
    *((over("a", documents=value), "$setWindowFields.output.x.window.documents", "two") for value in ([0], 1, "x")),
    *(
        (over("a", documents=[value, 1]), "$setWindowFields.output.x.window.documents.0", "whole number")
        for value in ("x", 0.5, None)
    ),
    (over("a", range=["x", 1]), "$setWindowFields.output.x.window.range.0", "takes a number"),
    *(
        (over("a", documents=value), "$setWindowFields.output.x.window.documents", "above")
        for value in ([2, 1], [1, "current"])
    ),
    ({"$densify": {"field": "a"}}, "$densify", "'range'"),
    ({"$densify": {"range": {"step": 1, "bounds": "full"}}}, "$densify", "'field'"),
    ({"$densify": {"field": "$a", "range": {"step": 1, "bounds": "full"}}}, "$densify.field", "begin with"),
    ({"$densify": {"field": "a", "range": 1}}, "$densify.range", "document"),
    ({"$densify": {"field": "a", "range": {"step": 1}}}, "$densify.range", "'bounds'"),
    *((densify(step=value), "$densify.range.step", "above 0") for value in (0, -1, "x", None)),
    (densify(bounds="x"), "$densify.range.bounds", "'full'"),
    (densify(bounds="partition"), "$densify.range.bounds", "partitionByFields"),
    *((densify(bounds=value), "$densify.range.bounds", "two") for value in ([1, 2, 3], [0, DAY], ["x", "y"], 1)),
    (densify(bounds=[2, 1]), "$densify.range.bounds", "above"),
    (densify(bounds=[1, 2], unit="day"), "$densify.range.bounds", "two dates"),
    (densify(bounds=[DAY, NEXT_DAY]), "$densify.range.bounds", "two dates"),
    (densify(step=1.5, unit="day"), "$densify.range.step", "whole"),
    (densify(unit="x"), "$densify.range.unit", "one of"),
    (densify(x=1), "$densify.range.x", "unknown option"),
    *(
        (
            {"$densify": {"field": "a", "partitionByFields": value, "range": {"step": 1, "bounds": "full"}}},
            f"$densify.partitionByFields{path}",
            reason,
        )
        for value, path, reason in (("b", "", "array"), (["$b"], ".0", "begin with"), (["a"], "", "densify"))
    ),
    ({"$fill": {}}, "$fill", "'output'"),
    ({"$fill": {"output": {}}}, "$fill.output", "not empty"),
    ({"$fill": {"output": {"$x": {"value": 1}}}}, "$fill.output.$x", "begin with"),
    *(
        ({"$fill": {"sortBy": {"a": 1}, "output": {"x": value}}}, "$fill.output.x", "'value'")
        for value in (1, {"method": "locf", "value": 1}, {"value": 1, "y": 1})
    ),
    ({"$fill": {"output": {"x": {"method": "x"}}}}, "$fill.output.x.method", "one of"),
    *(
        ({"$fill": {**more, "output": {"x": {"method": "linear"}}}}, "$fill.output.x.method", "one field")
        for more in ({}, {"sortBy": {"a": 1, "b": 1}})
    ),
    (
        {"$fill": {"partitionBy": {"x": "$b"}, "partitionByFields": ["b"], "output": {"x": {"value": 1}}}},
        "$fill",
        "not both",
    ),
    ({"$fill": {"partitionBy": "b", "output": {"x": {"value": 1}}}}, "$fill.partitionBy", "expression"),
    ({"$fill": {"partitionByFields": "b", "output": {"x": {"value": 1}}}}, "$fill.partitionByFields", "array"),
    ({"$fill": {"sortBy": 1, "output": {"x": {"value": 1}}}}, "$fill.sortBy", "1 or -1"),
    (joined(), "$lookup", "'localField' and 'foreignField', or a 'pipeline'"),
    *((joined(**{name: "a"}, pipeline=[]), "$lookup", "or neither") for name in ("localField", "foreignField")),
    (joined(localField="$a", foreignField="b"), "$lookup.localField", "begin with"),
    (joined(localField=1, foreignField="b"), "$lookup.localField", "path"),
    *((joined(**{"as": value}, pipeline=[]), "$lookup.as", "path") for value in ("", "$x", 1)),
    (joined(localField="a", foreignField="b", let={}), "$lookup", "'pipeline'"),
    *(
        (joined(pipeline=[], let={name: 1}), f"$lookup.let.{name}", "variable")
        for name in ("Z", "$z", "_z", "a-b", "", "ROOT")
    ),
    (joined(pipeline=[], let=1), "$lookup.let", "variables"),
    *((joined(**{"from": value}, pipeline=[]), "$lookup.from", "text") for value in ("", 1)),
    *(({"$lookup": {"as": "x", "pipeline": value}}, "$lookup", "\\$documents") for value in ([], [{"$limit": 1}])),
    ({"$lookup": {"as": "x", "localField": "a", "foreignField": "b"}}, "$lookup", "'from'"),
    ({"$unionWith": ""}, "$unionWith", "not empty"),
    *(({"$unionWith": {"coll": value}}, "$unionWith.coll", "text") for value in ("", 1)),
    ({"$unionWith": {"pipeline": []}}, "$unionWith", "\\$documents"),
    ({"$graphLookup": {"from": "c"}}, "$graphLookup", "'startWith', 'connectFromField'"),
    *(
        ({"$graphLookup": {**GRAPH, "maxDepth": value}}, "$graphLookup.maxDepth", "at least 0")
        for value in (-1, 1.5, True)
    ),
    *(
        ({"$graphLookup": {**GRAPH, name: "$x"}}, f"$graphLookup.{name}", "begin with")
        for name in ("connectFromField", "connectToField", "as", "depthField")
    ),
    ({"$graphLookup": {**GRAPH, "from": ""}}, "$graphLookup.from", "text"),
    ({"$geoNear": {"distanceField": "d"}}, "$geoNear", "'near'"),
    *(({"$geoNear": {**NEAR, "near": value}}, "$geoNear.near", "GeoJSON") for value in ("x", 1)),
    *(
        ({"$geoNear": {**NEAR, name: -1}}, f"$geoNear.{name}", "not negative")
        for name in ("minDistance", "maxDistance", "distanceMultiplier")
    ),
    ({"$geoNear": {**NEAR, "maxDistance": Decimal128("-1")}}, "$geoNear.maxDistance", "not negative"),
    *(({"$geoNear": {**NEAR, name: 1}}, f"$geoNear.{name}", "\\$limit") for name in ("limit", "num")),
    ({"$geoNear": {**NEAR, "distanceField": "$d"}}, "$geoNear.distanceField", "begin with"),
    ({"$geoNear": {**NEAR, "key": ""}}, "$geoNear.key", "path"),
    ({"$merge": ""}, "$merge", "not empty"),
    ({"$merge": {"whenMatched": "merge"}}, "$merge", "'into'"),
    *((merged(into=value), "$merge.into", reason) for value, reason in (("", "text"), (1, "text"), ({}, "'coll'"))),
    (merged(into={"db": "d", "coll": ""}), "$merge.into.coll", "text"),
    (merged(x=1), "$merge.x", "unknown option"),
    (merged(whenMatched="pipeline"), "$merge.whenMatched", "one of"),
    *((merged(whenNotMatched=value), "$merge.whenNotMatched", "one of") for value in ("x", 1)),
    (merged(whenMatched="keepExisting", whenNotMatched="discard"), "$merge", "whenNotMatched is 'insert'"),
    (merged(whenMatched="keepExisting", whenNotMatched="fail"), "$merge", "whenNotMatched is 'insert'"),
    (merged(whenMatched="fail", whenNotMatched="fail"), "$merge", "whenNotMatched is 'insert'"),
    (merged(whenMatched="fail", whenNotMatched="discard"), "$merge", "whenNotMatched is 'insert'"),
    (merged(into={"coll": "m", "x": 1}), "$merge.into.x", "unknown option"),
    (merged(on=[]), "$merge.on", "at least one"),
    (merged(on=["_id", "_id"]), "$merge.on", "once"),
    (merged(on=1), "$merge.on", "array"),
    *((merged(on=value), "$merge.on", "part") for value in ("a..b", "$a")),
    *((merged(**more, let={"v": 1}), "$merge.let", "pipeline") for more in ({}, {"whenMatched": "merge"})),
    (merged(whenMatched=[], let={"V": 1}), "$merge.let.V", "variable"),
    *(({"$out": value}, "$out", "'coll'") for value in ({"db": "d"}, {})),
    *(({"$out": {"db": "d", "coll": value}}, "$out.coll", "text") for value in ("", 1)),
    *(
        ({"$changeStream": {name: "x"}}, f"$changeStream.{name}", "one of")
        for name in ("fullDocument", "fullDocumentBeforeChange")
    ),
    ({"$changeStream": {"resumeAfter": {}, "startAfter": {}}}, "$changeStream", "not several"),
]

# A server of 6.0 has not these stages, or takes what makes no sense.
REFUSED_HERE = [
    ({"$fill": {"output": {"x": {}}}}, "$fill.output.x", "'value'"),
    ({"$listSessions": {"allUsers": True, "users": [{"user": "u", "db": "d"}]}}, "$listSessions", "not both"),
    ({"$vectorSearch": {"limit": 0}}, "$vectorSearch.limit", "at least 1"),
    ({"$vectorSearch": {"numCandidates": 1.5}}, "$vectorSearch.numCandidates", "at least 1"),
    ({"$vectorSearch": {"exact": True, "numCandidates": 10}}, "$vectorSearch", "not both"),
    ({"$vectorSearch": {"limit": 11, "numCandidates": 10}}, "$vectorSearch.numCandidates", "as many"),
]


@pytest.mark.parametrize("stage", TAKEN)
def test_the_options_of_a_stage_that_go_together_are_taken(stage):
    validate_pipeline([stage])


@pytest.mark.parametrize(("stage", "path", "reason"), [*REFUSED, *REFUSED_HERE])
def test_options_that_a_stage_cannot_take_are_refused_with_path_and_reason(stage, path, reason):
    with pytest.raises(InvalidDocumentError, match=reason) as caught:
        validate_pipeline([stage])
    assert caught.value.path == f"0.{path}"


@pytest.mark.parametrize(
    "stage",
    [
        bucket(boundaries=[datetime(2026, 1, 2), DAY]),  # noqa: DTZ001  # that is the case
        bucket(boundaries=[1.5j, 2]),
        bucket(boundaries=[Decimal128("sNaN"), 1]),
        densify(bounds=[Decimal128("2"), 1]),
        densify(unit="day", bounds=[DatetimeMS(5), DAY]),
        {"$vectorSearch": {"limit": 10, "numCandidates": 10}},
        {"$vectorSearch": {"limit": 10, "exact": True}},
        {"$listLocalSessions": {"allUsers": False, "users": []}},
        {"$changeStream": {"fullDocument": "required", "startAtOperationTime": 1}},
    ],
)
def test_what_cannot_be_compared_here_is_left_to_the_server(stage):
    validate_pipeline([stage])


def test_a_projection_that_shares_its_parts_without_end_is_refused():
    fields = {"a": 1}
    for _ in range(60):
        fields = {"a": fields, "b": fields}
    with pytest.raises(InvalidDocumentError, match="nested documents"):
        walk(check_pipeline, [{"$project": fields}], most=1_000)


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
