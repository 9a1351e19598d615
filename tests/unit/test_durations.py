from datetime import timedelta

import pytest

from llm_devops_mongodb.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("10s", timedelta(seconds=10)),
        ("500ms", timedelta(milliseconds=500)),
        ("1m30s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("1.5s", timedelta(seconds=1.5)),
        ("250us", timedelta(microseconds=250)),
        ("250µs", timedelta(microseconds=250)),
        (" 3s ", timedelta(seconds=3)),
        ("0s", timedelta(0)),
    ],
)
def test_text_with_units_is_a_duration(text, duration):
    assert parse_duration(text) == duration


def test_a_timedelta_is_taken_as_it_is():
    given = timedelta(seconds=-3)
    assert parse_duration(given) is given


@pytest.mark.parametrize("value", [5, 5.0, "5", "0", "-3", "2.5", True])
def test_a_number_without_a_unit_is_refused_with_a_hint(value):
    with pytest.raises(ValueError, match="a number needs a unit"):
        parse_duration(value)


# `mm` is months to the parsing library, and it passes over what stands between two durations.
@pytest.mark.parametrize(
    "value", ["", "soon", "10 seconds", "1s,2s", "1s hunter2 2s", "-5s", "3mm", "1.2.3s", None, []]
)
def test_nonsense_is_refused_without_repeating_it(value):
    with pytest.raises(ValueError, match="not a duration") as caught:
        parse_duration(value)
    assert "hunter2" not in str(caught.value)


def test_a_duration_that_no_timedelta_holds_is_refused():
    with pytest.raises(ValueError, match="too long"):
        parse_duration("9" * 30 + "d")
