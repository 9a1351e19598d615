from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from bson import DBRef

from llm_devops_mongodb.codecs import BsonSettings, codec_for
from tests.unit.codecs.support import SETTINGS, raw

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
EARLY = datetime(1, 1, 1, tzinfo=UTC)
LATE = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


class Inner(msgspec.Struct):
    at: datetime
    also: datetime | None = None


class Closed(msgspec.Struct):
    id: datetime
    at: datetime
    many: list[datetime]
    by_name: dict[str, Inner]
    pair: tuple[int, datetime]


class Open(Closed):
    anything: Any
    thing: object


class Referring(Closed):
    reference: DBRef | None = None


@dataclass
class Data:
    id: datetime
    at: datetime


@attrs.define
class Attrs:
    id: datetime
    at: datetime


class Typed(TypedDict):
    _id: datetime
    at: datetime


class Model(pydantic.BaseModel):
    id: datetime
    at: datetime


def document(moment: datetime) -> dict[str, Any]:
    return {
        "_id": moment,
        "at": moment,
        "many": [moment],
        "by_name": {"a": {"at": moment, "also": None}},
        "pair": [1, moment],
        "anything": {"deep": [moment]},
        "thing": moment,
        "reference": DBRef("users", 1, at=moment),
    }


def moments(value: Any) -> list[datetime]:
    """Every datetime in a value of plain values."""
    match value:
        case datetime():
            return [value]
        case dict():
            return [moment for item in value.values() for moment in moments(item)]
        case list():
            return [moment for item in value for moment in moments(item)]
        case DBRef():
            return [value.at]
        case _:
            return []


def held(value: Any) -> list[datetime]:
    """Every datetime in a model."""
    plain = msgspec.to_builtins(
        value.model_dump() if isinstance(value, pydantic.BaseModel) else value, builtin_types=(datetime, DBRef)
    )
    return moments(plain)


KINDS: list[Any] = [Closed, Open, Referring, Data, Attrs, Typed, Model, dict]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", [MOMENT, EARLY, LATE])
def test_datetimes_are_read_in_utc_wherever_they_stand(kind: Any, moment: datetime) -> None:
    codec = codec_for(kind, SETTINGS)
    stored = raw(document(moment))

    one, (first, second) = codec.decode(stored), codec.decode_frame(stored * 2)

    assert one == first == second
    for value in (one, first):
        assert held(value) == [moment] * len(held(value))
        assert len(held(value)) >= 2
        assert {each.utcoffset() for each in held(value)} == {UTC.utcoffset(None)}


@pytest.mark.parametrize("kind", KINDS)
def test_datetimes_are_read_without_a_time_zone_where_the_settings_say_so(kind: Any) -> None:
    codec = codec_for(kind, BsonSettings(tz_aware=False))
    stored = raw(document(MOMENT))

    one, (first,) = codec.decode(stored), codec.decode_frame(stored)

    assert one == first
    assert set(held(one)) == {MOMENT.replace(tzinfo=None)}
