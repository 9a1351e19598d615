"""Two runs of a test, compared by what their operations told."""

from __future__ import annotations

from typing import Any

import pytest
from bson import Int64, ObjectId

from llm_devops_mongodb import BulkWriteError, BulkWriteResult, MongoError, QueryError
from llm_devops_mongodb.errors import WriteError
from tests.conformance.traces import Trace
from tests.conformance.verdicts import MismatchError

_INSERT: dict[str, Any] = {"name": "insertOne", "object": "collection0"}
_FIND: dict[str, Any] = {"name": "find", "object": "collection0"}
_LOOP: dict[str, Any] = {"name": "loop", "object": "testRunner", "arguments": {"operations": [_INSERT, _FIND]}}
_TEST = {"operations": [_LOOP]}


def _trace(*told: tuple[dict[str, Any], object]) -> Trace:
    trace = Trace()
    for operation, value in told:
        trace.keep(operation, value)
    return trace


def _compare(first: object, second: object) -> None:
    _trace((_FIND, first)).check_same(_trace((_FIND, second)), _TEST)


def _bulk(message: str = "duplicate", inserted: int = 1) -> BulkWriteError:
    result = BulkWriteResult(inserted_count=inserted)
    return BulkWriteError("1 failed", result=result, write_errors={1: WriteError(message, code=11000)})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"n": 1}, {"n": Int64(1)}),
        ({"n": 1}, {"n": 1.0}),
        ({"n": 1, "m": 2}, {"m": 2, "n": 1}),
        ([{"n": 1}], [{"n": 1}, {"n": 2}]),
        ([], None),
        (QueryError("refused"), MongoError("refused")),
        (QueryError("refused"), QueryError("not refused")),
        (QueryError("refused", code=1), QueryError("refused", code=2)),
        (QueryError("refused", labels={"a"}), QueryError("refused", labels={"b"})),
        (QueryError("refused", outcome="applied"), QueryError("refused", outcome="unknown")),
        (_bulk(), _bulk("invalid")),
        (_bulk(), _bulk(inserted=2)),
        (_bulk(), {"insertedCount": 1}),
    ],
)
def test_what_differs_is_told(first: object, second: object) -> None:
    with pytest.raises(MismatchError, match=r"^find told .*, and when it was recorded "):
        _compare(first, second)


@pytest.mark.parametrize("told", [{"n": 1}, [{"n": [1, None]}], QueryError("refused", labels={"b", "a"}), _bulk()])
def test_the_same_is_the_same(told: object) -> None:
    _compare(told, told)


def test_an_operation_that_was_executed_less_often_differs() -> None:
    with pytest.raises(MismatchError, match="find told …nothing…"):
        _trace((_FIND, 1)).check_same(_trace(), _TEST)


def test_each_run_may_make_ids_of_its_own() -> None:
    runs = []
    for _ in range(2):
        first, second = ObjectId(), ObjectId()
        runs.append(_trace((_INSERT, first), (_INSERT, second), (_FIND, [{"_id": first}, {"_id": second}])))

    runs[0].check_same(runs[1], _TEST)


def test_the_ids_of_a_run_agree_with_each_other() -> None:
    first, second = ObjectId(), ObjectId()
    expected = _trace((_INSERT, first), (_INSERT, second), (_FIND, [{"_id": first}]))
    found = _trace((_INSERT, first), (_INSERT, second), (_FIND, [{"_id": second}]))

    with pytest.raises(MismatchError, match="find told"):
        expected.check_same(found, _TEST)


def test_the_order_in_which_operations_of_threads_were_done_does_not_count() -> None:
    expected = _trace((_INSERT, 1), (_FIND, 2))
    expected.check_same(_trace((_FIND, 2), (_INSERT, 1)), _TEST)
