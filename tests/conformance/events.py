"""The driver's events as the format names them, and whether they are the expected ones.

Command, connection pool (CMAP) and server discovery (SDAM) events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.conformance import unsupported
from tests.conformance.matching import MISSING, Matcher
from tests.conformance.recording import EventRecorder, Observed
from tests.conformance.verdicts import MismatchError

_KEYS = frozenset({"client", "eventType", "events", "ignoreExtraEvents"})
_GROUPS = frozenset({"command", "cmap", "sdam"})


def match_events(expectation: Mapping[str, Any], recorder: EventRecorder, matcher: Matcher) -> None:
    """Compare what one client published with what is expected of it, in order.

    Args:
        expectation: One element of `expectEvents`.
        recorder: What the client published.
        matcher: Compares values.

    Raises:
        MismatchError: An event is missing, different, or one too many.
    """
    group = expectation.get("eventType", "command")
    if group not in _GROUPS or expectation.keys() - _KEYS:
        raise MismatchError("expectEvents has a key or an event type that the schema does not know")
    expected: Sequence[Mapping[str, Any]] = expectation["events"]
    published = [event for event in recorder.events if event.group == group]
    for index, event in enumerate(expected):
        if index >= len(published):
            raise MismatchError(f"{len(expected)} {group} events expected, published: {_names(published)}")
        match_event(event, published[index], matcher, place=f"event {index}")
    if len(published) > len(expected) and not expectation.get("ignoreExtraEvents", False):
        raise MismatchError(f"{len(expected)} {group} events expected, published: {_names(published)}")


def match_event(expected: Mapping[str, Any], published: Observed, matcher: Matcher, *, place: str = "event") -> None:
    """Compare one event.

    Raises:
        MismatchError: It is another one, or differs.
        UnsupportedError: There is no such event here.
    """
    unsupported.refuse_in(unsupported.EVENTS, expected)
    if len(expected) != 1:
        raise MismatchError(f"{place}: an expected event is one key")
    ((name, asserted),) = expected.items()
    if name != published.name:
        raise MismatchError(f"{place}: expected {name}, published {published}")
    for key, value in asserted.items():
        found = published.fields.get(key, MISSING)
        matcher.match(value, found, is_root=True, place=f"{place} ({published}) {key}")


def count_events(expected: Mapping[str, Any], recorder: EventRecorder, matcher: Matcher) -> int:
    """Return how often the client published such an event."""
    return sum(_is_such(expected, published, matcher) for published in recorder.events)


def _is_such(expected: Mapping[str, Any], published: Observed, matcher: Matcher) -> bool:
    try:
        match_event(expected, published, matcher)
    except MismatchError:
        return False
    return True


def _names(published: Sequence[Observed]) -> str:
    return ", ".join(map(str, published)) or "none"
