"""Documents that are to be stored."""

import collections
import datetime as dt
import decimal
import re
import types
import uuid

import bson
import pytest
from bson import SON, Code, DBRef, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import DocumentTooLargeError, InvalidDocumentError, SerializationError
from llm_devops_mongodb.validation import (
    MAX_DOCUMENT_SIZE,
    check_document,
    check_size,
    validate_document,
    validate_replacement,
)

GOOD = [
    {},
    {"a": 1, "b": [1, "x", None, {"c": [[1], [2, {"d": 1}]]}]},
    {"_id": ObjectId(), "when": dt.datetime.now(dt.UTC), "who": uuid.uuid4(), "raw": b"x", "n": Int64(3)},
    {"a$b": 1, "price_in_$": 2},
    {"a.b": 1, ".a": 1, "a.": 1, "a..b": 1},
    {"naïve": {"名前": 1}},
    {"a": re.compile("x"), "b": Regex("y"), "c": Code("f()"), "d": Code("f()", {"x": 1})},
    {"_id": None},
    {"_id": {"a": [1], "b": Regex("x")}},
    {"nested": {"_id": [1]}},
    {"owner": {"$ref": "users", "$id": ObjectId()}},
    {"owner": {"$ref": "users", "$id": 1, "$db": "shop", "since": 2020}},
    {"owner": DBRef("users", 1, "shop"), "others": [DBRef("users", 2)]},
    {"_id": {"$ref": "users", "$id": 1}},
    {"a": (1, (2, {"b": 3}))},
    {"shape": {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}},
    SON([("a", 1), ("b", SON(c=1))]),
    collections.OrderedDict(a=1),
    collections.UserDict({"a": collections.ChainMap({"b": 1})}),
    types.MappingProxyType({"a": types.MappingProxyType({"b": [1]})}),
    RawBSONDocument(bson.encode({"a": {"b": [1, {"c": 1}]}})),
]

BAD_NAMES = [
    ({"": 1}, "", "empty"),
    ({"a": {"": 1}}, "a", "empty"),
    ({"a": [1, {"": 1}]}, "a.1", "empty"),
    ({"a\0b": 1}, r"a\x00b", "NUL"),
    ({"a": [[{"\0": 1}]]}, r"a.0.0.\x00", "NUL"),
    ({1: "a"}, "", "str, not int"),
    ({"a": {b"b": 1}}, "a", "str, not bytes"),
    ({"a": {None: 1}}, "a", "str, not NoneType"),
    ({"\ud800": 1}, r"\ud800", "surrogate"),
    ({"é": {"x\udfff": 1}}, r"é.x\udfff", "surrogate"),
    ({"$a": 1}, "$a", "begin with"),
    ({"$": 1}, "$", "begin with"),
    ({"$set": {"a": 1}}, "$set", "update_one"),
    ({"a": {"$inc": 1}}, "a.$inc", "begin with"),
    ({"a": {"b": [{"c": {"$d": 1}}]}}, "a.b.0.c.$d", "begin with"),
    ({"a": ({"$d": 1},)}, "a.0.$d", "begin with"),
    ({"a": {"$ref": "users"}}, "a.$ref", "begin with"),
    ({"a": {"$id": 1}}, "a.$id", "begin with"),
    ({"a": {"$ref": "users", "$id": 1, "$gt": 1}}, "a.$ref", "begin with"),
    ({"a": {"$ref": "users", "$id": {"$gt": 1}}}, "a.$id.$gt", "begin with"),
    ({"a": DBRef("users", {"$gt": 1})}, "a.$id.$gt", "begin with"),
    ({"a": Code("f()", {"x": {"$y": 1}})}, "a.x.$y", "begin with"),
    ({"_id": {"$a": 1}}, "_id.$a", "begin with"),
    ({"_id": {"a": [{"$b": 1}]}}, "_id.a.0.$b", "begin with"),
    (collections.UserDict({"a": collections.ChainMap({"$b": 1})}), "a.$b", "begin with"),
    (types.MappingProxyType({"$a": 1}), "$a", "begin with"),
    (SON(a=SON({"$b": 1})), "a.$b", "begin with"),
    (RawBSONDocument(bson.encode({"a": [{"$b": 1}]})), "a.0.$b", "begin with"),
]


@pytest.mark.parametrize("document", GOOD)
def test_a_good_document_is_taken(document):
    validate_document(document)
    validate_replacement(document)
    check_document(document)


@pytest.mark.parametrize(("document", "path", "reason"), BAD_NAMES)
def test_a_bad_name_is_refused_with_its_path(document, path, reason):
    with pytest.raises(InvalidDocumentError, match=reason) as caught:
        check_document(document)
    assert caught.value.path == path


@pytest.mark.parametrize("check", [validate_document, validate_replacement, check_document])
@pytest.mark.parametrize("document", [None, [], [{"a": 1}], "a", 1, b"a", {"a"}, iter([{"a": 1}])])
def test_what_is_no_mapping_is_refused(check, document):
    with pytest.raises(InvalidDocumentError):
        check(document)


@pytest.mark.parametrize("identity", [[1], (1,), [], re.compile("a"), Regex("a")])
@pytest.mark.parametrize("kind", [dict, collections.UserDict])
def test_an_id_may_not_be_an_array_or_a_pattern(identity, kind):
    with pytest.raises(InvalidDocumentError, match="_id") as caught:
        check_document(kind({"_id": identity}))
    assert caught.value.path == "_id"


def test_a_level_is_a_document_and_an_array_counts_only_within_an_array():
    documents, arrays, mixed = 1, 1, 1
    for _ in range(100):
        documents = {"a": documents}
        arrays = [arrays]
        mixed = {"a": [mixed]}
    check_document(documents)
    check_document(mixed)
    check_document({"a": arrays})
    for deeper in ({"a": documents}, {"a": [mixed]}, {"a": [arrays]}, {"a": [{"b": arrays}]}):
        with pytest.raises(InvalidDocumentError, match="deeper"):
            check_document(deeper)


def test_a_scalar_of_an_unusual_kind_adds_no_level():
    document = {"a": re.compile("x")}
    for _ in range(99):
        document = {"a": document}
    check_document(document)


def test_the_first_bad_field_of_the_document_is_the_one_named():
    with pytest.raises(InvalidDocumentError) as caught:
        check_document({"a": {"x": {"$1": 1}}, "b": {"$2": 1}, "c": [{"$3": 1}]})
    assert caught.value.path == "a.x.$1"


def test_the_size_is_that_of_the_bson():
    overhead = len(bson.encode({"data": ""}))
    validate_document({"data": "x" * (MAX_DOCUMENT_SIZE - overhead)})
    with pytest.raises(DocumentTooLargeError) as caught:
        validate_document({"data": "x" * (MAX_DOCUMENT_SIZE - overhead + 1)})
    assert caught.value.size == MAX_DOCUMENT_SIZE + 1


def test_the_size_of_encoded_bytes_is_checked():
    check_size(bytes(MAX_DOCUMENT_SIZE))
    with pytest.raises(DocumentTooLargeError) as caught:
        check_size(bytes(MAX_DOCUMENT_SIZE + 1))
    assert caught.value.size == MAX_DOCUMENT_SIZE + 1


def test_the_size_is_no_matter_for_the_check_of_names():
    check_document({"data": "x" * (MAX_DOCUMENT_SIZE + 1)})


@pytest.mark.parametrize(
    ("document", "path", "advice"),
    [
        ({"a": {"b": [1, decimal.Decimal(1)]}}, "a.b.1", "Decimal128"),
        ({"a": 2**63}, "a", "64 bits"),
        ({"a": [{"b": "\ud800"}]}, "a.0.b", "Unicode"),
        ({"a": {1, 2}}, "a", "list"),
        ({"a": frozenset()}, "a", "list"),
        ({"a": dt.date(2020, 1, 1)}, "a", "datetime"),
        ({"a": dt.timedelta(1)}, "a", "number"),
        ({"a": 1, "b": object()}, "b", "type object"),
        ({"a": re.compile("x\0")}, "a", "type Pattern"),
        (collections.UserDict({"a": collections.UserDict({"b": 1j})}), "a.b", "type complex"),
    ],
)
def test_a_value_that_bson_cannot_hold_is_refused_with_its_path(document, path, advice):
    with pytest.raises(SerializationError, match=advice) as caught:
        validate_document(document)
    assert caught.value.path == path
    check_document(document)


class Unwritable(collections.UserDict):
    """A mapping that bson cannot read, though each of its values could be written."""

    def __iter__(self):
        raise_on_second = self.__dict__.setdefault("reads", [])
        raise_on_second.append(1)
        if len(raise_on_second) == 3:
            raise TypeError
        return super().__iter__()


def test_a_document_that_cannot_be_written_for_no_single_value_is_refused_as_a_whole():
    with pytest.raises(SerializationError) as caught:
        validate_document(Unwritable({"a": 1}))
    assert caught.value.path == ""


def test_raw_bytes_that_are_no_bson_are_refused():
    raw = bytearray(bson.encode({"a": {"b": 1}, "text": "xx"}))
    raw[-4] = 0xFF
    for check in (validate_document, validate_replacement, check_document):
        with pytest.raises(InvalidDocumentError, match="not BSON"):
            check(RawBSONDocument(bytes(raw)))


@pytest.mark.parametrize("document", [{"$set": {"a": 1}}, {"a": 1, "$inc": {"b": 1}}, [{"$set": {"a": 1}}], ()])
def test_an_update_where_a_replacement_is_wanted_names_update_one(document):
    with pytest.raises(InvalidDocumentError, match="update_one"):
        validate_replacement(document)


@pytest.mark.parametrize("document", [case[0] for case in BAD_NAMES])
def test_a_replacement_may_have_no_bad_name_either(document):
    with pytest.raises(InvalidDocumentError):
        validate_replacement(document)


def test_a_replacement_is_to_be_written_as_bson_too():
    with pytest.raises(SerializationError):
        validate_replacement({"a": object()})
    with pytest.raises(DocumentTooLargeError):
        validate_replacement({"a": "x" * MAX_DOCUMENT_SIZE})
