"""Events as recorded, and compared with what is expected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pymongo.monitoring import CommandStartedEvent, CommandSucceededEvent

from tests.conformance.events import count_events, match_events
from tests.conformance.listening import listeners_of
from tests.conformance.matching import Matcher
from tests.conformance.recording import EventRecorder, Observed
from tests.conformance.verdicts import MismatchError, UnsupportedError

_STARTED = "commandStartedEvent"
_FIND = {"commandStartedEvent": {"commandName": "find"}}
_INSERT = {"commandStartedEvent": {"commandName": "insert"}}


def _started(name: str, **command: Any) -> CommandStartedEvent:
    return CommandStartedEvent({name: 1, **command}, "db", 1, ("localhost", 27017), 1)


def _recorded(*commands: str, **settings: Any) -> EventRecorder:
    recorder = EventRecorder([_STARTED], **settings)
    for command in commands:
        listeners_of(recorder)[0].started(_started(command))
    return recorder


def _check(recorder: EventRecorder, events: list[Any], **more: Any) -> None:
    match_events({"client": "client0", "events": events, **more}, recorder, Matcher())


def test_the_expected_events_match_in_order() -> None:
    _check(_recorded("insert", "find"), [_INSERT, _FIND])


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        pytest.param(("insert", "find"), [_FIND, _INSERT], id="another order"),
        pytest.param(("insert",), [_INSERT, _FIND], id="one is missing"),
        pytest.param(("insert", "find"), [_INSERT], id="one too many"),
        pytest.param(("insert",), [], id="none is expected"),
        pytest.param(("insert",), [{"commandSucceededEvent": {}}], id="another kind"),
        pytest.param(("insert",), [{_STARTED: {"databaseName": "other"}}], id="another field"),
    ],
)
def test_other_events_are_told(published: tuple[str, ...], expected: list[Any]) -> None:
    with pytest.raises(MismatchError):
        _check(_recorded(*published), expected)


def test_extra_events_may_be_ignored_at_the_end_alone() -> None:
    _check(_recorded("insert", "find"), [_INSERT], ignoreExtraEvents=True)

    with pytest.raises(MismatchError):
        _check(_recorded("insert", "find"), [_FIND], ignoreExtraEvents=True)


def test_a_command_may_have_more_keys_than_expected_but_not_deeper() -> None:
    recorder = EventRecorder([_STARTED])
    listeners_of(recorder)[0].started(_started("find", filter={"a": 1}))

    _check(recorder, [{_STARTED: {"command": {"find": 1}}}])
    with pytest.raises(MismatchError):
        _check(recorder, [{_STARTED: {"command": {"filter": {}}}}])


def test_groups_of_events_are_compared_apart() -> None:
    recorder = _recorded("find")
    recorder.events.append(Observed("poolReadyEvent", "cmap"))

    _check(recorder, [_FIND])
    with pytest.raises(MismatchError):
        _check(recorder, [], eventType="cmap")


def test_secrets_fail_points_and_ignored_commands_are_left_out() -> None:
    recorder = _recorded("saslStart", "configureFailPoint", "killCursors", "find", ignored=["killCursors"])

    assert [str(event) for event in recorder.events] == ["commandStartedEvent:find"]


def test_a_secret_command_is_kept_where_it_is_asked_for() -> None:
    assert len(_recorded("saslStart", with_sensitive=True).events) == 1


def test_only_what_is_observed_is_kept_until_recording_stops() -> None:
    recorder = EventRecorder(["commandSucceededEvent"])
    commands = listeners_of(recorder)[0]
    succeeded = CommandSucceededEvent(timedelta(0), {"ok": 1}, "find", 1, ("localhost", 27017), 1, database_name="db")

    commands.started(_started("find"))
    commands.succeeded(succeeded)
    recorder.stop()
    commands.succeeded(succeeded)

    assert [event.fields["reply"] for event in recorder.events] == [{"ok": 1}]


def test_what_connecting_asked_for_is_forgotten() -> None:
    recorder = _recorded("ping")
    recorder.events += [Observed("poolReadyEvent", "cmap"), Observed("connectionCheckedOutEvent", "cmap")]

    recorder.forget_connecting()

    assert [event.name for event in recorder.events] == ["poolReadyEvent"]


def test_events_may_be_stored_as_documents() -> None:
    store: list[Any] = []
    recorder = EventRecorder(stores={_STARTED: store})
    listeners_of(recorder)[0].started(_started("find"))

    assert store[0]["name"] == "CommandStartedEvent"
    assert store[0]["observedAt"] > 0
    assert recorder.events == []


def test_events_are_counted() -> None:
    assert count_events(_FIND, _recorded("find", "insert", "find"), Matcher()) == 2


def test_an_event_that_the_driver_has_not_is_a_reason_to_skip() -> None:
    with pytest.raises(UnsupportedError):
        _check(_recorded("find"), [{"connectionPendingResponseStarted": {}}])
