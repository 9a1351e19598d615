"""The matching rules of the format and its operators."""

from __future__ import annotations

from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId, Timestamp

from tests.conformance.bson_types import has_type, plain
from tests.conformance.matching import MISSING, Matcher
from tests.conformance.verdicts import MismatchError


class _Names:
    def value(self, name: str) -> Any:
        return {"saved": {"a": 1}}[name]

    def lsid(self, name: str) -> Any:
        return {"session0": {"id": "x"}}[name]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        pytest.param(1, 1.0, id="numbers by value"),
        pytest.param(1, Int64(1), id="numbers of any width"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="keys in any order"),
        pytest.param([1, {"a": 1}], [1, {"a": 1}], id="arrays"),
        pytest.param(None, None, id="null"),
        pytest.param({"a": {"$$exists": True}}, {"a": None}, id="a null is there"),
        pytest.param({"a": {"$$exists": False}}, {}, id="nothing is not there"),
        pytest.param({"a": {"$$type": "string"}}, {"a": "x"}, id="a type"),
        pytest.param({"a": {"$$type": ["int", "long"]}}, {"a": Int64(1)}, id="one of several types"),
        pytest.param({"$$matchesEntity": "saved"}, {"a": 1}, id="an entity"),
        pytest.param({"$$matchesHexBytes": "0AfF"}, b"\x0a\xff", id="bytes"),
        pytest.param({"a": {"$$unsetOrMatches": 1}}, {}, id="unset"),
        pytest.param({"a": {"$$unsetOrMatches": {"$$type": "int"}}}, {"a": 1}, id="set and matching"),
        pytest.param({"$$sessionLsid": "session0"}, {"id": "x"}, id="a session"),
        pytest.param({"$$lte": 5}, 5.0, id="at most"),
        pytest.param({"$$matchAsDocument": {"a": {"$$type": "objectId"}}}, '{"a": {"$oid": "%s"}}' % ("0" * 24)),
        pytest.param({"$$matchAsDocument": {"$$matchAsRoot": {"a": 1}}}, '{"a": 1, "b": 2}', id="text as a root"),
        pytest.param({"a": {"$$matchAsRoot": {"b": 1}}}, {"a": {"b": 1, "c": 2}}, id="a nested root"),
    ],
)
def test_what_is_expected_matches(expected: Any, actual: Any) -> None:
    Matcher(_Names()).match(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        pytest.param(1, 1.5, id="another number"),
        pytest.param(1, True, id="a boolean is no number"),
        pytest.param(True, 1, id="a number is no boolean"),
        pytest.param(Decimal128("1"), 1, id="a decimal is no other number"),
        pytest.param("1", 1, id="another type"),
        pytest.param(None, MISSING, id="nothing is no null"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, id="one key too many"),
        pytest.param({"a": 1}, {}, id="a key is missing"),
        pytest.param({"a": 1}, [1], id="no document"),
        pytest.param([1], {"0": 1}, id="no array"),
        pytest.param([1, 2], [1, 2, 3], id="an element too many"),
        pytest.param([1, 2], [2, 1], id="another order"),
        pytest.param({"a": {"$$exists": True}}, {}, id="not there"),
        pytest.param({"a": {"$$exists": False}}, {"a": None}, id="there"),
        pytest.param({"a": {"$$type": "string"}}, {"a": 1}, id="of another type"),
        pytest.param({"a": {"$$type": "string"}}, {}, id="nothing has no type"),
        pytest.param({"a": {"$$type": "text"}}, {"a": "x"}, id="no such type"),
        pytest.param({"$$matchesEntity": "saved"}, {"a": 2}, id="not the entity"),
        pytest.param({"$$matchesHexBytes": "0a"}, b"\x0b", id="other bytes"),
        pytest.param({"$$matchesHexBytes": "0"}, b"\x00", id="malformed bytes"),
        pytest.param({"a": {"$$unsetOrMatches": 1}}, {"a": 2}, id="set to something else"),
        pytest.param({"$$sessionLsid": "session0"}, {"id": "y"}, id="another session"),
        pytest.param({"$$lte": 5}, 5.1, id="more"),
        pytest.param({"$$lte": 5}, "5", id="text is not at most"),
        pytest.param({"$$matchAsDocument": {"a": 1}}, '{"a": 1, "b": 2}', id="text is no root"),
        pytest.param({"$$matchAsDocument": {"a": 1}}, "{", id="no Extended JSON"),
        pytest.param({"$$matchAsDocument": {"a": 1}}, {"a": 1}, id="no text"),
        pytest.param({"$$placeholder": 1}, 1, id="a placeholder"),
        pytest.param({"$$unheardOf": 1}, 1, id="an unknown operator"),
    ],
)
def test_what_is_not_expected_is_told(expected: Any, actual: Any) -> None:
    with pytest.raises(MismatchError):
        Matcher(_Names()).match(expected, actual)


def test_only_a_root_may_have_more_keys() -> None:
    Matcher().match({"a": {"b": 1}}, {"a": {"b": 1}, "c": 2}, is_root=True)

    with pytest.raises(MismatchError, match=r"a: keys that are not expected: c"):
        Matcher().match({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, is_root=True)


def test_each_document_of_an_iterable_is_a_root() -> None:
    Matcher().match_roots([{"a": 1}], [{"a": 1, "b": 2}])

    with pytest.raises(MismatchError):
        Matcher().match([{"a": 1}], [{"a": 1, "b": 2}])
    with pytest.raises(MismatchError, match="expected 1 elements, found 2"):
        Matcher().match_roots([{"a": 1}], [{"a": 1}, {"a": 1}])


def test_a_mismatch_names_its_place() -> None:
    with pytest.raises(MismatchError, match=r"cursor\[1\]\.x: expected 2, found 3"):
        Matcher().match({"cursor": [1, {"x": 2}]}, {"cursor": [1, {"x": 3}]})


def test_entities_are_refused_where_there_are_none() -> None:
    with pytest.raises(MismatchError, match="no"):
        Matcher().match({"$$matchesEntity": "saved"}, 1)


@pytest.mark.parametrize(
    ("value", "name", "other"),
    [
        (1, "int", "long"),
        (2**40, "long", "int"),
        (True, "bool", "number"),
        (1.5, "double", "int"),
        (ObjectId(), "objectId", "string"),
        (Timestamp(1, 1), "timestamp", "date"),
        (Binary(b"", 4), "binData", "string"),
        ([], "array", "object"),
        (None, "null", "object"),
    ],
)
def test_types_have_the_servers_names(value: object, name: str, other: str) -> None:
    assert has_type(value, name)
    assert not has_type(value, other)


def test_plain_values_keep_the_width_of_integers() -> None:
    assert type(plain({"n": Int64(1)})["n"]) is Int64
    assert type(plain({"n": 1})["n"]) is int
