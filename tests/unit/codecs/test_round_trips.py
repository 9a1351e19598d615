"""Every family, every kind of value: what is written comes back equal, in one document and in frames."""

from __future__ import annotations

import enum
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict

from tests.unit.codecs.support import codec_of, stored


class Stage(enum.Enum):
    DRAFT = "draft"
    LIVE = "live"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001
    lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=UTC)
)
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4)
object_ids = st.binary(min_size=12, max_size=12).map(ObjectId)

VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "words": (str, text),
    "number": (int, st.integers(-(2**63), 2**63 - 1)),
    "ratio": (float, st.floats(allow_nan=False)),
    "flag": (bool, st.booleans()),
    "data": (bytes, st.binary(max_size=20)),
    "moment": (datetime, moments),
    "day": (date, st.dates()),
    "hour": (time, st.times()),
    "length": (timedelta, st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000))),
    "cost": (Decimal, decimals),
    "run": (uuid.UUID, st.uuids()),
    "stage": (Stage, st.sampled_from(Stage)),
    "level": (Level, st.sampled_from(Level)),
    "kind": (Literal["a", "b"], st.sampled_from(["a", "b"])),
    "parent": (ObjectId, object_ids),
    "exact": (Decimal128, decimals.map(Decimal128)),
    "long": (Int64, st.integers(-(2**63), 2**63 - 1).map(Int64)),
    "blob": (Binary, st.binary(max_size=9).map(Binary) | st.binary(max_size=9).map(lambda data: Binary(data, 128))),
    "stamp": (Timestamp, st.builds(Timestamp, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))),
    "rule": (Regex, text.map(lambda value: Regex(re.escape(value.replace("\0", ""))))),
    "least": (MinKey, st.just(MinKey())),
    "most": (MaxKey, st.just(MaxKey())),
    "code": (Code, text.map(Code)),
    "reference": (DBRef, object_ids.map(lambda value: DBRef("users", value))),
    "lists": (list[date], st.lists(st.dates(), max_size=3)),
    "sets": (set[int], st.sets(st.integers(0, 9))),
    "frozen": (frozenset[uuid.UUID], st.frozensets(st.uuids(), max_size=3)),
    "pair": (tuple[Decimal, date], st.tuples(decimals, st.dates())),
    "series": (tuple[Decimal, ...], st.lists(decimals, max_size=3).map(tuple)),
    "by_name": (dict[str, ObjectId], st.dictionaries(names, object_ids, max_size=3)),
    "by_number": (dict[int, Decimal], st.dictionaries(st.integers(0, 99), decimals, max_size=3)),
    "by_run": (dict[uuid.UUID, date], st.dictionaries(st.uuids(), st.dates(), max_size=3)),
    "deep": (dict[str, list[dict[str, Decimal]]], st.just({"a": [{"b": Decimal("1.5")}, {}]})),
    "perhaps": (date | None, st.none() | st.dates()),
    "whichever": (int | Decimal | None, st.none() | st.integers(0, 9) | decimals),
    "anything": (Any, st.none() | text | st.integers(0, 9) | object_ids | decimals.map(Decimal128)),
}

ANNOTATIONS: dict[str, Any] = {"id": ObjectId} | {name: kind for name, (kind, _) in VALUES.items()}
given_fields = st.fixed_dictionaries({"id": object_ids} | {name: strategy for name, (_, strategy) in VALUES.items()})

StructOfAll = msgspec.defstruct("StructOfAll", list(ANNOTATIONS.items()))
DataOfAll = dataclass(type("DataOfAll", (), {"__annotations__": ANNOTATIONS}))
AttrsOfAll = attrs.define(type("AttrsOfAll", (), {"__annotations__": ANNOTATIONS}))
TypedOfAll = TypedDict("TypedOfAll", ANNOTATIONS)  # type: ignore[misc]  # made when the tests run
ModelOfAll = pydantic.create_model(
    "ModelOfAll",
    __config__=ConfigDict(arbitrary_types_allowed=True),
    **{name: (kind, ...) for name, kind in ANNOTATIONS.items()},
)
StrictOfAll = pydantic.create_model(
    "StrictOfAll",
    __config__=ConfigDict(arbitrary_types_allowed=True, strict=True),
    **{name: (kind, ...) for name, kind in ANNOTATIONS.items() if name != "by_run"},
)
PydanticDataOfAll = pydantic.dataclasses.dataclass(config=ConfigDict(arbitrary_types_allowed=True))(
    type("PydanticDataOfAll", (), {"__annotations__": ANNOTATIONS})
)

# A value of every kind at once is slow to make on a busy machine.
unhurried = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

FAMILIES: list[Any] = [StructOfAll, DataOfAll, AttrsOfAll, TypedOfAll, ModelOfAll, StrictOfAll, PydanticDataOfAll]


def made(kind: Any, values: dict[str, Any]) -> Any:
    if kind is StrictOfAll:
        return kind(**{name: value for name, value in values.items() if name != "by_run"})
    return kind(**values)


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
@unhurried
@given(values=given_fields)
def test_what_is_written_comes_back_equal(kind: Any, values: dict[str, Any]) -> None:
    value = made(kind, values)
    codec = codec_of(kind)

    encoded = codec.encode(value)

    assert codec.decode(encoded.raw) == value
    assert codec.decode_frame(encoded.raw * 3) == [value] * 3
    assert encoded.id == values["id"]
    assert value == made(kind, values)


@unhurried
@given(values=given_fields)
def test_all_families_write_the_same_document(values: dict[str, Any]) -> None:
    struct, *others = (stored(kind, made(kind, values)) for kind in FAMILIES if kind is not StrictOfAll)
    for document in others:
        # Sets are written in whatever order they have.
        for name in ("sets", "frozen"):
            assert set(document[name]) == set(struct[name])
            document[name] = struct[name]
        assert document == struct
