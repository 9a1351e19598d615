"""Options of `watch` that cannot be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bson import Timestamp

from llm_devops_mongodb import ChangeStreamOptions, InvalidDocumentError
from tests.unit.change_streams.scripted import token


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"full_document": "always"}, "full_document"),
        ({"full_document": "off"}, "full_document"),
        ({"full_document_before_change": "updateLookup"}, "full_document_before_change"),
        ({"resume_after": {"_data": "1"}}, "resume_after"),
        ({"start_after": "826B"}, "start_after"),
        ({"start_at_operation_time": 5}, "start_at_operation_time"),
        ({"resume_after": token(1), "start_after": token(1)}, "resume_after"),
        ({"resume_after": token(1), "start_at_operation_time": Timestamp(1, 1)}, "resume_after"),
        ({"start_after": token(1), "start_at_operation_time": Timestamp(1, 1)}, "resume_after"),
        ({"batch_size": -1}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"max_await_time": 5}, "max_await_time"),
        ({"max_await_time": timedelta()}, "max_await_time"),
        ({"resume_limit": timedelta(seconds=-1)}, "resume_limit"),
        ({"resume_limit": 30}, "resume_limit"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        ChangeStreamOptions(**settings)

    assert caught.value.path == path


@pytest.mark.parametrize("form", ["default", "updateLookup", "whenAvailable", "required", None])
def test_every_form_of_a_document_may_be_asked_for(form: Any) -> None:
    assert ChangeStreamOptions(full_document=form).full_document == form


def test_another_beginning_replaces_the_one_that_was_asked_for() -> None:
    options = ChangeStreamOptions(start_after=token(1), batch_size=5)

    assert options.starting(resume_after=token(2)) == ChangeStreamOptions(resume_after=token(2), batch_size=5)
    assert options.starting() == ChangeStreamOptions(batch_size=5)
