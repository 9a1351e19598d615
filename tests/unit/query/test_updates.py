"""Updates: what each method builds, and what it refuses."""

from __future__ import annotations

import copy
import enum
import pickle
from itertools import pairwise
from typing import Any

import pytest
from bson import SON, Code, DBRef, Decimal128, Int64, Regex
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.query.documents import DocBuilder
from llm_devops_mongodb.query.fields import Field
from llm_devops_mongodb.query.filters import FilterBuilder
from llm_devops_mongodb.query.updates import UpdateBuilder
from llm_devops_mongodb.validation import validate_update

U = UpdateBuilder()


@pytest.mark.parametrize(
    ("made", "built"),
    [
        (U.set("a.b", 1), {"$set": {"a.b": 1}}),
        (U.set("a", {"$inc": 1}), {"$set": {"a": {"$inc": 1}}}),
        (U.set("a", DocBuilder().field("b", 1)), {"$set": {"a": {"b": 1}}}),
        (U.set(Field("a.b"), None), {"$set": {"a.b": None}}),
        (U.set_on_insert("_id", 1), {"$setOnInsert": {"_id": 1}}),
        (U.unset("a"), {"$unset": {"a": ""}}),
        (U.inc("a"), {"$inc": {"a": 1}}),
        (U.inc("a", Decimal128("1.5")), {"$inc": {"a": Decimal128("1.5")}}),
        (U.mul("a", Int64(2)), {"$mul": {"a": 2}}),
        (U.min("a", "x"), {"$min": {"a": "x"}}),
        (U.max("a", Regex("x")), {"$max": {"a": Regex("x")}}),
        (U.rename("a.b", "a.c"), {"$rename": {"a.b": "a.c"}}),
        (U.rename("a", Field("b")), {"$rename": {"a": "b"}}),
        (U.current_date("a"), {"$currentDate": {"a": {"$type": "date"}}}),
        (U.current_date("a", "timestamp"), {"$currentDate": {"a": {"$type": "timestamp"}}}),
        (U.push("a", 1), {"$push": {"a": 1}}),
        (U.push("a", [1]), {"$push": {"a": [1]}}),
        (U.push("a", {"b": 1}), {"$push": {"a": {"b": 1}}}),
        (U.push("a", DBRef("c", 1)), {"$push": {"a": DBRef("c", 1)}}),
        (U.push_each("a", (1, 2)), {"$push": {"a": {"$each": [1, 2]}}}),
        (U.push_each("a", []), {"$push": {"a": {"$each": []}}}),
        (
            U.push_each("a", [{"$each": 1}], position=-1, slice=0, sort={"b.c": -1, "d": 1}),
            {"$push": {"a": {"$each": [{"$each": 1}], "$position": -1, "$slice": 0, "$sort": {"b.c": -1, "d": 1}}}},
        ),
        (U.push_each("a", [1], sort=1), {"$push": {"a": {"$each": [1], "$sort": 1}}}),
        (U.add_to_set("a", 1), {"$addToSet": {"a": 1}}),
        (U.add_each("a", iter([1, 2])), {"$addToSet": {"a": {"$each": [1, 2]}}}),
        (U.add_each("a", []), {"$addToSet": {"a": {"$each": []}}}),
        (U.pull("a", 1), {"$pull": {"a": 1}}),
        (U.pull("a", {"$gte": 1, "$lt": 5}), {"$pull": {"a": {"$gte": 1, "$lt": 5}}}),
        (U.pull("a", FilterBuilder().eq("b", 1)), {"$pull": {"a": {"b": 1}}}),
        (U.pull("a", Regex("^x")), {"$pull": {"a": Regex("^x")}}),
        (U.pull_all("a", [{"$gt": 1}]), {"$pullAll": {"a": [{"$gt": 1}]}}),
        (U.pop("a"), {"$pop": {"a": 1}}),
        (U.pop("a", first=True), {"$pop": {"a": -1}}),
        (U.bit("a", and_=5), {"$bit": {"a": {"and": 5}}}),
        (U.bit("a", xor=0, or_=Int64(1)), {"$bit": {"a": {"or": 1, "xor": 0}}}),
    ],
)
def test_a_change_is_built(made: UpdateBuilder, built: dict[str, Any]) -> None:
    assert made.build() == built
    validate_update(made)


@pytest.mark.parametrize("value", [{"$each": [1]}, SON({"$each": [1]}), {"$slice": 1}, {"a": 1, "$each": [1]}])
def test_a_value_is_never_read_as_modifiers(value: Any) -> None:
    assert U.push("a", value).build() == {"$push": {"a": {"$each": [value]}}}
    assert U.add_to_set("a", value).build() == {"$addToSet": {"a": {"$each": [value]}}}


class Secret(enum.Enum):
    EACH = {"$each": [1, 2]}  # noqa: RUF012  # a member


def test_a_value_of_an_enum_s_member_is_never_read_as_modifiers() -> None:
    assert U.push("a", Secret.EACH).build() == {"$push": {"a": {"$each": [{"$each": [1, 2]}]}}}
    assert U.add_to_set("a", Secret.EACH).build() == {"$addToSet": {"a": {"$each": [{"$each": [1, 2]}]}}}
    assert U.set("a", Secret.EACH).build() == {"$set": {"a": {"$each": [1, 2]}}}


def test_changes_are_gathered_in_the_order_of_their_operators_first_use() -> None:
    made = U.set("a", 1).inc("n").set("b", 2).unset("c")

    assert list(made.build().items()) == [("$set", {"a": 1, "b": 2}), ("$inc", {"n": 1}), ("$unset", {"c": ""})]


def test_no_change_builds_what_is_no_update() -> None:
    assert U.build() == {}
    with pytest.raises(InvalidDocumentError, match="may not be empty"):
        validate_update(U)


@pytest.mark.parametrize(
    ("call", "path", "words"),
    [
        (lambda it: it.inc("a", "1"), "a", "number"),
        (lambda it: it.inc("a", amount=True), "a", "number"),
        (lambda it: it.inc("a", None), "a", "number"),
        (lambda it: it.mul("a", []), "a", "number"),
        (lambda it: it.rename("a", 5), "", "str or a Field"),
        (lambda it: it.rename("a", "$b"), "$b", "begins with"),
        (lambda it: it.rename("a.$", "b"), "a.$", "no elements"),
        (lambda it: it.rename("a", "b.$[]"), "b.$[]", "no elements"),
        (lambda it: it.current_date("a", "time"), "a", "'timestamp'"),
        (lambda it: it.push_each("a", "xy"), "a", "several values"),
        (lambda it: it.push_each("a", {"b": 1}), "a", "several values"),
        (lambda it: it.push_each("a", None), "a", "several values"),
        (lambda it: it.push_each("a", [], slice=1.5), "a.$slice", "whole number"),
        (lambda it: it.push_each("a", [], slice="1"), "a.$slice", "whole number"),
        (lambda it: it.push_each("a", [], position=True), "a.$position", "whole number"),
        (lambda it: it.push_each("a", [], sort=2), "a.$sort", "1 or -1"),
        (lambda it: it.push_each("a", [], sort=True), "a.$sort", "1 or -1"),
        (lambda it: it.push_each("a", [], sort="b"), "a.$sort", "1 or -1"),
        (lambda it: it.push_each("a", [], sort={}), "a.$sort", "1 or -1"),
        (lambda it: it.push_each("a", [], sort={"b": "asc"}), "a.$sort", "1 or -1"),
        (lambda it: it.push_each("a", [], sort={Field("b"): 1, "b": -1}), "a.$sort", "twice"),
        (lambda it: it.push_each("a", [], sort={"b..c": 1}), "", "empty part"),
        (lambda it: it.add_each("a", 5), "a", "several values"),
        (lambda it: it.pull_all("a", "x"), "a", "several values"),
        (lambda it: it.pull("a", {"$gtt": 1}), "a.$gtt", "did you mean"),
        (lambda it: it.pull("a", {"b": {"$near": [1, 2]}}), "a.b.$near", "may not stand"),
        (lambda it: it.pop("a", 1), "a", "True or False"),
        (lambda it: it.pop("a", first=None), "a", "True or False"),
        (lambda it: it.bit("a"), "a", "'and', 'or' or 'xor'"),
        (lambda it: it.bit("a", and_=1.0), "a.and", "integer"),
        (lambda it: it.bit("a", or_=True), "a.or", "integer"),
    ],
)
def test_what_the_server_would_refuse_is_refused(call: Any, path: str, words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words) as caught:
        call(U)
    assert caught.value.path == path


@pytest.mark.parametrize("path", ["a.$", "a.$.b", "a.$[].b", "a.$[x].b.$[y2]", "a.$[].$", "a.0.b", "a.$id", "a.b.$ref"])
def test_a_path_may_lead_to_elements_of_arrays(path: str) -> None:
    assert U.set(path, 1).build() == {"$set": {path: 1}}


@pytest.mark.parametrize(
    "path",
    ["$", "$[]", "$x", "$set", "a.$x", "a.$[X]", "a.$[1]", "a.$[x", "a.$[x_y]", "a.$.b.$", "", "a..b", ".a", None, 5],
)
def test_a_path_that_cannot_be_changed_is_refused(path: Any) -> None:
    for call in (U.set, U.inc, U.push, U.min):
        with pytest.raises(InvalidDocumentError):
            call(path, 1)
    for call in (U.unset, U.pop, U.current_date):
        with pytest.raises(InvalidDocumentError):
            call(path)


def test_a_path_has_at_most_as_many_parts_as_a_document_has_levels() -> None:
    path = ".".join("a" * 100)

    assert U.set(path, 1).build() == {"$set": {path: 1}}
    with pytest.raises(InvalidDocumentError, match="at most 100"):
        U.set(f"{path}.a", 1)


CONFLICTS = [
    ("a", "a"),
    ("a", "a.b"),
    ("a.b", "a"),
    ("a.b.c", "a"),
    ("a", "a.b.c"),
    ("a.$", "a"),
    ("a.$", "a.$.b"),
    ("a.$[x].b", "a.$[x].b"),
    ("a.$[].b", "a.$.c"),
    ("a.0", "a.$[]"),
    ("a.$[x]", "a.b"),
]
NEIGHBOURS = [("a", "ab"), ("a.b", "a.c"), ("a.$.b", "a.$.c"), ("a.$[].b", "a.$[x].c"), ("a.1", "a.01"), ("a.b", "b.a")]


@pytest.mark.parametrize(("first", "second"), CONFLICTS)
def test_a_path_is_changed_once_and_none_within_it(first: str, second: str) -> None:
    for change in (U.set(first, 1).set, U.inc(first, 1).set, U.push(first, 1).inc):
        with pytest.raises(InvalidDocumentError, match="conflicts with another change") as caught:
            change(second, 1)
        assert caught.value.path == second


@pytest.mark.parametrize(("first", "second"), NEIGHBOURS)
def test_neighbouring_paths_are_changed_together(first: str, second: str) -> None:
    assert U.set(first, 1).set(second, 2).build() == {"$set": {first: 1, second: 2}}


@pytest.mark.parametrize(
    "call",
    [
        lambda: U.rename("a", "a"),
        lambda: U.rename("a", "a.b"),
        lambda: U.rename("a.b", "a"),
        lambda: U.rename("a", "b").set("b", 1),
        lambda: U.rename("a", "b").set("a.c", 1),
        lambda: U.set("b.c", 1).rename("a", "b"),
        lambda: U.rename("a", "b").rename("b", "c"),
    ],
)
def test_a_rename_changes_both_its_paths(call: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="conflicts"):
        call()


PARTS = st.sampled_from(["a", "b", "0"])
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map(".".join), min_size=1, max_size=4)


@given(PATHS)
def test_the_paths_that_conflict_are_those_that_validation_refuses(paths: list[str]) -> None:
    # Every two paths: one document cannot name the same path twice under one operator.
    operators = ["$set", "$inc", "$max", "$mul"]
    update = {operator: {path: 1} for operator, path in zip(operators, paths, strict=False)}
    methods = ["set", "inc", "max", "mul"]

    def outcome(call: Any) -> bool:
        try:
            call()
        except InvalidDocumentError:
            return False
        return True

    def build() -> None:
        made = UpdateBuilder()
        for method, path in zip(methods, paths, strict=False):
            made = getattr(made, method)(path, 1)

    assert outcome(build) == outcome(lambda: validate_update(update))
    assert all(
        outcome(lambda a=a, b=b: U.set(a, 1).inc(b)) == outcome(lambda a=a, b=b: U.set(b, 1).inc(a))
        for a, b in pairwise(paths)
    )


def test_a_refused_value_is_not_told() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        U.inc("a", "secret")  # type: ignore[arg-type]  # what is tested

    assert "secret" not in str(caught.value)


def test_a_method_leaves_its_builder_alone() -> None:
    first = U.set("a", 1)

    second = first.set("b", 2)

    assert first.build() == {"$set": {"a": 1}}
    assert second.build() == {"$set": {"a": 1, "b": 2}}
    assert first.set("b", 3).build() == {"$set": {"a": 1, "b": 3}}


def test_what_the_caller_changes_later_changes_no_builder() -> None:
    inner: dict[str, Any] = {"x": [1]}
    values = [inner]
    made = U.set("a", inner).push("b", inner).push_each("c", values).pull("d", {"e": inner}).add_each("f", values)
    made = made.set("g", Code("x", inner)).set("h", DBRef("c", inner)).pull_all("i", values)
    before = copy.deepcopy(made.build())

    inner["x"].append(2)
    values.append({})

    assert made.build() == before


def test_what_is_built_is_new_each_time() -> None:
    made = U.set("a", {"b": [1]})

    made.build()["$set"]["a"]["b"].append(2)
    made.build()["$set"]["c"] = 1
    made["$set"]["d"] = 1

    assert made.build() == {"$set": {"a": {"b": [1]}}}


def test_a_builder_is_a_value() -> None:
    made = U.set("a", 1).inc("b")

    assert made == UpdateBuilder().set("a", 1).inc("b")
    assert made == {"$set": {"a": 1}, "$inc": {"b": 1}}
    assert U.push_each("a", [], sort={"b": 1, "c": 1}) != U.push_each("a", [], sort={"c": 1, "b": 1})
    assert made != U.set("a", 1)
    assert dict(made) == made.build()
    assert repr(made) == "UpdateBuilder({'$set': {'a': 1}, '$inc': {'b': 1}})"
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(InvalidDocumentError):
        copy.deepcopy(made).set("a", 2)


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop

    for call in (U.set, U.push, U.add_to_set, U.pull, U.min, U.set_on_insert):
        with pytest.raises(InvalidDocumentError, match="deeper"):
            call("a", loop)
    for each in (U.push_each, U.add_each, U.pull_all):
        with pytest.raises(InvalidDocumentError, match="deeper"):
            each("a", [loop])
