"""What all validators share: the design's own examples, arbitrary input, errors that keep values to themselves."""

import collections
import datetime as dt
import inspect
import json
import pickle
import re
import sys
import types
import uuid
from decimal import Decimal

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb import validation
from llm_devops_mongodb.errors import DocumentTooLargeError, InvalidDocumentError, MongoError
from llm_devops_mongodb.validation import (
    MAX_BSON_DEPTH,
    MAX_DOCUMENT_SIZE,
    MAX_NAMESPACE_LENGTH,
    check_document,
    validate_document,
    validate_filter,
    validate_namespace,
    validate_pipeline,
    validate_replacement,
    validate_update,
)
from llm_devops_mongodb.validation.fields import check_literal, check_stored
from llm_devops_mongodb.validation.filters import FIELD_OPERATORS, TOP_OPERATORS, check_filter
from llm_devops_mongodb.validation.pipelines import STAGES
from llm_devops_mongodb.validation.places import walk
from llm_devops_mongodb.validation.shortcuts import is_ordinary_filter, is_plain
from llm_devops_mongodb.validation.update_operators import OPERATORS

CANARY = "c4nary-5ecret"
CHECKS = [validate_document, validate_replacement, validate_filter, validate_update, validate_pipeline]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.binary(max_size=8),
    st.datetimes(min_value=dt.datetime.fromisoformat("1970-01-02"), timezones=st.just(dt.UTC)),
    st.uuids(),
    st.sampled_from([ObjectId(b"twelve bytes"), Decimal128("1.5"), Int64(5), Timestamp(1, 1), MinKey(), MaxKey()]),
)
legal_names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0$"), min_size=1, max_size=6
).filter(lambda name: name != "_id")
legal_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(legal_names, inner, max_size=4),
    max_leaves=20,
)

words = st.sampled_from(
    sorted({*FIELD_OPERATORS, *TOP_OPERATORS, *OPERATORS, *STAGES, "$each", "$ref", "$id", "$nope"})
)
odd_names = st.one_of(
    words, st.text(max_size=3), st.sampled_from(["", "a", "a.b", "a..b", "_id", "\0", "\ud800", "and"])
)
odd_leaves = st.one_of(
    scalars,
    st.text(max_size=3),
    st.integers(),
    st.decimals(),
    st.complex_numbers(),
    st.fractions(),
    st.sampled_from(
        [Regex("a"), re.compile("a", re.IGNORECASE), re.compile(b"a"), Regex("a\0"), Code("x"), Code("x", {"$a": 1})]
    ),
    st.sampled_from(
        [DBRef("c", 1), DBRef("c", {"$x": {}}), Binary(b"x", 5), object(), {1, 2}, dt.date(2020, 1, 1), dict]
    ),
    st.sampled_from([Decimal("sNaN"), Decimal("1e999999"), Decimal128("1E+6000"), Decimal128("NaN"), 10**400]),
)
odd_values = st.recursive(
    odd_leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner),
        st.dictionaries(odd_names, inner, max_size=3),
        st.dictionaries(st.one_of(odd_names, st.integers(), st.none(), st.binary(max_size=2)), inner, max_size=2),
        st.dictionaries(odd_names, inner, max_size=2).map(collections.UserDict),
        st.dictionaries(odd_names, inner, max_size=2).map(lambda value: collections.ChainMap(value, {"z": 1})),
    ),
    max_leaves=25,
)


def refusal(check, value):
    try:
        check(value)
    except MongoError as error:
        return error
    return None


def nested_documents(levels, core=1):
    value = core
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_document_of_ordinary_size_is_valid_and_one_of_17_mib_is_too_large():
    validate_document({"name": "test"})
    with pytest.raises(DocumentTooLargeError) as caught:
        validate_document({"data": "x" * (17 * 1024 * 1024)})
    assert caught.value.size > 17 * 1024 * 1024


def test_a_plain_field_name_is_valid_and_one_with_a_dollar_is_not():
    validate_document({"normal_field": 1})
    with pytest.raises(InvalidDocumentError):
        validate_document({"$invalid": 1})


def test_namespaces_of_users_are_valid_and_those_of_the_system_or_without_a_name_are_not():
    validate_namespace("mydb", "users")
    for collection in ("system.users", ""):
        with pytest.raises(InvalidDocumentError):
            validate_namespace("mydb", collection)


def test_the_limits_are_those_of_the_design():
    assert (MAX_DOCUMENT_SIZE, MAX_BSON_DEPTH, MAX_NAMESPACE_LENGTH) == (16 * 1024 * 1024, 100, 120)


@given(st.dictionaries(legal_names, legal_values, max_size=6))
def test_a_document_of_legal_names_is_valid(document):
    validate_document(document)
    validate_replacement(document)
    validate_filter(document)
    validate_update({"$set": {"value": document}})


@given(st.dictionaries(legal_names, legal_values, max_size=6))
def test_a_document_that_was_read_as_raw_bson_is_as_valid_as_its_source(document):
    raw = RawBSONDocument(bson.encode(document, codec_options=bson.CodecOptions(uuid_representation=4)))
    validate_document(raw)
    validate_filter(raw)


@given(odd_values)
@pytest.mark.parametrize("check", CHECKS)
def test_whatever_is_given_the_only_errors_are_this_librarys(check, value):
    error = refusal(check, value)
    assert error is None or (error.outcome == "not_applied" and isinstance(error.path, str))


@given(odd_names, odd_values)
def test_whatever_stands_in_an_operator_the_only_errors_are_this_librarys(name, value):
    for check, whole in [
        (validate_filter, {name: value}),
        (validate_filter, {"a": {name: value}}),
        (validate_filter, {"a": {"$elemMatch": {name: value}}}),
        (validate_update, {name: {"a": value}}),
        (validate_update, {"$push": {"a": {"$each": [], name: value}}}),
        (validate_update, {"$pull": {"a": {name: value}}}),
        (validate_pipeline, [{name: value}]),
        (validate_pipeline, [{"$facet": {"a": [{name: value}]}}]),
    ]:
        error = refusal(check, whole)
        assert error is None or (isinstance(error, InvalidDocumentError) and len(str(error)) < 1_000)


@given(odd_values)
def test_an_accepted_document_holds_no_name_with_a_dollar_but_those_of_references(value):
    document = {"field": value}
    try:
        check_document(document)
    except InvalidDocumentError:
        return
    pending = [document]
    while pending:
        item = pending.pop()
        if isinstance(item, collections.abc.Mapping):
            assert all(isinstance(name, str) and name and "\0" not in name for name in item)
            assert {name for name in item if name[0] == "$"} <= {"$ref", "$id", "$db"}
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)


plain_leaves = st.sampled_from([1, "x", None, [1, "y"], re.compile("z"), (1,), {}])
nearly_plain = st.recursive(
    plain_leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "é", "$gt", "$ref", "$in", "$and", "$or", "a$b", ""]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(nearly_plain)
def test_a_shortcut_takes_no_document_that_the_check_would_refuse(value):
    if is_plain(value):
        walk(check_stored, value)
    if is_plain(value, dollars=True):
        walk(check_literal, value)


@given(nearly_plain)
def test_a_shortcut_takes_no_filter_that_the_check_would_refuse(value):
    for candidate in (value, {"a": value}, {"a": {"$in": value}}, {"$and": value}, {"$or": [{"a": 1}, value]}):
        if is_ordinary_filter(candidate):
            walk(check_filter, candidate)


@pytest.mark.parametrize("levels", [MAX_BSON_DEPTH + 1, 10_000])
@pytest.mark.parametrize(
    ("check", "wrap"),
    [
        (validate_document, lambda deep: deep),
        (validate_filter, lambda deep: deep),
        (validate_filter, lambda deep: {"$or": [{"a": {"$in": [deep]}}]}),
        (validate_update, lambda deep: {"$set": {"a": deep}}),
        (validate_pipeline, lambda deep: [{"$match": deep}]),
    ],
)
def test_input_of_any_depth_is_merely_too_deep(check, wrap, levels):
    deep = wrap(nested_documents(levels))
    with pytest.raises(InvalidDocumentError, match="nested deeper than 100 levels"):
        check(deep)


@pytest.mark.parametrize("check", CHECKS[:3])
def test_the_deepest_document_allowed_has_one_hundred_levels(check):
    check(nested_documents(MAX_BSON_DEPTH))
    with pytest.raises(InvalidDocumentError):
        check(nested_documents(MAX_BSON_DEPTH + 1))


def test_depth_is_checked_without_recursion():
    document, filter_of_it = nested_documents(MAX_BSON_DEPTH), {"$and": [nested_documents(MAX_BSON_DEPTH - 1)]}
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 50)
    try:
        check_document(document)
        validate_filter(filter_of_it)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "operator",
    [
        lambda inner: {"$and": [inner]},
        lambda inner: {"a": {"$not": {"$elemMatch": inner}}},
        lambda inner: {"a": {"$all": [{"$elemMatch": inner}]}},
        lambda inner: {"a": {"$elemMatch": {"$nor": [inner, {"b": 1}]}}},
    ],
)
def test_filters_within_filters_are_bounded_too(operator):
    deep = {"a": 1}
    for _ in range(2_000):
        deep = operator(deep)
    with pytest.raises(InvalidDocumentError, match="nested deeper"):
        validate_filter(deep)


def test_a_document_that_holds_itself_is_too_deep():
    document: dict = {"a": 1}
    document["self"] = [document, document]
    array: list = []
    array += [array, array]
    for value in (document, {"a": array}):
        with pytest.raises(InvalidDocumentError, match="holds itself"):
            validate_document(value)


@pytest.mark.parametrize("check", [check_stored, check_filter])
def test_a_document_that_multiplies_itself_is_too_large(check):
    small: object = re.compile("a")
    for _ in range(50):
        small = {"x": small, "y": small}
    with pytest.raises(DocumentTooLargeError) as caught:
        walk(check, {"$and": [small]} if check is check_filter else small, most=1_000)
    assert caught.value.size == 8_000


def test_as_many_nested_documents_are_looked_at_as_fit_in_one():
    assert inspect.signature(walk).parameters["most"].default * len(bson.encode({"a": {}})[4:-1]) == MAX_DOCUMENT_SIZE


def test_builders_are_checked_by_what_they_build():
    validate_filter(types.SimpleNamespace(build=lambda: {"a": {"$gt": 1}}))
    with pytest.raises(InvalidDocumentError):
        validate_filter(types.SimpleNamespace(build=lambda: {"a": {"$nope": 1}}))
    with pytest.raises(InvalidDocumentError, match="a filter is a mapping"):
        validate_filter(collections.UserDict)


def test_a_mapping_that_has_a_key_named_build_is_still_a_mapping():
    validate_document({"build": 1})
    validate_filter(collections.UserDict({"build": 1}))


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (validate_document, {"a": {"$b": CANARY}}),
        (validate_document, {"a": [object(), CANARY]}),
        (validate_document, {"a": CANARY + "\ud800"}),
        (validate_document, {"_id": [CANARY]}),
        (validate_replacement, {"$set": {"a": CANARY}}),
        (validate_filter, {"a": {"$size": CANARY}}),
        (validate_filter, {"a": {"$type": CANARY}}),
        (validate_filter, {"a": {"$options": CANARY}}),
        (validate_filter, {"a": {"$regex": CANARY + "\0"}}),
        (validate_filter, {"$text": {"$search": [CANARY]}}),
        (validate_filter, {"a": {"$gt": CANARY, "b": CANARY}}),
        (validate_filter, {"a": {"$nope": CANARY}}),
        (validate_update, {"$inc": {"a": CANARY}}),
        (validate_update, {"a": CANARY}),
        (validate_update, {"$rename": {"a": Code(CANARY)}}),
        (validate_pipeline, [{"$limit": CANARY}]),
        (validate_pipeline, [{"$sort": {"a": CANARY}}]),
        (validate_pipeline, CANARY),
        (validation.parse_object_id, CANARY),
    ],
)
def test_no_error_shows_a_value(check, value):
    with pytest.raises(MongoError) as caught:
        check(value)
    error = caught.value
    assert CANARY not in f"{error!s} {error.path}"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_an_error_shows_names_escaped_and_cut():
    with pytest.raises(InvalidDocumentError) as caught:
        validate_document({"n" * 500: {"line\nbreak": {"$bad": 1}}})
    first, second, third = caught.value.path.split(".")
    assert (first, second, third) == ("n" * 80 + "…", r"line\nbreak", "$bad")


def test_a_long_path_is_cut_in_the_text_and_whole_in_the_attribute():
    with pytest.raises(InvalidDocumentError) as caught:
        validate_document(nested_documents(60, {"$bad": 1}) | {"b": 1} | {"x" * 70: {"y" * 70: {"z" * 70: {"$q": 1}}}})
    assert len(str(caught.value)) < 300
    with pytest.raises(InvalidDocumentError) as caught:
        validate_document({"x" * 80: {"y" * 80: {"z" * 80: {"$q": 1}}}})
    assert " … " in str(caught.value)
    assert caught.value.path == ".".join(["x" * 80, "y" * 80, "z" * 80, "$q"])


def test_an_error_can_be_pickled():
    with pytest.raises(InvalidDocumentError) as caught:
        validate_document({"a": {"$b": 1}})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.path) == (str(caught.value), "a.$b")


@pytest.mark.parametrize("check", CHECKS)
def test_no_check_changes_what_it_is_given(check):
    value = {"$set": {"a": [1, {"b": 2}]}} if check is validate_update else {"a": [1, {"b": uuid.UUID(int=1)}]}
    given_value = [{"$match": value}] if check is validate_pipeline else value
    before = json.dumps(given_value, default=str)
    check(given_value)
    assert json.dumps(given_value, default=str) == before
