"""The one place that lists what replay does not check."""

from __future__ import annotations

import pytest

from tests.conformance import set_aside
from tests.conformance.set_aside import SetAside
from tests.conformance.special import _OPERATIONS


def test_every_operation_that_is_set_aside_is_one_of_the_runner_and_has_its_reason() -> None:
    assert set_aside.OPERATIONS.keys() <= _OPERATIONS.keys()
    assert set(set_aside.OPERATIONS.values()) <= set_aside.REASONS.keys()


def test_what_steers_a_test_is_done_in_replay_too() -> None:
    done = _OPERATIONS.keys() - set_aside.OPERATIONS.keys()

    assert done == {
        *("createEntities", "loop", "runOnThread", "wait", "waitForThread"),
        "assertSessionTransactionState",
    }


def test_what_is_set_aside_is_counted() -> None:
    aside = SetAside()
    aside.add(set_aside.OUTCOME)
    aside.add(set_aside.OUTCOME, times=2)
    aside.add(set_aside.EVENTS, times=0)

    assert aside.counts == {set_aside.OUTCOME: 3}


def test_what_has_no_reason_cannot_be_set_aside() -> None:
    with pytest.raises(KeyError, match="results"):
        SetAside().add("results")
