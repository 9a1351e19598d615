"""What keeps a checkpoint from being used for another stream, and what is told then."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import bson
import pytest

from llm_devops_mongodb import ChangeStreamOptions, MongoError, ResumeToken
from llm_devops_mongodb.consumers import (
    Checkpoint,
    CheckpointConflictError,
    CheckpointError,
    CheckpointMismatchError,
    HandlerError,
    LeaseLostError,
)
from llm_devops_mongodb.consumers.fingerprint import check_fingerprint, described, fingerprint_of

SECRET = "4111-1111"
MATCH = {"$match": {"fullDocument.card": SECRET}}
TOKEN = ResumeToken({"_data": "82"})
DEFAULT = ChangeStreamOptions()


def told(
    *stages: Mapping[str, Any],
    options: ChangeStreamOptions = DEFAULT,
    watched: str = "shop.orders",
    partitions: int = 1,
) -> dict[str, str]:
    return described(watched, tuple(map(bson.encode, stages)), options, partitions=partitions)


def made_for(options: dict[str, str]) -> Checkpoint:
    return Checkpoint(name="orders", fingerprint=fingerprint_of(options), options=options)


OTHERS = {
    "watched": told(MATCH, watched="shop.bills"),
    "pipeline": told(),
    "partitions": told(MATCH, partitions=2),
    "full_document": told(MATCH, options=ChangeStreamOptions(full_document="updateLookup")),
    "full_document_before_change": told(MATCH, options=ChangeStreamOptions(full_document_before_change="required")),
    "show_expanded_events": told(MATCH, options=ChangeStreamOptions(show_expanded_events=True)),
    "split_large_events": told(MATCH, options=ChangeStreamOptions(split_large_events=True)),
    "collation": told(MATCH, options=ChangeStreamOptions(collation={"locale": "de"})),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_stream_is_refused_and_the_option_named(name: str) -> None:
    with pytest.raises(CheckpointMismatchError, match=f"'orders'.*{name}: ") as caught:
        check_fingerprint(made_for(OTHERS[name]), told(MATCH))

    assert [line.partition(":")[0] for line in caught.value.difference] == [name]


def test_every_option_that_differs_is_named() -> None:
    other = told(options=ChangeStreamOptions(full_document="required"), partitions=3)

    with pytest.raises(CheckpointMismatchError) as caught:
        check_fingerprint(made_for(other), told(MATCH))

    assert [line.partition(":")[0] for line in caught.value.difference] == ["full_document", "partitions", "pipeline"]


def test_no_value_of_a_stage_is_told_and_another_value_is_another_stream() -> None:
    other = {"$match": {"fullDocument.card": f"{SECRET}0"}}

    with pytest.raises(CheckpointMismatchError, match=r"pipeline: \$match \w{16} .*\$match \w{16} ") as caught:
        check_fingerprint(made_for(told(other)), told(MATCH))

    assert SECRET not in f"{caught.value}{caught.value.difference}{told(MATCH)}"


@pytest.mark.parametrize(
    "options",
    [
        ChangeStreamOptions(start_after=TOKEN),
        ChangeStreamOptions(batch_size=7, comment="x"),
        ChangeStreamOptions(full_document=None, show_expanded_events=False),
    ],
    ids=["where it begins", "how it is read", "the defaults, said"],
)
def test_what_does_not_choose_events_makes_no_other_stream(options: ChangeStreamOptions) -> None:
    check_fingerprint(made_for(told(MATCH)), told(MATCH, options=options))


def test_a_fingerprint_is_the_same_in_whatever_order_options_are_stored() -> None:
    options = told(MATCH)

    assert fingerprint_of(dict(reversed(options.items()))) == fingerprint_of(options)


def test_a_stage_with_a_date_that_python_has_none_for_is_a_stage() -> None:
    stage = {"$match": {"at": {"$lt": bson.DatetimeMS(2**50)}}}

    assert told(stage)["pipeline"].startswith("$match ")


def test_a_checkpoint_as_a_document_is_the_same_checkpoint() -> None:
    checkpoint = replace(made_for(told(MATCH)), token=TOKEN, owner="a", fence=3)

    assert Checkpoint.from_document("orders", checkpoint.to_document()) == checkpoint


@pytest.mark.parametrize(
    "error",
    [
        CheckpointError("m"),
        CheckpointMismatchError("m", difference=["full_document: a in the checkpoint, b now"]),
        CheckpointConflictError("m"),
        LeaseLostError("m"),
        HandlerError("m"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_one_of_the_library_and_outlives_copying_and_pickling(error: MongoError) -> None:
    for twin in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert isinstance(twin, MongoError)
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
