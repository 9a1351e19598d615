"""A change stream that is described once."""

from __future__ import annotations

import doctest
from datetime import timedelta

import pytest

from llm_devops_mongodb import ChangeStreamConfig, ChangeStreamOptions, Field, InvalidDocumentError, OperationType
from llm_devops_mongodb.change_streams import config


def test_its_examples_are_true() -> None:
    assert doctest.testmod(config, extraglobs={"OperationType": OperationType}).failed == 0


def test_without_filters_it_asks_for_every_event_with_its_document() -> None:
    described = ChangeStreamConfig()

    assert described.pipeline == ()
    assert described.to_options() == ChangeStreamOptions(
        full_document="updateLookup", batch_size=100, max_await_time=timedelta(seconds=1)
    )


def test_each_method_returns_a_new_value_and_its_stages_come_in_order() -> None:
    described = ChangeStreamConfig(batch_size=7)

    narrowed = described.filter_operations(["insert"]).filter_field("n", 1).project_fields(["n"])

    assert described.pipeline == ()
    assert [next(iter(stage)) for stage in narrowed.pipeline] == ["$match", "$match", "$project"]
    assert narrowed.batch_size == 7


def test_a_filter_of_no_kind_of_operation_is_refused() -> None:
    with pytest.raises(InvalidDocumentError):
        ChangeStreamConfig().filter_operations([])


def test_a_value_is_not_read_as_an_operator() -> None:
    (stage,) = ChangeStreamConfig().filter_field("n", {"$ne": None}).pipeline

    assert stage == {"$match": {"fullDocument.n": {"$eq": {"$ne": None}}}}


def test_a_field_is_named_by_its_stored_name() -> None:
    field: Field[int] = Field("total")

    (stage,) = ChangeStreamConfig().filter_field(field, 1).pipeline

    assert stage == {"$match": {"fullDocument.total": {"$eq": 1}}}


@pytest.mark.parametrize("name", ["", "a..b", "a\0b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidDocumentError):
        ChangeStreamConfig().filter_field(name, 1)
    with pytest.raises(InvalidDocumentError):
        ChangeStreamConfig().project_fields([name])


def test_a_projection_of_no_fields_is_one_of_the_events_alone() -> None:
    (stage,) = ChangeStreamConfig().project_fields([]).pipeline

    assert stage == {"$project": dict.fromkeys(("operationType", "documentKey", "ns", "clusterTime"), 1)}


def test_options_that_cannot_be_are_refused_at_once() -> None:
    with pytest.raises(InvalidDocumentError):
        ChangeStreamConfig(batch_size=-1)
    with pytest.raises(InvalidDocumentError):
        ChangeStreamConfig(max_await_time=timedelta())
