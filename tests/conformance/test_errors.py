"""Errors compared with what is expected of them."""

from __future__ import annotations

from typing import Any

import pytest

from llm_devops_mongodb import BulkWriteError, BulkWriteResult, InvalidDocumentError, MongoError, QueryError
from llm_devops_mongodb.errors import WriteError
from tests.conformance.errors import match_error
from tests.conformance.matching import Matcher
from tests.conformance.verdicts import MismatchError

_REFUSED = QueryError("Find on a.b: Interrupted", code=11601, code_name="Interrupted", labels={"RetryableError"})
_LOCAL = InvalidDocumentError("there are no documents")
_TIMEOUT = MongoError("too late", is_timeout=True)
_BULK = BulkWriteError(
    "1 of the writes failed",
    result=BulkWriteResult(inserted_count=1),
    write_errors={1: WriteError("duplicate", code=11000, code_name="DuplicateKey")},
    write_concern_errors=[WriteError("not replicated", code=91)],
)


class _DriverError(Exception):
    details = {"ok": 0.0, "code": 1, "errmsg": "E1 on a value"}  # noqa: RUF012 - as the driver's


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        ({"isError": True}, _REFUSED),
        ({"isClientError": False}, _REFUSED),
        ({"isClientError": True}, _LOCAL),
        ({"isClientError": False}, _BULK),
        ({"isTimeoutError": True}, _TIMEOUT),
        ({"isTimeoutError": False}, _REFUSED),
        ({"errorContains": "INTERRUPTED"}, _REFUSED),
        ({"errorContains": "duplicate"}, _BULK),
        ({"errorCode": 11601, "errorCodeName": "interrupted"}, _REFUSED),
        ({"errorCodeName": "DuplicateKey"}, _BULK),
        ({"errorLabelsContain": ["RetryableError"], "errorLabelsOmit": ["Other"]}, _REFUSED),
        ({"expectResult": {"insertedCount": 1, "deletedCount": 0}}, _BULK),
        ({"expectResult": {"$$unsetOrMatches": {"insertedCount": 1}}}, _REFUSED),
        ({"writeErrors": {"1": {"code": 11000}}}, _BULK),
        ({"writeConcernErrors": [{"code": 91}]}, _BULK),
    ],
)
def test_an_error_matches(expected: dict[str, Any], error: MongoError) -> None:
    match_error(expected, error, Matcher())


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        ({"isClientError": True}, _REFUSED),
        ({"isClientError": False}, _LOCAL),
        ({"isTimeoutError": True}, _REFUSED),
        ({"errorContains": "elsewhere"}, _REFUSED),
        ({"errorCode": 1}, _REFUSED),
        ({"errorCodeName": "Other"}, _REFUSED),
        ({"errorCodeName": "Other"}, _LOCAL),
        ({"errorLabelsContain": ["RetryableError", "Other"]}, _REFUSED),
        ({"errorLabelsOmit": ["RetryableError"]}, _REFUSED),
        ({"expectResult": {"insertedCount": 2}}, _BULK),
        ({"expectResult": {"insertedCount": 2}}, _REFUSED),
        ({"writeErrors": {"0": {"code": 11000}}}, _BULK),
        ({"writeErrors": {}}, _BULK),
        ({"writeErrors": {"1": {"code": 11000}}}, _REFUSED),
        ({"writeConcernErrors": []}, _BULK),
        ({"errorResponse": {"code": 1}}, _REFUSED),
        ({"isWonder": True}, _REFUSED),
    ],
)
def test_another_error_is_told(expected: dict[str, Any], error: MongoError) -> None:
    with pytest.raises(MismatchError):
        match_error(expected, error, Matcher())


def test_the_servers_reply_is_behind_the_error() -> None:
    error = QueryError("hidden", code=1)
    error.__cause__ = _DriverError()

    match_error({"errorResponse": {"code": 1}, "errorContains": "e1 on a value"}, error, Matcher())
    with pytest.raises(MismatchError):
        match_error({"errorResponse": {"code": 2}}, error, Matcher())
