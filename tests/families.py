"""One document in each kind of model: the same fields, the same value."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypedDict

import attrs
import msgspec
import pydantic
from bson import ObjectId

from llm_devops_mongodb import PyObjectId


class Stage(enum.Enum):
    DRAFT = "draft"
    LIVE = "live"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class StructAddress(msgspec.Struct):
    city: str
    zip: str | None = None


class StructTrace(msgspec.Struct):
    name: str
    stage: Stage
    level: Level
    cost: Decimal
    run: uuid.UUID
    started: datetime
    day: date
    parents: list[ObjectId]
    by_name: dict[str, ObjectId]
    address: StructAddress
    note: str | None = None
    id: ObjectId | None = msgspec.field(name="_id", default=None)


class PydanticAddress(pydantic.BaseModel):
    city: str
    zip: str | None = None


class PydanticTrace(pydantic.BaseModel):
    name: str
    stage: Stage
    level: Level
    cost: Decimal
    run: uuid.UUID
    started: datetime
    day: date
    parents: list[PyObjectId]
    by_name: dict[str, PyObjectId]
    address: PydanticAddress
    note: str | None = None
    id: PyObjectId | None = pydantic.Field(default=None, alias="_id")


@dataclass
class DataclassAddress:
    city: str
    zip: str | None = None


@dataclass
class DataclassTrace:
    name: str
    stage: Stage
    level: Level
    cost: Decimal
    run: uuid.UUID
    started: datetime
    day: date
    parents: list[ObjectId]
    by_name: dict[str, ObjectId]
    address: DataclassAddress
    note: str | None = None
    id: ObjectId | None = field(default=None)


@attrs.define
class AttrsAddress:
    city: str
    zip: str | None = None


@attrs.define
class AttrsTrace:
    name: str
    stage: Stage
    level: Level
    cost: Decimal
    run: uuid.UUID
    started: datetime
    day: date
    parents: list[ObjectId]
    by_name: dict[str, ObjectId]
    address: AttrsAddress
    note: str | None = None
    id: ObjectId | None = None


class TypedDictAddress(TypedDict):
    city: str
    zip: str | None


class TypedDictTrace(TypedDict):
    _id: ObjectId
    name: str
    stage: Stage
    level: Level
    cost: Decimal
    run: uuid.UUID
    started: datetime
    day: date
    parents: list[ObjectId]
    by_name: dict[str, ObjectId]
    address: TypedDictAddress
    note: str | None


PARENT = ObjectId("65f000000000000000000001")
RUN = uuid.UUID("12345678-1234-5678-1234-567812345678")


def fields() -> dict[str, Any]:
    """The values of every family's fields but the address."""
    return {
        "name": "naïve 日本語",
        "stage": Stage.LIVE,
        "level": Level.HIGH,
        "cost": Decimal("0.000150"),
        "run": RUN,
        "started": datetime(2026, 3, 1, 12, 30, 15, 123000, tzinfo=UTC),
        "day": date(2026, 3, 1),
        "parents": [PARENT],
        "by_name": {"first": PARENT},
    }


FAMILIES: dict[str, tuple[Any, Any]] = {
    "struct": (StructTrace, StructTrace(**fields(), address=StructAddress("Ulm"))),
    "pydantic": (PydanticTrace, PydanticTrace(**fields(), address=PydanticAddress(city="Ulm"))),
    "dataclass": (DataclassTrace, DataclassTrace(**fields(), address=DataclassAddress("Ulm"))),
    "attrs": (AttrsTrace, AttrsTrace(**fields(), address=AttrsAddress("Ulm"))),
    "typeddict": (
        TypedDictTrace,
        {**fields(), "_id": ObjectId(), "address": {"city": "Ulm", "zip": None}, "note": None},
    ),
}
"""A type and a value of it, by family."""
