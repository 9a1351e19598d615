"""Filters: the operators in them, at every depth."""

import collections
import re
from decimal import Decimal

import bson
import pytest
from bson import SON, Binary, Code, DBRef, Decimal128, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation import validate_filter

POINT = {"type": "Point", "coordinates": [1.0, 2.0]}
BOX = {"$box": [[0, 0], [1, 1]]}
STRICT = {"type": "name", "properties": {"name": "urn:x-mongodb:crs:strictwinding:EPSG:4326"}}
POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}
# A server of 6.0 dies of it.
STRICT_MEMBER = {"type": "GeometryCollection", "geometries": [POINT, {**POLYGON, "crs": STRICT}]}
STRICT_PLACE = "a.$not.$geoIntersects.$geometry.geometries.1.crs"

GOOD = [
    {},
    {"_id": ObjectId()},
    {"a": 1, "b": None, "c": [1, {"d": 1}], "e": {"f": {"g": 1}}},
    {"a": {}},
    {"": 1},
    {"": {"$gt": 1}},
    {"a..b": 1, ".a": {"$gt": 1}, "a.$b": 1, "naïve": 1},
    {"a": re.compile("x"), "b": Regex("x", "i"), "c": DBRef("c", 1), "d": Code("x", {"y": 1}), "e": (1, 2)},
    {"a": {"b": {"$gt": 1}}},
    {"a": [{"$gt": 1}]},
    {"a": {"$gt": 1, "$lt": 5.5}},
    {"a": {"$eq": {"$anything": {"goes": 1}}}},
    {"a": {"$lte": {"$nope": 1}}},
    {"a": {"$eq": Regex("x")}},
    {"a": {"$ne": None}},
    {"a": {"$in": []}},
    {"a": {"$in": [1, Regex("x"), re.compile("y"), {"b": 1}, {"$ref": "c", "$id": 1}, [{"$gt": 1}], None]}},
    {"a": {"$nin": ("x", {"b": {"$gt": 1}})}},
    {"a": {"$exists": True}},
    {"a": {"$exists": False, "$ne": 1}},
    {"a": {"$not": {"$gt": 1}}},
    {"a": {"$not": {"$not": Regex("x")}}},
    {"a": {"$not": re.compile("x")}},
    {"a": {"$not": {"$regex": "x", "$options": "i"}}},
    {"a": {"$regex": "^x"}},
    {"a": {"$options": "imxsu", "$regex": "^x"}},
    {"a": {"$regex": Regex("^x"), "$options": "i"}},
    {"a": {"$regex": re.compile("^x", re.IGNORECASE)}},
    {"a": {"$regex": "(", "$options": ""}},
    {"a": {"$type": "string"}},
    {"a": {"$type": ["int", 16, 18.0, "number"]}},
    {"a": {"$type": -1}},
    {"a": {"$type": Decimal128("2")}},
    {"a": {"$size": 0}},
    {"a": {"$size": Int64(3)}},
    {"a": {"$size": 2.0}},
    {"a": {"$mod": [4, 0]}},
    {"a": {"$mod": (-2.5, Decimal128("1"))}},
    {"a": {"$bitsAllSet": 5}},
    {"a": {"$bitsAnySet": [0, 1.0]}},
    {"a": {"$bitsAllClear": b"x"}},
    {"a": {"$bitsAnyClear": Binary(b"x", 5)}},
    {"a": {"$all": []}},
    {"a": {"$all": [1, Regex("x"), {"b": 1}, {"$ref": "c", "$id": 1}]}},
    {"a": {"$all": [{"$elemMatch": {"b": 1}}, {"$elemMatch": {"$gt": 2}}]}},
    {"a": {"$elemMatch": {}}},
    {"a": {"$elemMatch": {"b": {"$gt": 1}, "$or": [{"c": 1}, {"d": 2}]}}},
    {"a": {"$elemMatch": {"$gt": 1, "$lt": 5}}},
    {"a": {"$elemMatch": {"$not": {"$gt": 1}}}},
    {"a": {"$elemMatch": {"$elemMatch": {"$eq": 1}}}},
    {"a": {"$elemMatch": {"$id": 1}}},
    {"a": {"$elemMatch": {"$jsonSchema": {}, "$comment": "x"}}},
    {"$and": [{}]},
    {"$or": ({"a": 1}, {"$nor": [{"b": {"$gt": 1}}]})},
    {"$and": [{"$or": [{"$and": [{"a": {"$exists": True}}]}]}], "b": 1},
    {"$expr": {"$gt": ["$a", {"$nope": {"$anything": [1]}}]}},
    {"$expr": True},
    {"$comment": {"$any": "thing"}},
    {"$jsonSchema": {"required": ["a"], "properties": {"a": {"bsonType": "int"}}}},
    {"$text": {"$search": "x", "$language": "en", "$caseSensitive": True, "$diacriticSensitive": False}},
    {"$where": "this.a > 1"},
    {"$where": Code("this.a > 1")},
    {"$sampleRate": 0.5},
    {"$sampleRate": 0},
    {"$sampleRate": Decimal128("1")},
    {"$alwaysTrue": 1},
    {"$alwaysFalse": 1.0},
    {"a": {"$near": [1, 2.5]}},
    {"a": {"$near": [1, 2], "$maxDistance": 3, "$minDistance": 1, "$uniqueDocs": True}},
    {"a": {"$nearSphere": {"$geometry": POINT, "$maxDistance": 5, "$minDistance": 0.5}}},
    {"a": {"$geoNear": POINT}},
    {"a": {"$near": {"x": 1, "y": 2}}},
    {"a": {"$geoWithin": BOX}},
    {"a": {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 0]]]}}}},
    {"a": {"$geoWithin": {"$centerSphere": [[0, 0], 1]}}},
    {"a": {"$within": {"$polygon": [[0, 0], [1, 1], [1, 0]], "$uniqueDocs": True}}},
    {"a": {"$geoIntersects": {"$geometry": POINT}}},
    {"a": {"$geoWithin": {"$geometry": {**POLYGON, "crs": STRICT}}}},
    {"a": {"$geoIntersects": {"$geometry": {"type": "GeometryCollection", "geometries": [POINT, POLYGON]}}}},
    {"a": {"$not": {"$geoWithin": BOX}}},
    {"a": {"$_internalExprEq": 1}, "$_internalSchemaMinProperties": 1},
    {"a": {"$ref": "c", "$id": 1, "$db": "d"}},
    {"a": {"$id": 1, "$ref": "c", "extra": 1, "$more": 1}},
    {"$id": 1, "$ref": {"$gt": 1}, "$db": "x"},
    SON([("a", SON({"$gt": 1}))]),
    collections.UserDict({"a": collections.ChainMap({"$gt": 1})}),
    RawBSONDocument(bson.encode({"$and": [{"a": {"$in": [1, 2]}}]})),
    {"$or": [{"a": 1}] * 2000},
]

BAD = [
    ({"a": {"$gtt": 1}}, "a.$gtt", "did you mean '\\$gt"),
    ({"a": {"$GTE": 1}}, "a.$GTE", "did you mean '\\$gte'"),
    ({"a": {"$exist": True}}, "a.$exist", "did you mean '\\$exists'"),
    ({"a": {"$elemmatch": {}}}, "a.$elemmatch", "did you mean '\\$elemMatch'"),
    ({"a": {"$": 1}}, "a.$", "unknown query operator"),
    ({"a": {"$sum": 1}}, "a.$sum", "under \\$expr"),
    ({"$orr": [{}]}, "$orr", "did you mean '\\$or'"),
    ({"$rand": {}}, "$rand", "unknown query operator"),
    ({"$query": {}}, "$query", "unknown query operator"),
    ({"a": {"$isolated": 1}}, "a.$isolated", "unknown query operator"),
    ({"$gt": 1}, "$gt", "under a field name"),
    ({"$elemMatch": {}}, "$elemMatch", "under a field name"),
    ({"$not": {"a": 1}}, "$not", "\\$nor"),
    ({"a": {"$and": [{}]}}, "a.$and", "beside the field names"),
    ({"a": {"$expr": True}}, "a.$expr", "beside the field names"),
    ({"a": {"$where": "1"}}, "a.$where", "beside the field names"),
    ({"a": {"$comment": "x"}}, "a.$comment", "beside the field names"),
    ({"a": {"$gt": 1, "x": 1}}, "a", "mixes operators"),
    ({"a": {"x": 1, "$gt": 1}}, "a", "mixes operators"),
    ({"a": {"$not": {"$gt": 1, "x": 1}}}, "a.$not", "mixes operators"),
    ({"a": {"$not": {"x": 1}}}, "a.$not", "mixes operators"),
    ({"a": {"$elemMatch": {"$gt": 1, "x": 1}}}, "a.$elemMatch", "mixes operators"),
    ({"a": {"$elemMatch": {"x": 1, "$gt": 1}}}, "a.$elemMatch.$gt", "under a field name"),
    ({"a": {"$ref": "c"}}, "a.$ref", "unknown"),
    ({"a": {"$gt": 1, "$id": 1}}, "a.$id", "unknown"),
    ({"$and": [{"$or": [{"b": 1}, {"a": {"$nope": 1}}]}]}, "$and.0.$or.1.a.$nope", "unknown"),
    ({"a": {"$elemMatch": {"b": {"$elemMatch": {"$nope": 1}}}}}, "a.$elemMatch.b.$elemMatch.$nope", "unknown"),
    ({"a": {"$not": {"$not": {"$nope": 1}}}}, "a.$not.$not.$nope", "unknown"),
    ({"a": {"$all": [{"$elemMatch": {"b": {"$nope": 1}}}]}}, "a.$all.0.$elemMatch.b.$nope", "unknown"),
    ({"$and": []}, "$and", "not empty"),
    ({"$or": {}}, "$or", "array of filters"),
    ({"$nor": None}, "$nor", "array of filters"),
    ({"$and": [1]}, "$and.0", "a mapping"),
    ({"$or": [{"a": 1}, []]}, "$or.1", "a mapping"),
    ({"a": {"$in": 1}}, "a.$in", "array"),
    ({"a": {"$in": {"b": 1}}}, "a.$in", "array"),
    ({"a": {"$nin": {1, 2}}}, "a.$nin", "array"),
    ({"a": {"$in": [1, {"$gt": 1}]}}, "a.$in.1", "operator"),
    ({"a": {"$in": [{"$id": 1}]}}, "a.$in.0", "operator"),
    ({"a": {"$all": 1}}, "a.$all", "array"),
    ({"a": {"$all": [{"$gt": 1}]}}, "a.$all.0", "operator"),
    ({"a": {"$all": [1, {"$elemMatch": {"b": 1}}]}}, "a.$all.1", "operator"),
    ({"a": {"$all": [{"$elemMatch": {"b": 1}}, 1]}}, "a.$all.1", "elemMatch"),
    ({"a": {"$all": [{"$elemMatch": 1}]}}, "a.$all.0.$elemMatch", "filter"),
    ({"a": {"$not": "x"}}, "a.$not", "takes operators"),
    ({"a": {"$not": {}}}, "a.$not", "takes operators"),
    ({"a": {"$not": []}}, "a.$not", "takes operators"),
    ({"a": {"$elemMatch": 1}}, "a.$elemMatch", "takes a filter"),
    ({"a": {"$elemMatch": []}}, "a.$elemMatch", "takes a filter"),
    ({"a": {"$elemMatch": {"$expr": True}}}, "a.$elemMatch.$expr", "at the top"),
    ({"a": {"$elemMatch": {"$or": [{"$where": "1"}]}}}, "a.$elemMatch.$or.0.$where", "at the top"),
    ({"a": {"$elemMatch": {"$sampleRate": 1}}}, "a.$elemMatch.$sampleRate", "at the top"),
    ({"a": {"$not": {"$elemMatch": {"$text": {"$search": "x"}}}}}, "a.$not.$elemMatch.$text", "at the top"),
    *(({"a": {"$exists": value}}, "a.$exists", "True or False") for value in (1, 0, "yes", None, [], {})),
    *(({"a": {"$ne": value}}, "a.$ne", "regular expression") for value in (Regex("x"), re.compile("x"))),
    ({"a": {"$gte": Regex("x")}}, "a.$gte", "regular expression"),
    *(({"a": {"$regex": value}}, "a.$regex", "text or a regular") for value in (1, None, {}, b"x", Code("x"))),
    ({"a": {"$regex": "x\0y"}}, "a.$regex", "NUL"),
    ({"a": {"$options": "i"}}, "a.$options", "beside \\$regex"),
    ({"a": {"$options": "i", "$in": [Regex("x")]}}, "a.$options", "beside \\$regex"),
    ({"a": {"$not": {"$options": "i"}}}, "a.$not.$options", "beside \\$regex"),
    *(({"a": {"$regex": "x", "$options": value}}, "a.$options", "letters") for value in ("g", "I", 1, None, Code("i"))),
    ({"a": {"$regex": Regex("x", "i"), "$options": "s"}}, "a.$options", "flags"),
    ({"a": {"$regex": re.compile("x"), "$options": "s"}}, "a.$options", "flags"),
    *(
        ({"a": {"$type": value}}, "a.$type", "BSON type")
        for value in (
            "String",
            "missing",
            0,
            20,
            255,
            1.5,
            None,
            True,
            [["string"]],
            ["string", "nope"],
            Code("string"),
        )
    ),
    ({"a": {"$type": []}}, "a.$type", "at least one"),
    *(
        ({"a": {"$size": value}}, "a.$size", "whole number")
        for value in (-1, 1.5, "1", None, True, [], float("nan"), float("inf"), Decimal128("1.5"), Decimal("sNaN"), 1j)
    ),
    *(({"a": {"$mod": value}}, "a.$mod", "two numbers") for value in (2, [2], [2, 1, 0], {}, [], "ab")),
    *(
        ({"a": {"$mod": value}}, "a.$mod", "finite")
        for value in (["2", 1], [2, None], [True, 1], [float("nan"), 1], [2, float("inf")])
    ),
    *(({"a": {"$mod": value}}, "a.$mod", "not 0") for value in ([0, 1], [0.5, 1])),
    *(
        ({"a": {"$bitsAllSet": value}}, "a.$bitsAllSet", "bit mask")
        for value in (-1, 1.5, "x", None, True, {}, [-1], ["a"], [True], float("nan"))
    ),
    *(({"$expr_": value}, "$expr_", "did you mean '\\$expr'") for value in (1,)),
    *(({"$jsonSchema": value}, "$jsonSchema", "document") for value in (1, [], "x", None)),
    *(({"$text": value}, "$text", "\\$search") for value in ("x", {}, {"$language": "en"})),
    ({"$text": {"$search": 1}}, "$text.$search", "text"),
    ({"$text": {"$search": Code("x")}}, "$text.$search", "text"),
    ({"$text": {"$search": "x", "$caseSensitive": 1}}, "$text.$caseSensitive", "True or False"),
    ({"$text": {"$search": "x", "$langage": "en"}}, "$text.$langage", "did you mean '\\$language'"),
    *(({"$where": value}, "$where", "JavaScript") for value in (1, None, Code("x", {}), {})),
    *(
        ({"$sampleRate": value}, "$sampleRate", "from 0 to 1")
        for value in (2, -0.1, "x", None, True, {"$rand": {}}, float("nan"), Decimal("NaN"), Decimal128("2"))
    ),
    *(({"$alwaysTrue": value}, "$alwaysTrue", "takes 1") for value in (2, "x", True, None)),
    *(({"a": {"$near": value}}, "a.$near", "coordinates") for value in ([1], ["x", "y"], [])),
    *(({"a": {"$nearSphere": value}}, "a.$nearSphere", "geometry") for value in (1, "x", {}, None)),
    ({"a": {"$near": {"$geometry": 1}}}, "a.$near.$geometry", "GeoJSON"),
    ({"a": {"$near": {"$geometri": POINT}}}, "a.$near.$geometri", "did you mean '\\$geometry'"),
    ({"a": {"$near": {"$geometry": POINT, "$maxDistance": "x"}}}, "a.$near.$maxDistance", "number"),
    ({"a": {"$near": [1, 2], "$maxDistance": "x"}}, "a.$maxDistance", "number"),
    ({"a": {"$maxDistance": 1}}, "a.$maxDistance", "beside \\$near"),
    ({"a": {"$gt": 1, "$minDistance": 1}}, "a.$minDistance", "beside \\$near"),
    ({"a": {"$maxDistance": 1, "$near": [1, 2]}}, "a.$near", "stands first"),
    ({"a": {"$near": [1, 2], "$gt": 1}}, "a.$near", "stands first"),
    ({"a": {"$geoWithin": BOX, "$gt": 1}}, "a.$geoWithin", "stands alone"),
    ({"a": {"$gt": 1, "$geoIntersects": {"$geometry": POINT}}}, "a.$geoIntersects", "stands alone"),
    ({"a": {"$geoWithin": {"$circle": [[0, 0], 1]}}}, "a.$geoWithin.$circle", "unknown geometry"),
    ({"a": {"$geoWithin": POINT}}, "a.$geoWithin.type", "unknown geometry"),
    ({"a": {"$geoIntersects": BOX}}, "a.$geoIntersects.$box", "unknown geometry"),
    *(
        ({"a": {name: {"$geometry": STRICT_MEMBER}}}, f"a.{name}.$geometry.geometries.1.crs", "may not stand in a coll")
        for name in ("$geoIntersects", "$geoWithin", "$within")
    ),
    ({"a": {"$not": {"$geoIntersects": {"$geometry": STRICT_MEMBER}}}}, STRICT_PLACE, "may not stand in a collection"),
    *(({"a": {"$geoWithin": value}}, "a.$geoWithin", "geometry") for value in (1, [1], {})),
    ({"a\0": 1}, r"a\x00", "NUL"),
    ({"$or": [{"a": {"$gt\0": 1}}]}, r"$or.0.a.$gt\x00", "NUL"),
    ({"a": {"b": {"c\0": 1}}}, r"a.b.c\x00", "NUL"),
    ({"a": {"$eq": {"c\0": 1}}}, r"a.$eq.c\x00", "NUL"),
    ({"$expr": {"$eq": ["$a", {"c\0": 1}]}}, r"$expr.$eq.1.c\x00", "NUL"),
    ({"a": [[{"b\0": 1}]]}, r"a.0.0.b\x00", "NUL"),
    ({"\ud800": 1}, r"\ud800", "surrogate"),
    ({1: 1}, "", "str, not int"),
    ({"a": {1: 1}}, "a", "str, not int"),
    ({"a": {"$gt": 1, 1: 1}}, "a", "mixes"),
    (collections.UserDict({"a": collections.ChainMap({"$nope": 1})}), "a.$nope", "unknown"),
    (SON(a=SON({"$nope": 1})), "a.$nope", "unknown"),
    (RawBSONDocument(bson.encode({"a": {"$nope": 1}})), "a.$nope", "unknown"),
    (None, "", "a mapping"),
    ([], "", "a mapping"),
    ([("a", 1)], "", "a mapping"),
    ("a", "", "a mapping"),
    (1, "", "a mapping"),
]


@pytest.mark.parametrize("filter", GOOD)
def test_a_good_filter_is_taken(filter):
    validate_filter(filter)


@pytest.mark.parametrize("filter", [good for good in GOOD if isinstance(good, dict)])
def test_a_good_filter_is_good_inside_others(filter):
    validate_filter({"$and": [filter, {"$or": [collections.UserDict(filter)]}]})


@pytest.mark.parametrize(("filter", "path", "reason"), BAD)
def test_a_bad_filter_is_refused_with_path_and_reason(filter, path, reason):
    with pytest.raises(InvalidDocumentError, match=reason) as caught:
        validate_filter(filter)
    assert caught.value.path == path


@pytest.mark.parametrize(("filter", "path", "_"), [case for case in BAD if isinstance(case[0], dict)])
def test_a_bad_filter_is_bad_at_every_depth(filter, path, _):
    with pytest.raises(InvalidDocumentError) as caught:
        validate_filter({"x": 1, "$and": [{"y": {"$gt": 1}}, {"$nor": [filter]}]})
    assert caught.value.path == ".".join(part for part in ("$and.1.$nor.0", path) if part)


def test_the_first_fault_of_the_filter_is_the_one_named():
    with pytest.raises(InvalidDocumentError) as caught:
        validate_filter({"$and": [{"a": {"$elemMatch": {"$one": 1}}}, {"$or": [{"b": {"$two": 1}}]}]})
    assert caught.value.path == "$and.0.a.$elemMatch.$one"


def test_a_long_unknown_operator_is_cut():
    with pytest.raises(InvalidDocumentError) as caught:
        validate_filter({"a": {"$" + "x" * 100_000: 1}})
    assert len(str(caught.value)) < 400
