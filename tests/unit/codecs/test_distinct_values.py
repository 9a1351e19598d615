from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest
from bson import Decimal128, ObjectId

from llm_devops_mongodb.codecs import PyObjectId, decode_values
from llm_devops_mongodb.errors import DeserializationError
from tests.unit.codecs.support import SETTINGS, raw

SOME = ObjectId(b"x" * 12)


class Struct(msgspec.Struct):
    id: int
    cost: Decimal


class Model(pydantic.BaseModel):
    id: int
    cost: Decimal


@dataclass
class Data:
    owner: PyObjectId | str


@pytest.mark.parametrize(
    ("kind", "values", "read"),
    [
        (object, [1, "a", Decimal128("1"), SOME], [1, "a", Decimal128("1"), SOME]),
        (Any, [1, "a"], [1, "a"]),
        (str, ["a", "b"], ["a", "b"]),
        (int, [], []),
        (Decimal, [Decimal128("1.5"), 2], [Decimal("1.5"), Decimal(2)]),
        (date, [datetime(2026, 1, 2, tzinfo=UTC)], [date(2026, 1, 2)]),
        (UUID, [UUID(int=1)], [UUID(int=1)]),
        (ObjectId, [SOME], [SOME]),
        (PyObjectId, [SOME], [SOME]),
        (ObjectId | str, [SOME, "a"], [SOME, "a"]),
        (str | None, ["a", None], ["a", None]),
        (Path, ["/a"], [Path("/a")]),
        (dict, [{"a": Decimal128("1")}], [{"a": Decimal128("1")}]),
        (Struct, [{"id": 1, "cost": Decimal128("1.5")}], [Struct(1, Decimal("1.5"))]),
        (Model, [{"id": 1, "cost": Decimal128("1.5")}], [Model(id=1, cost=Decimal("1.5"))]),
        (Data, [{"owner": SOME}, {"owner": "ada"}], [Data(SOME), Data("ada")]),
    ],
)
def test_values_are_read_as_what_is_asked_for(kind: Any, values: list[Any], read: list[Any]) -> None:
    found = decode_values(raw({"values": values}), kind, SETTINGS)
    assert found == read
    assert [type(each) for each in found] == [type(each) for each in read]


@pytest.mark.parametrize(
    ("kind", "values", "path"), [(int, [1, "hunter2"], "1"), (Model, [{"id": 1, "cost": "hunter2"}], "0.cost")]
)
def test_a_value_that_does_not_fit_is_told_by_its_position(kind: Any, values: list[Any], path: str) -> None:
    with pytest.raises(DeserializationError) as caught:
        decode_values(raw({"values": values}), kind, SETTINGS, namespace="db.c")
    error = caught.value
    assert (error.path, error.namespace, error.document_id) == (path, "db.c", None)
    assert str(error).startswith(f"db.c: a value cannot be read as {kind.__name__}: {path}: ")
    assert "hunter2" not in str(error)
    assert error.__cause__ is None


def test_a_type_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(TypeError):
        decode_values(raw({"values": []}), msgspec.Raw, SETTINGS)


def test_bytes_that_are_no_document_are_refused() -> None:
    with pytest.raises(DeserializationError, match="not BSON"):
        decode_values(b"", int, SETTINGS)
