"""The one place that lists what is left out."""

from __future__ import annotations

import pytest

from tests.conformance import unsupported
from tests.conformance.entities import EntityMap
from tests.conformance.operations import _TABLES
from tests.conformance.operations.arguments import Arguments
from tests.conformance.verdicts import UnsupportedError


def test_a_listed_operation_is_refused_with_its_reason() -> None:
    with pytest.raises(UnsupportedError, match=r"collection\.count: drivers have no count helper"):
        unsupported.refuse_operation("collection", "count")


def test_another_operation_is_not_refused() -> None:
    unsupported.refuse_operation("collection", "unheardOf")


def test_a_listed_argument_is_refused_with_its_reason() -> None:
    with pytest.raises(UnsupportedError, match="rawData: no such option"):
        Arguments({"filter": {}, "rawData": True}, EntityMap())


def test_a_listed_argument_that_is_off_asks_for_nothing() -> None:
    Arguments({"rawData": False}, EntityMap()).check_all_taken("find")


def test_nothing_that_is_there_is_listed() -> None:
    there = {(kind, name) for kind, operations in _TABLES.items() for name in operations}

    assert not there & unsupported.OPERATIONS.keys()


def test_every_reason_is_a_sentence_of_its_own() -> None:
    tables = (unsupported.ENTITIES, unsupported.ARGUMENTS, unsupported.CLIENT_SETTINGS, unsupported.EXPECTATIONS)
    reasons = [*unsupported.OPERATIONS.values(), *(reason for table in tables for reason in table.values())]

    assert all(len(reason.split()) >= 4 for reason in reasons)
