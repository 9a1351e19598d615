"""Which patterns are safe to hand to the server."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_devops_mongodb import InvalidDocumentError
from llm_devops_mongodb.query.patterns import check_pattern
from tests.patterns import HONEST

REFUSED = {
    # exponential
    r"^(a+)+$": "nested",
    r"^(\d+)*$": "nested",
    r"^(a|aa)+$": "in several ways",
    r"(a|a)*b": "in several ways",
    r"([a-zA-Z]+)*$": "nested",
    r"(\w+\s?)+$": "nested",
    r"(x+x+)+y": "nested",
    r"^(.*a){20}$": "overlap",
    r"^(a{0,50}){2,50}": "may be nothing",
    r"^(a{1,50}){2,50}": "nested",
    r"(x(a*|b*)c)*": "in several ways",
    # what may be nothing, again and again
    r"(a*)*": "may be nothing",
    r"(a?){30}a{30}": "may be nothing",
    r"(a|)+": "may be nothing",
    r"(\b)*": "repetition of nothing",
    # a power above the second
    r".*.*.*x": "overlap",
    r"^.*.*.*x": "overlap",
    r"\s*\s*x": "overlap",
    r"a*a*a*b": "overlap",
    # many ways through a short text
    "a?" * 30 + "a" * 30: "too many places",
    "a+" + "aa?" * 9 + "$": "too many places",
    # too much to find out
    "^" + "-".join("(?:" + "." * 50 + ")+" for _ in range(15)): "too intricate",
    "^" + "-".join("(?:" + "\\d" * 50 + ")+" for _ in range(9)): "too intricate",
    # not of the language whose cost is known
    r"(a)\1": "backreference",
    r"(?P<x>a)(?P=x)": "backreference",
    r"(?=a)b": "look-ahead",
    r"(?<!a)b": "look-behind",
    r"(?(1)a|b)": "conditional",
    r"(?R)": "recursion",
    r"(?1)": "recursion",
    r"a(?i)b": "flags inside",
    r"(*ACCEPT)a": "a verb",
    r"(?#note)a": "comment",
    r"(?>a)": "unknown kind",
    # no pattern
    "(a": "not closed",
    "a)": "closes nothing",
    "*a": "repetition of nothing",
    "a{2": "count",
    "a{3,2}": "before its start",
    "a{9999}": "above",
    "a**": "repetition of a repetition",
    "[a": "not closed",
    "\\": "nothing after it",
    # large
    "(" * 40 + "a" + ")" * 40: "deep",
    "a" * 1001: "longer than",
    "(abcdefghij){4}" * 60: "characters to compare",
    "^(" + "|".join(f"x{n}y" for n in range(70)) + ")+$": "something long",
}


@pytest.mark.parametrize("pattern", HONEST)
def test_an_honest_pattern_is_accepted(pattern: str) -> None:
    check_pattern(pattern)
    assert re.compile(pattern)


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_pattern_that_may_keep_the_server_busy_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidDocumentError, match=re.escape(REFUSED[pattern])) as caught:
        check_pattern(pattern)
    assert len(pattern) <= 3 or pattern not in str(caught.value)


def test_a_leading_flag_changes_what_overlaps() -> None:
    check_pattern(r"^(a|A)+$")
    with pytest.raises(InvalidDocumentError, match="in several ways"):
        check_pattern(r"(?i)^(a|A)+$")


def test_an_anchor_makes_a_pattern_cheaper() -> None:
    check_pattern(r"^\d+\w*-")
    with pytest.raises(InvalidDocumentError, match="overlap"):
        check_pattern(r"\d+\w*-")


def test_a_separator_keeps_repetitions_apart() -> None:
    check_pattern(r"^(?:\w+,)*\w+$")
    with pytest.raises(InvalidDocumentError, match="in several ways"):
        check_pattern(r"^(?:\w+,?)*$")


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab.,(|)*+?{}[]^$\\12-:<=!"), max_size=25))
def test_any_text_is_accepted_or_refused(pattern: str) -> None:
    with contextlib.suppress(InvalidDocumentError):
        check_pattern(pattern)
