import copy
import datetime as dt
import pickle
from datetime import timedelta

import pytest

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.errors import ConfigError

MEMBERS = {
    "PRIMARY": "primary",
    "PRIMARY_PREFERRED": "primaryPreferred",
    "SECONDARY": "secondary",
    "SECONDARY_PREFERRED": "secondaryPreferred",
    "NEAREST": "nearest",
}
TAGGED = ReadPreference.tagged([{"dc": "east", "rack": "1"}, {}], mode="secondary", max_staleness=timedelta(minutes=2))


def faults(build) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        build()
    return {fault.field: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(("name", "mode"), MEMBERS.items())
def test_each_mode_is_a_member_that_shows_its_name(name, mode):
    member = getattr(ReadPreference, name)
    assert (member.mode, member.tag_sets, member.max_staleness) == (mode, (), None)
    assert repr(member) == f"ReadPreference.{name}"


@pytest.mark.parametrize(
    "preference",
    [
        ReadPreference.NEAREST,
        ReadPreference.tagged([{"dc": "east"}]),
        TAGGED,
        ReadPreference.SECONDARY.with_max_staleness(timedelta(seconds=90)),
    ],
)
def test_the_repr_of_a_read_preference_makes_it_again(preference):
    assert eval(repr(preference), {"ReadPreference": ReadPreference, "datetime": dt}) == preference


def test_read_preferences_are_equal_by_value_whatever_the_order_of_tags():
    same = ReadPreference.tagged(
        [{"rack": "1", "dc": "east"}, {}], mode="secondary", max_staleness=timedelta(minutes=2)
    )
    assert same == TAGGED
    assert hash(same) == hash(TAGGED)
    assert pickle.loads(pickle.dumps(TAGGED)) == copy.deepcopy(TAGGED) == TAGGED
    assert TAGGED != ReadPreference.SECONDARY


def test_the_order_of_tag_sets_is_kept():
    assert TAGGED.tag_sets == ({"dc": "east", "rack": "1"}, {})


def test_a_read_preference_cannot_be_changed():
    with pytest.raises(AttributeError):
        TAGGED.mode = "primary"
    TAGGED.tag_sets[0]["dc"] = "west"
    assert TAGGED.tag_sets[0]["dc"] == "east"


@pytest.mark.parametrize(
    "text", ["secondaryPreferred", "secondary_preferred", "SECONDARY_PREFERRED", "secondarypreferred"]
)
def test_a_read_preference_is_read_from_any_spelling(text):
    assert ReadPreference.of(text) is not None
    assert ReadPreference.of(text) == ReadPreference.SECONDARY_PREFERRED


def test_a_read_preference_is_read_from_a_mapping():
    given = {"mode": "secondary", "tag_sets": [{"dc": "east", "rack": "1"}, {}], "max_staleness": "2m"}
    assert ReadPreference.of(given) == TAGGED
    assert ReadPreference.of({"tag_sets": {"dc": "x"}}) == ReadPreference.tagged([{"dc": "x"}], mode="nearest")
    assert ReadPreference.of({}) == ReadPreference.PRIMARY
    assert ReadPreference.of(TAGGED) is TAGGED


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("fastest", "read_preference.mode"),
        (7, "read_preference.mode"),
        ({"mode": ["nearest"]}, "read_preference.mode"),
        ({"mode": "primary", "tag_sets": [{"dc": "x"}]}, "read_preference"),
        ({"mode": "primary", "max_staleness": "2m"}, "read_preference"),
        ({"mode": "nearest", "max_staleness": "89s"}, "read_preference.max_staleness"),
        ({"mode": "nearest", "max_staleness": 120}, "read_preference.max_staleness"),
        ({"tag_sets": [{"dc": 1}]}, "read_preference.tag_sets"),
        ({"tag_sets": ["dc:x"]}, "read_preference.tag_sets"),
    ],
)
def test_a_read_preference_that_cannot_be_is_refused(value, field):
    assert field in faults(lambda: ReadPreference.of(value))


def test_an_unknown_setting_of_a_section_is_told_with_the_nearest():
    found = faults(lambda: ReadPreference.of({"mod": "nearest", 1: 2}))
    assert found["read_preference.mod"] == "unknown setting; did you mean 'mode'?"
    assert found["read_preference.1"] == "unknown setting"


def test_read_concerns_are_the_servers_words():
    assert [str(level) for level in ReadConcern] == ["local", "available", "majority", "linearizable", "snapshot"]
    assert ReadConcern("majority") is ReadConcern.MAJORITY


def test_a_write_concern_has_the_defaults_of_the_design():
    assert (WriteConcern().w, WriteConcern().journal, WriteConcern().timeout) == (1, False, None)


@pytest.mark.parametrize(
    ("value", "concern"),
    [
        ("majority", WriteConcern("majority")),
        ("2", WriteConcern(2)),
        (0, WriteConcern(0)),
        ("eastAndWest", WriteConcern("eastAndWest")),
        (
            {"w": "majority", "journal": True, "timeout": "5s"},
            WriteConcern("majority", journal=True, timeout=timedelta(seconds=5)),
        ),
        ({"journal": True}, WriteConcern(1, journal=True)),
        ({"w": None, "journal": True}, WriteConcern(None, journal=True)),
    ],
)
def test_a_write_concern_is_read_from_text_numbers_and_mappings(value, concern):
    assert WriteConcern.of(value) == concern
    assert WriteConcern.of(concern) is concern


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        (-1, ["write_concern.w"]),
        ("-1", ["write_concern.w"]),
        ("", ["write_concern.w"]),
        (True, ["write_concern.w"]),
        (1.5, ["write_concern.w"]),
        ({"w": 0, "journal": True}, ["write_concern.journal"]),
        ({"w": -1, "journal": "yes"}, ["write_concern.w", "write_concern.journal"]),
        ({"timeout": timedelta(0)}, ["write_concern.timeout"]),
        ({"timeout": 5}, ["write_concern.timeout"]),
        ({"jurnal": True}, ["write_concern.jurnal"]),
    ],
)
def test_a_write_concern_that_cannot_be_is_refused_with_every_fault(value, fields):
    assert list(faults(lambda: WriteConcern.of(value))) == fields


def test_a_write_concern_is_a_value():
    assert hash(WriteConcern("majority")) == hash(WriteConcern("majority"))
    with pytest.raises(AttributeError):
        WriteConcern().w = 0
