"""Filters: what each method builds, and what it refuses."""

from __future__ import annotations

import collections
import copy
import enum
import pickle
import re
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import SON, Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.query.fields import Field
from llm_devops_mongodb.query.filters import FilterBuilder
from llm_devops_mongodb.validation import validate_filter

POINT = {"type": "Point", "coordinates": [1, 2]}
RING = [[0, 0], [0, 1], [1, 1], [0, 0]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}


class Text(str):
    __slots__ = ()


class Secret(enum.Enum):
    """What a client could be let choose from, none of it meant as a condition."""

    PATTERN = re.compile("^")
    OPERATOR = {"$ne": None}  # noqa: RUF012  # a member
    ELEMENT = {"$elemMatch": {"a": 1}}  # noqa: RUF012  # a member
    PLAIN = "x"


SCALARS = [
    *(None, True, 1, 1.5, "x", b"x", Text("$ne"), Int64(1), Decimal128("1"), ObjectId(), MinKey(), MaxKey()),
    *(datetime(2026, 1, 1, tzinfo=UTC), UUID(int=1), Binary(b"x", 5), Timestamp(1, 1)),
]

EXPRESSED = {"$expr": {"$gt": ["$a.b", {"$add": ["$c", 1]}]}}

# What a server could read as an operator or a pattern, with what it is once built.
HOSTILE: list[tuple[Any, Any]] = [
    ({"$ne": None}, {"$ne": None}),
    ({"$gt": ""}, {"$gt": ""}),
    ({"a": {"$ne": 1}}, {"a": {"$ne": 1}}),
    ({}, {}),
    (SON({"$ne": None}), {"$ne": None}),
    (collections.UserDict({"$ne": None}), {"$ne": None}),
    (collections.ChainMap({"$ne": None}), {"$ne": None}),
    (collections.OrderedDict({Text("$ne"): None}), {"$ne": None}),
    (FilterBuilder().ne("a", None), {"a": {"$ne": None}}),
    (DBRef("c", 1), DBRef("c", 1)),
    (Regex(""), Regex("")),
    (re.compile("."), re.compile(".")),
    (Code("x", {"a": 1}), Code("x", {"a": 1})),
    (Code("x"), Code("x")),
    (Secret.OPERATOR, {"$ne": None}),
    (Secret.PATTERN, re.compile("^")),
]


def refused(call: Any, path: str, words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words) as caught:
        call(FilterBuilder())
    assert caught.value.path == path


def test_no_condition_is_the_empty_filter() -> None:
    assert FilterBuilder().build() == {}
    assert not FilterBuilder()


def test_one_condition_is_the_filter() -> None:
    assert FilterBuilder().eq("name", "test").build() == {"name": "test"}


def test_several_conditions_stand_in_one_and_in_their_order() -> None:
    built = FilterBuilder().gt("b", 1).eq("a", 1).lt("b", 9).build()

    assert built == {"$and": [{"b": {"$gt": 1}}, {"a": 1}, {"b": {"$lt": 9}}]}


@pytest.mark.parametrize("value", SCALARS, ids=lambda it: type(it).__name__)
def test_eq_leaves_a_scalar_bare(value: Any) -> None:
    assert FilterBuilder().eq("a", value).build() == {"a": value}


@pytest.mark.parametrize("value", [[], [1, 2], [{"$ne": 1}], [Regex("x")]])
def test_eq_leaves_an_array_bare(value: list[Any]) -> None:
    assert FilterBuilder().eq("a", value).build() == {"a": value}
    assert FilterBuilder().eq("a", tuple(value)).build() == {"a": value}


@pytest.mark.parametrize(("value", "built"), HOSTILE, ids=lambda it: type(it).__name__)
def test_eq_puts_what_could_be_read_otherwise_under_an_operator(value: Any, built: Any) -> None:
    assert FilterBuilder().eq("a", value).build() == {"a": {"$eq": built}}
    assert FilterBuilder().eq_safe("a", value).build() == {"a": {"$eq": built}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (bytearray(b"ab"), b"ab"),
        (memoryview(bytearray(b"ab")), b"ab"),
        (collections.deque([1, {"b": 2}]), [1, {"b": 2}]),
    ],
)
def test_no_kind_of_value_changes_a_builder_later(given: Any, kept: Any) -> None:
    made = [FilterBuilder().eq("a", given), FilterBuilder().ne("a", [given]), FilterBuilder().in_array("a", [given])]

    given[0] = 99

    assert made == [{"a": kept}, {"a": {"$ne": [kept]}}, {"a": {"$in": [kept]}}]


def test_an_array_that_holds_itself_is_too_deep() -> None:
    endless: Any = collections.deque()
    endless.append(endless)

    refused(lambda it: it.eq("a", endless), ".".join(["a", *["0"] * 100]), "nested deeper")


def test_a_raw_document_is_kept_as_it_is() -> None:
    raw = RawBSONDocument(bson.encode({"$ne": None}))

    assert FilterBuilder().eq("a", raw).build()["a"]["$eq"] is raw


@pytest.mark.parametrize("name", ["ne", "gt", "gte", "lt", "lte"])
def test_a_comparison_takes_its_value_as_it_is(name: str) -> None:
    compare = getattr(FilterBuilder(), name)

    assert compare("a.b", 1).build() == {"a.b": {f"${name}": 1}}
    assert compare("a", {"$gt": 1}).build() == {"a": {f"${name}": {"$gt": 1}}}
    assert compare("a", [1]).build() == {"a": {f"${name}": [1]}}
    for pattern in (Regex("x"), re.compile("x")):
        refused(lambda it, pattern=pattern: getattr(it, name)("a", pattern), "a", "regular expression")


MEMBERSHIPS = {"in_array": "$in", "nin": "$nin", "all": "$all"}


@pytest.mark.parametrize(("name", "operator"), MEMBERSHIPS.items())
def test_a_membership_takes_any_iterable(name: str, operator: str) -> None:
    member = getattr(FilterBuilder(), name)

    for values in ([1, 2], (1, 2), iter([1, 2]), {1: "a", 2: "b"}.keys(), range(1, 3)):
        assert member("a", values).build() == {"a": {operator: [1, 2]}}
    assert member("a", []).build() == {"a": {operator: []}}
    assert member("a", [{"x": 1}, DBRef("c", 1), [1]]).build() == {"a": {operator: [{"x": 1}, DBRef("c", 1), [1]]}}


@pytest.mark.parametrize("name", MEMBERSHIPS)
def test_the_value_of_an_enum_s_member_is_looked_at(name: str) -> None:
    refused(lambda it: getattr(it, name)("a", [1, Secret.PATTERN]), "a.1", "pattern")
    refused(lambda it: getattr(it, name)("a", [Secret.OPERATOR]), "a.0", "operator")
    refused(lambda it: getattr(it, name)("a", [Secret.ELEMENT]), "a.0", "operator")
    refused(lambda it: it.ne("a", Secret.PATTERN), "a", "regular expression")
    assert getattr(FilterBuilder(), name)("a", [Secret.PLAIN]) == {"a": {MEMBERSHIPS[name]: ["x"]}}


@pytest.mark.parametrize("name", MEMBERSHIPS)
def test_a_membership_takes_no_operators_patterns_or_single_values(name: str) -> None:
    refused(lambda it: getattr(it, name)("a", [1, {"$ne": 1}]), "a.1", "operator")
    refused(lambda it: getattr(it, name)("a", [{"$elemMatch": {"b": 1}}]), "a.0", "operator")
    refused(lambda it: getattr(it, name)("a", [SON({"$gt": 1})]), "a.0", "operator")
    refused(lambda it: getattr(it, name)("a", [1, Regex("x")]), "a.1", "pattern")
    refused(lambda it: getattr(it, name)("a", [re.compile("x")]), "a.0", "pattern")
    for one in ("admin", b"x", {"a": 1}, 1, None):
        refused(lambda it, one=one: getattr(it, name)("a", one), "a", "several values")


def test_an_iterable_s_own_mistake_passes_through() -> None:
    def broken() -> Any:
        yield 1
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        FilterBuilder().in_array("a", broken())


@pytest.mark.parametrize(
    ("made", "built"),
    [
        (FilterBuilder().exists("a"), {"a": {"$exists": True}}),
        (FilterBuilder().exists("a", exists=False), {"a": {"$exists": False}}),
        (FilterBuilder().type("a", "string"), {"a": {"$type": "string"}}),
        (FilterBuilder().type("a", 2), {"a": {"$type": 2}}),
        (FilterBuilder().type("a", ("int", 18)), {"a": {"$type": ["int", 18]}}),
        (FilterBuilder().size("a", 0), {"a": {"$size": 0}}),
        (FilterBuilder().mod("a", 4, 1), {"a": {"$mod": [4, 1]}}),
        (FilterBuilder().mod("a", -4, 1.5), {"a": {"$mod": [-4, 1.5]}}),
        (FilterBuilder().expr({"$gt": ["$a", "$b"]}), {"$expr": {"$gt": ["$a", "$b"]}}),
        (FilterBuilder().expr(0), {"$expr": 0}),
        (FilterBuilder().expr({"$gt": [Field("a.b"), {"$add": (Field("c"), 1)}]}), EXPRESSED),
        (FilterBuilder().expr(Field("a")), {"$expr": "$a"}),
        (FilterBuilder().raw({"$nor": [{"$expr": Field("a")}], "b": 1}), {"$nor": [{"$expr": "$a"}], "b": 1}),
        (FilterBuilder().or_({"$expr": Field("a")}), {"$or": [{"$expr": "$a"}]}),
        (FilterBuilder().json_schema({"required": ["a"]}), {"$jsonSchema": {"required": ["a"]}}),
        (FilterBuilder().not_("a", {"$gt": 1}), {"a": {"$not": {"$gt": 1}}}),
        (FilterBuilder().not_("a", re.compile("x", re.IGNORECASE)), {"a": {"$not": {"$regex": "x", "$options": "i"}}}),
        (FilterBuilder().not_("a", Regex("x")), {"a": {"$not": {"$regex": "x"}}}),
        (FilterBuilder().elem_match("a", {"$gt": 1, "$lt": 5}), {"a": {"$elemMatch": {"$gt": 1, "$lt": 5}}}),
        (FilterBuilder().elem_match("a", FilterBuilder().eq("b", 1)), {"a": {"$elemMatch": {"b": 1}}}),
        (FilterBuilder().raw({"a": {"$bitsAllSet": 1}}), {"a": {"$bitsAllSet": 1}}),
        (FilterBuilder().raw(collections.UserDict({"a": 1, "$comment": "x"})), {"a": 1, "$comment": "x"}),
        (FilterBuilder().raw(FilterBuilder().eq("a", 1).eq("b", 1)), {"$and": [{"a": 1}, {"b": 1}]}),
        (FilterBuilder().raw({}), {}),
        (FilterBuilder().raw({}).eq("a", 1), {"a": 1}),
    ],
)
def test_an_operator_is_built(made: FilterBuilder, built: dict[str, Any]) -> None:
    assert made.build() == built
    validate_filter(made)


@pytest.mark.parametrize(
    ("call", "path", "words"),
    [
        (lambda it: it.exists("a", "false"), "a", "True or False"),
        (lambda it: it.exists("a", exists=None), "a", "True or False"),
        (lambda it: it.type("a", "text"), "a", "alias"),
        (lambda it: it.type("a", 0), "a", "alias"),
        (lambda it: it.type("a", []), "a", "at least one"),
        (lambda it: it.type("a", ["int", None]), "a", "alias"),
        (lambda it: it.size("a", -1), "a", "not negative"),
        (lambda it: it.size("a", length=True), "a", "whole number"),
        (lambda it: it.size("a", 1.5), "a", "whole number"),
        (lambda it: it.size("a", None), "a", "whole number"),
        (lambda it: it.size("a", 2**31), "a", "at most"),
        (lambda it: it.mod("a", 0, 1), "a", "not 0"),
        (lambda it: it.mod("a", "4", 1), "a", "numbers"),
        (lambda it: it.mod("a", 2**63, 1), "a", "at most"),
        (lambda it: it.mod("a", 2, float("nan")), "a", "finite"),
        (lambda it: it.json_schema([]), "$jsonSchema", "document"),
        (lambda it: it.not_("a", {}), "a", "operators"),
        (lambda it: it.not_("a", 5), "a", "operators"),
        (lambda it: it.not_("a", {"b": 1}), "a", "mixes"),
        (lambda it: it.not_("a", {"$gtt": 1}), "a.$gtt", "did you mean"),
        (lambda it: it.not_("a", {"$near": {"$geometry": POINT}}), "$near", r"under \$not"),
        (lambda it: it.elem_match("a", 5), "a", "a filter"),
        (lambda it: it.elem_match("a", {"$text": {"$search": "x"}}), "a.$text", "top"),
        (lambda it: it.elem_match("a", {"$near": {"$geometry": POINT}}), "$near", r"under \$elemMatch"),
        (lambda it: it.elem_match("a", {"b": {"$near": {"$geometry": POINT}}}), "$near", r"under \$elemMatch"),
        (lambda it: it.raw([]), "", "mapping"),
        (lambda it: it.raw(None), "", "mapping"),
        (lambda it: it.raw({"$foo": 1}), "$foo", "unknown"),
    ],
)
def test_what_the_server_would_refuse_is_refused(call: Any, path: str, words: str) -> None:
    refused(call, path, words)


REFUSED_PATHS = ["$where", "$or", "$", "a.$.b", "a.$[].b", "a.$[x]", "a.$b", "", "a..b", ".a", "a.", "a\0", None, 5]


@pytest.mark.parametrize("path", REFUSED_PATHS)
def test_a_path_that_names_no_field_is_refused(path: Any) -> None:
    with pytest.raises(InvalidDocumentError):
        FilterBuilder().eq(path, 1)


@pytest.mark.parametrize("path", ["_id", "a.b.0.c", "owner.$id", "owner.$ref", "owner.$db", "a$b", "ä b"])
def test_a_path_may_be_dotted_and_lead_into_references(path: str) -> None:
    assert FilterBuilder().eq(path, 1).build() == {path: 1}


def test_a_field_of_a_model_may_stand_for_its_path() -> None:
    age: Field[int] = Field("person.age")

    assert FilterBuilder().gte(age, 18).build() == {"person.age": {"$gte": 18}}


# Patterns


@pytest.mark.parametrize(
    ("pattern", "options", "built"),
    [
        ("^a", None, {"$regex": "^a"}),
        ("^a", "", {"$regex": "^a", "$options": ""}),
        ("^a", "imsxu", {"$regex": "^a", "$options": "imsxu"}),
        (re.compile("^a"), None, {"$regex": "^a"}),
        (re.compile("^a"), "i", {"$regex": "^a", "$options": "i"}),
        (
            re.compile("^a", re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE),
            None,
            {"$regex": "^a", "$options": "imsx"},
        ),
        (re.compile("^a", re.ASCII), None, {"$regex": "^a"}),
        (re.compile(b"^a", re.IGNORECASE), None, {"$regex": "^a", "$options": "i"}),
        (Regex("^a", "is"), None, {"$regex": "^a", "$options": "is"}),
        (Regex(b"^a", 0), None, {"$regex": "^a"}),
    ],
)
def test_a_pattern_is_a_text_and_letters(pattern: Any, options: str | None, built: dict[str, str]) -> None:
    assert FilterBuilder().regex("a", pattern, options).build() == {"a": built}


@pytest.mark.parametrize(
    ("pattern", "options", "words"),
    [
        ("a", "g", "letters"),
        ("a", "I", "letters"),
        ("a", 5, "letters"),
        ("a\0b", None, "NUL"),
        (5, None, "text"),
        (None, None, "text"),
        ({"$regex": "a"}, None, "text"),
        (Code("a"), None, "text"),
        (re.compile("a", re.IGNORECASE), "m", "not both"),
        (re.compile(b"a", re.LOCALE), None, "LOCALE"),
        (Regex("a", "l"), None, "LOCALE"),
        (re.compile(b"\xff"), None, "UTF-8"),
        (Regex("a\0b"), None, "NUL"),
    ],
)
def test_a_pattern_that_the_server_would_refuse_is_refused(pattern: Any, options: Any, words: str) -> None:
    refused(lambda it: it.regex("a", pattern, options), "a", words)


def test_a_refused_pattern_is_not_told() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        FilterBuilder().regex("a", re.compile(b"secret\xff"))

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_safe_pattern_is_built_as_any_other() -> None:
    assert FilterBuilder().regex_safe("a", "^Ada", "i").build() == {"a": {"$regex": "^Ada", "$options": "i"}}


@pytest.mark.parametrize("pattern", ["^(a+)+$", 5, None, re.compile("a")])
def test_an_unsafe_pattern_is_refused(pattern: Any) -> None:
    with pytest.raises(InvalidDocumentError):
        FilterBuilder().regex_safe("a", pattern)


@pytest.mark.parametrize("options", ["x", "m", "ix"])
def test_an_option_that_changes_what_a_pattern_says_is_not_safe(options: str) -> None:
    refused(lambda it: it.regex_safe("a", "^a b", options), "a", "options m and x")


def test_an_option_counts_in_whether_a_pattern_is_safe() -> None:
    assert FilterBuilder().regex_safe("a", "^ada.*$", "is").build() == {"a": {"$regex": "^ada.*$", "$options": "is"}}
    with pytest.raises(InvalidDocumentError):
        FilterBuilder().regex_safe("a", "^(?:a|A)+$", "i")
    refused(lambda it: it.regex_safe("a", "a", 5), "a", "letters")


# Clauses


@pytest.mark.parametrize("name", ["and_", "or_", "nor"])
def test_clauses_are_filters_one_by_one_or_in_one_iterable(name: str) -> None:
    clause = getattr(FilterBuilder(), name)
    operator = f"${name.strip('_')}"
    first, second = FilterBuilder().eq("a", 1), {"b": {"$gt": 1}}
    expected = {operator: [{"a": 1}, {"b": {"$gt": 1}}]}

    assert clause(first, second).build() == expected
    assert clause([first, second]).build() == expected
    assert clause(iter((first, second))).build() == expected
    assert clause(first).build() == {operator: [{"a": 1}]}
    assert clause({}).build() == {operator: [{}]}


@pytest.mark.parametrize("name", ["and_", "or_", "nor"])
def test_clauses_of_nothing_or_of_no_filters_are_refused(name: str) -> None:
    operator = f"${name.strip('_')}"

    refused(lambda it: getattr(it, name)(), operator, "not empty")
    refused(lambda it: getattr(it, name)([]), operator, "not empty")
    refused(lambda it: getattr(it, name)(5), operator, "several values")
    refused(lambda it: getattr(it, name)("a"), operator, "several values")
    refused(lambda it: getattr(it, name)({"a": 1}, 5), f"{operator}.1", "a filter is")
    refused(lambda it: getattr(it, name)({"a": {"$gtt": 1}}), f"{operator}.0.a.$gtt", "did you mean")


# Text and places


def test_text_has_the_options_that_are_given() -> None:
    assert FilterBuilder().text("x").build() == {"$text": {"$search": "x"}}
    made = FilterBuilder().text("x", language="none", case_sensitive=False, diacritic_sensitive=True)
    assert made.build() == {
        "$text": {"$search": "x", "$language": "none", "$caseSensitive": False, "$diacriticSensitive": True}
    }


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda it: it.text(5), "$text.$search"),
        (lambda it: it.text(None), "$text.$search"),
        (lambda it: it.text("x", language=5), "$text.$language"),
        (lambda it: it.text("x", case_sensitive=1), "$text.$caseSensitive"),
        (lambda it: it.text("x", diacritic_sensitive="no"), "$text.$diacriticSensitive"),
    ],
)
def test_text_of_the_wrong_kind_is_refused(call: Any, path: str) -> None:
    refused(call, path, "takes")


NEAR = FilterBuilder().near("at", (1, 2))
TEXT = FilterBuilder().text("x")


@pytest.mark.parametrize(
    "call",
    [
        lambda: TEXT.text("y"),
        lambda: NEAR.near("at", (1, 2)),
        lambda: NEAR.text("y"),
        lambda: TEXT.near("at", (1, 2)),
        lambda: TEXT.and_(NEAR),
        lambda: TEXT.or_(FilterBuilder().or_(TEXT)),
        lambda: FilterBuilder().and_(NEAR, NEAR),
        lambda: FilterBuilder().or_(NEAR, {"a": 1}),
        lambda: FilterBuilder().nor(NEAR),
        lambda: FilterBuilder().nor(TEXT),
        lambda: FilterBuilder().nor({"$and": [TEXT]}),
        lambda: FilterBuilder().nor({"$or": [{"a": 1}, TEXT]}),
        lambda: FilterBuilder().raw({"$nor": [{"$text": {"$search": "x"}}]}),
        lambda: FilterBuilder().raw({"a": {"$elemMatch": {"b": {"$not": {"$near": [1, 2]}}}}}),
    ],
)
def test_text_and_near_stand_only_where_the_server_can_plan_them(call: Any) -> None:
    with pytest.raises(InvalidDocumentError, match=r"may not stand under|one \$text or one \$near"):
        call()


@pytest.mark.parametrize(
    "made",
    [
        NEAR.eq("a", 1).nor({"b": 1}),
        FilterBuilder().and_(NEAR, {"a": 1}),
        FilterBuilder().and_({"$and": [NEAR]}),
        FilterBuilder().or_(NEAR),
        FilterBuilder().or_(TEXT, {"_id": 1}),
        FilterBuilder().raw({"at": {"$nearSphere": [1, 2], "$maxDistance": 1}}),
        FilterBuilder().eq("a", {"$near": 1}).near("at", (1, 2)),
    ],
)
def test_text_and_near_may_stand_under_and(made: FilterBuilder) -> None:
    validate_filter(made)


@pytest.mark.parametrize("point", [(1, 2), [1, 2], POINT, SON(POINT), (Decimal128("1"), Int64(2)), (-180, 90.0)])
def test_near_takes_a_pair_or_a_point(point: Any) -> None:
    geometry = FilterBuilder().near("at", point).build()["at"]["$near"]["$geometry"]

    assert geometry["type"] == "Point"
    assert len(geometry["coordinates"]) == 2


def test_near_takes_distances() -> None:
    made = FilterBuilder().near("at", POINT, max_distance=0, min_distance=0.0)

    assert made.build() == {"at": {"$near": {"$geometry": POINT, "$maxDistance": 0, "$minDistance": 0.0}}}


@pytest.mark.parametrize(
    ("point", "distances", "words"),
    [
        ((181, 0), {}, "longitude comes first"),
        ((0, -91), {}, "longitude comes first"),
        ((1,), {}, "pair"),
        ((1, 2, 3), {}, "pair"),
        ("1,2", {}, "pair"),
        (None, {}, "pair"),
        ((1, "2"), {}, "finite"),
        ((True, 2), {}, "finite"),
        ((float("nan"), 2), {}, "finite"),
        ((10**400, 2), {}, "finite"),
        ((Decimal128("NaN"), 2), {}, "finite"),
        ((1j, 2), {}, "finite"),
        ({"type": "Point"}, {}, "two numbers"),
        ({"type": "point", "coordinates": [1, 2]}, {}, "did you mean 'Point'"),
        ({"coordinates": [1, 2]}, {}, "Point"),
        (POLYGON, {}, "Point"),
        (POINT, {"max_distance": -1}, "not negative"),
        (POINT, {"max_distance": "5"}, "finite"),
        (POINT, {"min_distance": float("inf")}, "finite"),
        (POINT, {"max_distance": True}, "finite"),
        (POINT, {"max_distance": 1, "min_distance": 2}, "more than"),
        (POINT, {"max_distance": 0, "min_distance": 2}, "more than"),
    ],
)
def test_near_refuses_what_is_no_point_or_distance(point: Any, distances: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words) as caught:
        FilterBuilder().near("at", point, **distances)
    assert caught.value.path.split(".")[0] == "at"


STRICT = {"type": "name", "properties": {"name": "urn:x-mongodb:crs:strictwinding:EPSG:4326"}}
CRS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}


@pytest.mark.parametrize(
    "area",
    [
        POLYGON,
        {**POLYGON, "crs": STRICT},
        {"type": "MultiPolygon", "coordinates": [[RING], [RING, RING]], "crs": CRS84},
        {"type": "Polygon", "coordinates": (tuple(map(tuple, RING)),)},
    ],
)
def test_within_takes_areas_of_geojson(area: dict[str, Any]) -> None:
    built = FilterBuilder().within("at", area).build()["at"]["$geoWithin"]

    assert list(built) == ["$geometry"]
    assert built["$geometry"]["type"] == area["type"]


@pytest.mark.parametrize(
    "shape",
    [
        {"$box": [[0, 0], [500, 500]]},
        {"$polygon": [[0, 0], [0, 1], [1, 1]]},
        {"$center": [[0, 0], 5]},
        {"$centerSphere": [[0, 0], 0.1]},
    ],
)
def test_within_takes_the_older_shapes(shape: dict[str, Any]) -> None:
    assert FilterBuilder().within("at", shape).build() == {"at": {"$geoWithin": shape}}


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (5, "object of GeoJSON"),
        (POINT, "Polygon, MultiPolygon"),
        ({"type": "Polygo", "coordinates": [RING]}, "did you mean 'Polygon'"),
        ({"type": 5, "coordinates": [RING]}, "Polygon, MultiPolygon"),
        (polygon(), "at least 1"),
        (polygon(5), "at least 4"),
        (polygon(RING[:3]), "at least 4"),
        (polygon([[0, 0], [0, 1], [1, 1], [1, 0]]), "ends with"),
        (polygon([[0, 0], [0, 1], [0, 1], [0, 0]]), "three different"),
        (polygon([[0, 0], [0, 1], [1, 200], [0, 0]]), "latitude"),
        ({"type": "MultiPolygon", "coordinates": [RING]}, "at least 4"),
        ({**POLYGON, "crs": {"type": "name", "properties": {"name": "EPSG:1"}}}, "EPSG:4326"),
        ({"type": "MultiPolygon", "coordinates": [[RING]], "crs": STRICT}, "strict winding"),
        ({"$box": [[0, 0], [1, 1]], "$center": [[0, 0], 1]}, "one shape"),
        ({"$box": [[0, 0]]}, "at least 2"),
        ({"$box": [[0, 0], [1, 1], [2, 2]]}, "two opposite"),
        ({"$box": [0, 0]}, "two numbers"),
        ({"$polygon": [[0, 0], [1, 1]]}, "at least 3"),
        ({"$center": [[0, 0], -1]}, "radius"),
        ({"$center": [[0, 0]]}, "radius"),
        ({"$centerSphere": [[0, 91], 1]}, "latitude"),
        ({"$centerSphere": [[0, 0], "x"]}, "radius"),
    ],
)
def test_within_refuses_what_is_no_area(area: Any, words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words) as caught:
        FilterBuilder().within("at", area)
    assert caught.value.path.split(".")[0] == "at"


@pytest.mark.parametrize(
    "shape",
    [
        POINT,
        POLYGON,
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        {"type": "MultiPoint", "coordinates": [[0, 0]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "GeometryCollection", "geometries": [POINT, POLYGON]},
    ],
)
def test_any_geometry_may_intersect(shape: dict[str, Any]) -> None:
    assert FilterBuilder().geo_intersects("at", shape).build() == {"at": {"$geoIntersects": {"$geometry": shape}}}


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"$box": [[0, 0], [1, 1]]}, "GeoJSON"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, "at least 2"),
        ({"type": "LineString", "coordinates": [[0, 0], [0, 0]]}, "different"),
        ({"type": "MultiPoint", "coordinates": []}, "at least 1"),
        ({"type": "GeometryCollection", "geometries": []}, "at least 1"),
        ({"type": "GeometryCollection", "geometries": [5]}, "object of GeoJSON"),
        ({"type": "GeometryCollection"}, "at least 1"),
        (
            {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": [POINT]}]},
            "one of Point",
        ),
        ({"type": "GeometryCollection", "geometries": [POINT, {**POLYGON, "crs": STRICT}]}, "may not stand in"),
    ],
)
def test_what_is_no_geometry_intersects_nothing(shape: Any, words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words):
        FilterBuilder().geo_intersects("at", shape)


# Values


def test_a_method_leaves_its_builder_alone() -> None:
    first = FilterBuilder().eq("a", 1)

    second = first.eq("b", 2)

    assert first.build() == {"a": 1}
    assert second.build() == {"$and": [{"a": 1}, {"b": 2}]}


def test_what_the_caller_changes_later_changes_no_builder() -> None:
    inner: dict[str, Any] = {"x": [1]}
    values = [inner]
    reference = DBRef("c", inner)
    code = Code("x", inner)
    made = (
        FilterBuilder()
        .eq("a", inner)
        .in_array("b", values)
        .raw({"c": inner})
        .and_([{"d": inner}])
        .eq("e", reference)
        .eq("f", code)
    )
    before = copy.deepcopy(made.build())

    inner["x"].append(2)
    values.append({"y": 1})

    assert made.build() == before


def test_what_is_built_is_new_each_time() -> None:
    made = FilterBuilder().eq("a", [1]).eq("b", {"c": [1]})

    made.build()["$and"][0]["a"].append(2)
    made["$and"][1]["b"]["$eq"]["c"].append(2)

    assert made.build() == {"$and": [{"a": [1]}, {"b": {"$eq": {"c": [1]}}}]}


def test_a_builder_is_the_mapping_that_it_builds() -> None:
    made = FilterBuilder().eq("a", 1)

    assert dict(made) == {"a": 1}
    assert {**made} == {"a": 1}
    assert list(made) == ["a"]
    assert len(made) == 1
    assert bson.encode(made) == bson.encode({"a": 1})


def test_builders_are_equal_by_what_they_build() -> None:
    assert FilterBuilder().eq("a", 1) == FilterBuilder().eq("a", 1)
    assert FilterBuilder().eq("a", 1) == {"a": 1}
    assert {"a": 1} == FilterBuilder().eq("a", 1)  # noqa: SIM300  # the other way round is the point
    assert FilterBuilder().eq("a", 1) != FilterBuilder().eq("a", 2)
    assert FilterBuilder().eq("a", 1).eq("b", 1) != FilterBuilder().eq("b", 1).eq("a", 1)
    assert FilterBuilder().eq("a", [1]) == {"a": (1,)}
    assert FilterBuilder().nor(FilterBuilder().eq("a", 1)) == {"$nor": [FilterBuilder().eq("a", 1)]}
    assert FilterBuilder().eq("a", {"b": 1, "c": 2}) != FilterBuilder().eq("a", {"c": 2, "b": 1})
    assert FilterBuilder() != []


def calls_of(function: Any) -> int:
    """Count the calls that `function` makes."""
    count = 0

    def seen(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "add",
    [
        lambda it: it.exists("a"),
        lambda it: it.or_({"a": 1}, {"b": 2}),
        lambda it: it.elem_match("a", {"b": 1}),
        lambda it: it.not_("a", {"$gt": 1}),
        lambda it: it.text("x"),
    ],
)
def test_a_condition_costs_the_same_however_many_there_are(add: Any) -> None:
    none = many = FilterBuilder()
    for _ in range(100):
        many = many.exists("a")

    # A call or two may differ, as by what is collected meanwhile; a look at each of a hundred conditions is a hundred.
    assert calls_of(lambda: add(many)) < calls_of(lambda: add(none)) + 50


def test_a_builder_shows_what_it_builds() -> None:
    assert repr(FilterBuilder().eq("a", 1)) == "FilterBuilder({'a': 1})"


def test_a_builder_takes_no_attributes() -> None:
    with pytest.raises(AttributeError):
        FilterBuilder().other = 1  # type: ignore[attr-defined]  # what is tested


def test_a_builder_can_be_copied_and_pickled() -> None:
    made = FilterBuilder().eq("a", {"b": 1}).gt("c", 1)

    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made
    assert copy.copy(made).eq("d", 1) == made.eq("d", 1)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_value_nested_too_deeply_or_holding_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    loop: dict[str, Any] = {}
    loop["a"] = loop

    for value in (deep(200), deep(5000), ring, loop):
        for name in ("eq", "ne", "gt", "expr", "raw", "and_", "in_array", "elem_match", "not_"):
            arguments = {
                "raw": ({"a": value},),
                "and_": ({"a": value},),
                "expr": (value,),
                "in_array": ("a", [value]),
                "elem_match": ("a", {"b": value}),
                "not_": ("a", {"$eq": value}),
            }.get(name, ("a", value))
            with pytest.raises(InvalidDocumentError, match="deeper"):
                getattr(FilterBuilder(), name)(*arguments)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.builds(Regex, st.just("x")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "$ne", "$gt", "$regex", "$where", "$ref", "$id"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_whatever_value_eq_is_given_its_filter_is_good_and_holds_no_operator_but_its_own(value: Any) -> None:
    built = FilterBuilder().eq("a", value).build()

    validate_filter(built)
    condition = built["a"]
    assert not isinstance(condition, (re.Pattern, Regex))
    assert not isinstance(condition, dict) or list(condition) == ["$eq"]
    assert (condition["$eq"] if isinstance(condition, dict) else condition) == value
