from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.binary import UuidRepresentation

from llm_devops_mongodb.codecs import BsonSettings, codec_for
from llm_devops_mongodb.errors import ConfigError, SerializationError

SOME = uuid.UUID("12345678-1234-5678-1234-567812345678")


def test_datetimes_are_aware_and_uuids_standard_unless_told_otherwise() -> None:
    codec = codec_for(dict, BsonSettings())
    document = {"_id": SOME, "at": datetime(2026, 1, 2, tzinfo=UTC)}

    raw = codec.encode(document).raw

    assert codec.decode(raw) == document
    assert bson.decode(raw)["_id"].subtype == 4


def test_datetimes_may_be_read_without_a_time_zone() -> None:
    codec = codec_for(dict, BsonSettings(tz_aware=False))
    raw = bson.encode({"at": datetime(2026, 1, 2, tzinfo=UTC)})
    assert codec.decode(raw) == {"at": datetime(2026, 1, 2)}  # noqa: DTZ001


@pytest.mark.parametrize("name", ["pythonLegacy", "javaLegacy", "csharpLegacy"])
def test_uuids_may_be_written_as_older_drivers_did(name: Any) -> None:
    codec = codec_for(dict, BsonSettings(uuid_representation=name))
    raw = codec.encode({"_id": 1, "run": SOME}).raw
    assert codec.decode(raw)["run"] == SOME
    assert bson.decode(raw)["run"].subtype == 3


def test_an_unspecified_representation_writes_no_uuid() -> None:
    codec = codec_for(dict, BsonSettings(uuid_representation="unspecified"))
    with pytest.raises(SerializationError, match=r"run: a value of type UUID .* uuid_representation"):
        codec.encode({"run": SOME})


def test_an_unknown_representation_is_refused_with_the_known_ones() -> None:
    wrong: Any = "binary"
    with pytest.raises(ConfigError, match="standard, unspecified, pythonLegacy") as caught:
        BsonSettings(uuid_representation=wrong)
    assert caught.value.field == "uuid_representation"


def test_settings_are_values() -> None:
    assert BsonSettings() == BsonSettings()
    assert hash(BsonSettings()) == hash(BsonSettings())
    assert BsonSettings(tz_aware=False) != BsonSettings()
    assert BsonSettings().codec_options.uuid_representation == UuidRepresentation.STANDARD
