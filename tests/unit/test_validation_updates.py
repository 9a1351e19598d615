"""Updates: operators, or a pipeline."""

import collections

import bson
import pytest
from bson import SON, Code, DBRef, Decimal128, Int64, Regex
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation import validate_update

GOOD = [
    {"$set": {"a": 1, "b.c": [1, {"d": 1}]}},
    {"$set": {}},
    {"$set": {"a": 1}, "$inc": {}},
    {"$set": {"a": {"$stored": {"as": "it is"}, "": 1}, "_id": 1}},
    {"$set": {"a.$": 1, "b.$[]": 1, "c.$[x].d": 1, "d.0": 1, "e.$id": 1}},
    {"$set": {"a.b": 1}, "$unset": {"a.c": ""}, "$inc": {"ab": 1}},
    {"$set": {"a.1": 1}, "$inc": {"a.01": 1}},
    {"$setOnInsert": {"_id": 1, "a": None}, "$min": {"b": Regex("x")}, "$max": {"c": DBRef("c", 1)}},
    {"$inc": {"a": 1, "b": 1.5, "c": Decimal128("1"), "d": Int64(1), "e": float("nan")}, "$mul": {"f": 2}},
    {"$rename": {"a": "b", "c.d": "c.e"}},
    {"$currentDate": {"a": True, "b": False, "c": {"$type": "date"}, "d": {"$type": "timestamp"}}},
    {"$push": {"a": 1, "b": [1], "c": {"x": 1}, "d": {"$ref": "c", "$id": 1}}},
    {"$push": {"a": {"$each": []}}},
    {"$push": {"a": {"$each": [{"$x": 1}], "$slice": -5, "$sort": {"b": -1}, "$position": 0}}},
    {"$push": {"a": {"$sort": 1, "$each": (1, 2), "$slice": 2.0}}},
    {"$addToSet": {"a": 1, "b": {"$each": [1, 2]}, "c": {"x": 1, "$each": 1}}},
    {"$pop": {"a": 1, "b": -1, "c": 1.0, "d": Int64(-1)}},
    {"$pull": {"a": 1, "b": {"$gt": 1}, "c": {"x": {"$in": [1]}, "y": 1}, "d": Regex("x"), "e": [{"$gt": 1}]}},
    {"$pull": {"a": {"$or": [{"b": 1}]}, "c": {"$elemMatch": {"$gt": 1}}, "d": {"$gt": 1, "$not": {"$lt": 2}}}},
    {"$pullAll": {"a": [1, {"$x": 1}], "b": []}},
    {"$bit": {"a": {"and": 5, "or": 2}, "b": {"xor": Int64(1)}}},
    [{"$set": {"a": 1}}],
    ({"$unset": "a"}, {"$unset": ["b", "c"]}),
    [{"$addFields": {"a": "$b"}}, {"$project": {"a": 1}}, {"$replaceWith": {"a": "$$ROOT"}}],
    [{"$replaceRoot": {"newRoot": "$a"}}, {"$fill": {"output": {"a": {"value": 1}}}}],
    [{"$_internalInhibitOptimization": {}}],
    SON({"$set": SON(a=1)}),
    collections.UserDict({"$set": collections.ChainMap({"a": 1})}),
    RawBSONDocument(bson.encode({"$set": {"a": 1}})),
]

BAD = [
    ({}, "", "may not be empty"),
    ([], "", "may not be empty"),
    ({"a": 1}, "", "replace_one"),
    ({"a": {"$set": 1}}, "", "replace_one"),
    ({"$set": {"a": 1}, "b": 1}, "b", "under \\$set"),
    ({"b": 1, "$set": {"a": 1}}, "b", "under \\$set"),
    ({"": 1}, "", "replace_one"),
    ({"$sett": {"a": 1}}, "$sett", "did you mean '\\$set'"),
    ({"$addtoset": {"a": 1}}, "$addtoset", "did you mean '\\$addToSet'"),
    ({"$set": {"a": 1}, "$v": 1}, "$v", "unknown update operator"),
    ({"$pushAll": {"a": [1]}}, "$pushAll", "unknown update operator"),
    *(({"$set": value}, "$set", "document") for value in (1, [], None, "x", [("a", 1)])),
    ({"$set": {"": 1}}, "$set.", "empty"),
    *(({"$set": {path: 1}}, f"$set.{path}", "empty part") for path in ("a..b", ".a", "a.", ".")),
    ({"$set": {"a\0": 1}}, r"$set.a\x00", "NUL"),
    ({"$set": {1: 1}}, "$set", "str, not int"),
    ({"$set": {"a": {"b\0": 1}}}, r"$set.a.b\x00", "NUL"),
    ({"$set": {"a": [{1: 1}]}}, "$set.a.0", "str, not int"),
    ({"$set": {".".join("a" * 101): 1}}, "$set." + ("a." * 40) + "…", "parts"),
    ({"$set": {"a": 1}, "$inc": {"a": 1}}, "$inc.a", "conflicts"),
    ({"$set": {"a": 1}, "$inc": {"a.b": 1}}, "$inc.a.b", "change of 'a'"),
    ({"$set": {"a.b.c": 1}, "$unset": {"a.b": 1}}, "$unset.a.b", "change of 'a.b'"),
    ({"$set": {"a.b": 1, "a": 1}}, "$set.a", "conflicts"),
    ({"$set": {"a": 1, "a.b.c": 1}}, "$set.a.b.c", "change of 'a'"),
    ({"$setOnInsert": {"a": 1}, "$set": {"a": 1}}, "$set.a", "conflicts"),
    ({"$set": {"a.$.b": 1}, "$inc": {"a.$.b": 1}}, "$inc.a.$.b", "conflicts"),
    ({"$rename": {"a": "a"}}, "$rename.a", "conflicts"),
    ({"$rename": {"a": "a.b"}}, "$rename.a", "conflicts"),
    ({"$rename": {"a.b": "a"}}, "$rename.a.b", "conflicts"),
    ({"$rename": {"a": "b", "c": "b"}}, "$rename.c", "conflicts"),
    ({"$rename": {"a": "b"}, "$set": {"b": 1}}, "$set.b", "conflicts"),
    ({"$set": {"b.c": 1}, "$rename": {"a": "b"}}, "$rename.a", "conflicts"),
    *(({"$rename": {"a": value}}, "$rename.a", "text") for value in (1, None, {}, Code("b"))),
    ({"$rename": {"a": ""}}, "$rename.a", "empty"),
    ({"$rename": {"a": "b..c"}}, "$rename.a", "empty part"),
    ({"$rename": {"a": "b\0"}}, "$rename.a", "NUL"),
    *(({"$inc": {"a": value}}, "$inc.a", "number") for value in ("x", None, True, [], {"b": 1}, Regex("x"))),
    ({"$mul": {"a": "2"}}, "$mul.a", "number"),
    *(({"$pop": {"a": value}}, "$pop.a", "takes 1") for value in (0, 2, 1.5, "1", True, None, {})),
    *(
        ({"$currentDate": {"a": value}}, "$currentDate.a", "takes True")
        for value in (1, None, "date", {}, {"$type": "x"}, {"$type": 9}, {"$type": "date", "x": 1}, {"a": 1})
    ),
    *(({"$bit": {"a": value}}, "$bit.a", "'and', 'or' or 'xor'") for value in (5, {}, [], {"nand": 1})),
    *(({"$bit": {"a": {"and": value}}}, "$bit.a.and", "integer") for value in (1.0, "1", True, Decimal128("1"))),
    *(({"$pullAll": {"a": value}}, "$pullAll.a", "array") for value in (1, {}, None)),
    ({"$push": {"a": {"$each": 1}}}, "$push.a.$each", "array"),
    ({"$push": {"a": {"$slice": -5}}}, "$push.a", "without \\$each"),
    ({"$push": {"a": {"$sort": 1, "b": 1}}}, "$push.a", "without \\$each"),
    ({"$push": {"a": {"$each": [], "$slize": 1}}}, "$push.a.$slize", "did you mean '\\$slice'"),
    ({"$push": {"a": {"x": 1, "$each": []}}}, "$push.a.x", "unknown modifier"),
    *(({"$push": {"a": {"$each": [], "$slice": v}}}, "$push.a.$slice", "whole") for v in (1.5, "1", None)),
    *(({"$push": {"a": {"$each": [], "$position": v}}}, "$push.a.$position", "whole") for v in (1.5, "a", True)),
    *(
        ({"$push": {"a": {"$each": [], "$sort": v}}}, "$push.a.$sort", "1 or -1")
        for v in (0, 1.5, True, "x", {}, {"b": 2}, {"b": "x"})
    ),
    ({"$push": {"a": {"$each": [{"b\0": 1}]}}}, r"$push.a.$each.0.b\x00", "NUL"),
    ({"$addToSet": {"a": {"$each": 1}}}, "$addToSet.a.$each", "array"),
    ({"$addToSet": {"a": {"$each": [1], "$slice": 1}}}, "$addToSet.a", "alone"),
    ({"$pull": {"a": {"$nope": 1}}}, "$pull.a.$nope", "unknown query operator"),
    ({"$pull": {"a": {"b": {"$nope": 1}}}}, "$pull.a.b.$nope", "unknown query operator"),
    ({"$pull": {"a": {"$gt": 1, "x": 1}}}, "$pull.a", "mixes"),
    ({"$pull": {"a": {"$not": {"$gt": 1}}}}, "$pull.a.$not", "under a field name"),
    ({"$pull": {"a": {"$in": 1}}}, "$pull.a.$in", "array"),
    ({"$pull": {"a": {"$expr": True}}}, "$pull.a.$expr", "under \\$pull"),
    ({"$pull": {"a": {"$or": [{"$where": "1"}]}}}, "$pull.a.$or.0.$where", "under \\$pull"),
    ({"$pull": {"a": {"b": {"$near": [1, 2]}}}}, "$pull.a.b.$near", "under \\$pull"),
    ({"$pull": {"a": {"$elemMatch": {"$jsonSchema": {}}}}}, "$pull.a.$elemMatch.$jsonSchema", "under \\$pull"),
    ([{}], "0", "exactly one"),
    ([1], "0", "a document"),
    ([{"$match": {}}], "0.$match", "may not stand in an update"),
    ([{"$set": {"a": 1}}, {"$group": {"_id": 1}}], "1.$group", "may not stand in an update"),
    ([{"$nope": {}}], "0.$nope", "unknown stage"),
    ([{"$set": 1}], "0.$set", "document"),
    ([{"$unset": ""}], "0.$unset", "name of a field"),
    ([{"a": 1}], "0.a", "begins with"),
    (None, "", "operators or a pipeline"),
    ("x", "", "operators or a pipeline"),
    (1, "", "operators or a pipeline"),
    (collections.UserDict({"a": 1}), "", "replace_one"),
    (RawBSONDocument(bson.encode({"$sett": {"a": 1}})), "$sett", "unknown"),
]


@pytest.mark.parametrize("update", GOOD)
def test_a_good_update_is_taken(update):
    validate_update(update)


@pytest.mark.parametrize(("update", "path", "reason"), BAD)
def test_a_bad_update_is_refused_with_path_and_reason(update, path, reason):
    with pytest.raises(InvalidDocumentError, match=reason) as caught:
        validate_update(update)
    assert caught.value.path == path


def test_a_path_of_any_length_is_refused_quickly():
    with pytest.raises(InvalidDocumentError, match="at most 100 parts"):
        validate_update({"$set": {"a." * 500_000 + "a": 1}})


def test_many_paths_of_one_update_are_compared():
    validate_update({"$set": {f"a.b{number}.c": number for number in range(5_000)}})
