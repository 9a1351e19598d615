"""Names of databases and collections, and ObjectIds."""

import bson
import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.errors import InvalidDocumentError, InvalidObjectIdError
from llm_devops_mongodb.validation import parse_object_id, validate_database_name, validate_namespace


@pytest.mark.parametrize("name", ["a", "app-1", "x" * 63, "é" * 31, "admin", "a*b", "a:b", "a\tb"])
def test_a_database_name_that_the_server_takes_is_taken(name):
    validate_database_name(name)


@pytest.mark.parametrize("name", ["", *(f"a{character}b" for character in '/\\. "$\0'), "\ud800", None, 1, b"db"])
def test_a_database_name_with_a_forbidden_character_or_none_is_refused(name):
    with pytest.raises(InvalidDocumentError):
        validate_database_name(name)


@pytest.mark.parametrize("name", ["x" * 64, "é" * 32, "x" * 100_000])
def test_a_database_name_has_at_most_63_bytes(name):
    with pytest.raises(InvalidDocumentError, match="bytes") as caught:
        validate_database_name(name)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "name", ["users", "users.archive", "a b", "a/b", "system", "systems.x", "System.x", "é", "a\n"]
)
def test_a_collection_name_that_server_and_driver_take_is_taken(name):
    validate_namespace("shop", name)


@pytest.mark.parametrize(
    "name",
    ["", "system.users", "system.js", "system.", "a$b", "$cmd", "a\0", ".a", "a.", "a..b", ".", "\ud800", None, 7],
)
def test_a_collection_name_that_server_or_driver_refuses_is_refused(name):
    with pytest.raises(InvalidDocumentError):
        validate_namespace("shop", name)


def test_a_namespace_is_refused_for_its_database_too():
    with pytest.raises(InvalidDocumentError, match="database"):
        validate_namespace("my.shop", "users")


@pytest.mark.parametrize("character", ["x", "é"])
def test_a_namespace_is_measured_in_bytes(character):
    longest = character * (115 // len(character.encode()))
    validate_namespace("shop", longest)
    with pytest.raises(InvalidDocumentError, match="the most is 120"):
        validate_namespace("shop", longest + character)
    validate_namespace("shop", longest + character, max_bytes=255)


def test_the_most_bytes_of_a_namespace_can_be_set():
    with pytest.raises(InvalidDocumentError, match="the most is 8"):
        validate_namespace("shop", "users", max_bytes=8)


def test_an_object_id_is_given_back():
    identity = ObjectId()
    assert parse_object_id(identity) is identity


@given(st.binary(min_size=12, max_size=12))
def test_digits_in_either_case_and_bytes_spell_an_object_id(raw):
    expected = ObjectId(raw)
    assert parse_object_id(raw) == parse_object_id(raw.hex()) == parse_object_id(raw.hex().upper()) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "64b7f3a2c1d4e5f60718293",
        "64b7f3a2c1d4e5f60718293ag",
        "64b7f3a2c1d4e5f60718293g",
        "64b7f3a2c1d4 5f60718293 ",
        "64b7f3a2c1d4e5f60718293a\n",
        "٤" * 24,
        "twelve bytes",
        b"eleven byte",
        bytearray(b"twelve bytes"),
        0,
        {"$oid": "64b7f3a2c1d4e5f60718293a"},
        bson.Regex("a"),
    ],
)
def test_anything_else_is_no_object_id(value):
    with pytest.raises(InvalidObjectIdError) as caught:
        parse_object_id(value)
    assert caught.value.value is value
    assert str(caught.value) == "not an ObjectId: 12 bytes, or a string of 24 hexadecimal digits"
