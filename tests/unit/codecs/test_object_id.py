from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from llm_devops_mongodb.codecs import PyObjectId
from tests.unit.codecs.support import fault, read, stored

TEXT = "65f000000000000000000001"
SOME = ObjectId(TEXT)
ADAPTER: TypeAdapter[Any] = TypeAdapter(PyObjectId)


class User(BaseModel):
    friends: list[PyObjectId] = []
    by_name: dict[str, PyObjectId] = {}
    by_id: dict[PyObjectId, int] = {}
    best: PyObjectId | None = None


class StrictUser(BaseModel):
    model_config = ConfigDict(strict=True)

    best: PyObjectId


@pytest.mark.parametrize("given", [SOME, TEXT, TEXT.upper()])
def test_an_object_id_or_its_text_is_taken(given: Any) -> None:
    assert ADAPTER.validate_python(given) == SOME


@pytest.mark.parametrize("given", ["", "x", TEXT[:-1], TEXT + "0", TEXT + "\n", b"123456789012", 7, None])
def test_nothing_else_is_taken(given: Any) -> None:
    with pytest.raises(ValidationError, match="24 hexadecimal digits"):
        ADAPTER.validate_python(given)


def test_a_strict_model_takes_no_text_from_python_but_from_json() -> None:
    assert StrictUser(best=SOME).best == SOME
    assert StrictUser.model_validate_json(f'{{"best": "{TEXT}"}}').best == SOME
    with pytest.raises(ValidationError):
        StrictUser.model_validate({"best": TEXT})


def test_json_holds_its_text_and_python_the_object_id() -> None:
    user = User(best=SOME, friends=[SOME])
    assert user.model_dump(exclude_defaults=True) == {"best": SOME, "friends": [SOME]}
    assert user.model_dump_json(exclude_defaults=True) == f'{{"friends":["{TEXT}"],"best":"{TEXT}"}}'
    assert User.model_validate_json(user.model_dump_json()) == user


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_its_json_schema_is_text_of_24_hexadecimal_digits(mode: Any) -> None:
    schema = TypeAdapter(PyObjectId).json_schema(mode=mode)
    assert schema["type"] == "string"
    if mode == "validation":
        assert schema["pattern"] == "^[0-9a-fA-F]{24}$"


def test_bad_json_is_refused() -> None:
    with pytest.raises(ValidationError, match="24 hexadecimal digits"):
        ADAPTER.validate_json('"x"')


def test_it_is_stored_as_an_object_id_wherever_it_stands() -> None:
    user = User(friends=[SOME], by_name={"a": SOME}, by_id={SOME: 1}, best=SOME)
    document = stored(User, user)
    assert (document["friends"], document["by_name"], document["best"]) == ([SOME], {"a": SOME}, SOME)
    assert document["by_id"] == {TEXT: 1}
    assert read(User, document) == user


def test_a_fault_names_what_it_expected() -> None:
    assert fault(User, {"friends": [SOME, 7]}) == ("friends.1", "expected ObjectId, found int")


def test_a_plain_object_id_works_in_a_model_that_allows_it() -> None:
    class Plain(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)

        friends: dict[str, list[ObjectId]]

    plain = Plain(friends={"a": [SOME]})
    assert read(Plain, stored(Plain, plain)) == plain
    assert fault(Plain, {"friends": {"a": [TEXT]}}) == ("friends.a.0", "expected ObjectId, found str")
