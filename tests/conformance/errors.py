"""Whether an error is the expected one (`expectError`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llm_devops_mongodb import BulkWriteError, MongoError
from llm_devops_mongodb.errors import WriteError
from tests.conformance.matching import MISSING, Matcher
from tests.conformance.results import document_of
from tests.conformance.set_aside import SERVER_REPLY, SetAside
from tests.conformance.verdicts import MismatchError


def match_error(
    expected: Mapping[str, Any], error: MongoError, matcher: Matcher, *, replay: SetAside | None = None
) -> None:
    """Compare an error with every key of `expected`.

    Args:
        expected: What the test says.
        error: What was raised.
        matcher: Compares values.
        replay: Where to count what only the driver's error tells; None is where it is there.

    Raises:
        MismatchError: It is another one, or `expected` has a key that the schema does not know.
    """
    for key, value in expected.items():
        if replay is not None and _needs_the_reply(key, value, error):
            replay.add(SERVER_REPLY)
        elif (check := _CHECKS.get(key)) is not None:
            if not check(value, error):
                raise MismatchError(f"{key} {value!r} expected of {described(error)}")
        elif key in _DOCUMENTS:
            _match_documents(key, value, error, matcher)
        else:
            raise MismatchError(f"expectError has a key that the schema does not know: {key}")


def _needs_the_reply(key: str, expected: Any, error: MongoError) -> bool:
    if server_reply(error) is not None:
        return False
    return key == "errorResponse" or (key == "errorContains" and not _contains(expected, error))


def _match_documents(key: str, expected: Any, error: MongoError, matcher: Matcher) -> None:
    found = _DOCUMENTS[key](error)
    if key != "writeErrors":
        matcher.match_roots(expected, found, place=key)
        return
    # Each of the reports may tell more than is expected of it, but there may be no other reports.
    reports = {index: {"$$matchAsRoot": report} for index, report in expected.items()}
    matcher.match(reports, found, place=key)


def described(error: MongoError) -> str:
    """Return what an error tells, on one line."""
    told = {"code": error.code, "labels": sorted(error.labels), "timeout": error.is_timeout or None}
    details = ", ".join(f"{name} {value}" for name, value in told.items() if value)
    return f"{type(error).__name__} ({details}): {error.message}" if details else f"{type(error).__name__}: {error}"


def is_of_server(error: MongoError) -> bool:
    """Tell whether a reply of the server is behind an error."""
    return error.code is not None or isinstance(error, BulkWriteError)


def server_reply(error: MongoError) -> Mapping[str, Any] | None:
    """Return the server's reply behind an error; the driver's error holds it."""
    details = getattr(error.__cause__, "details", None)
    return details if isinstance(details, Mapping) else None


def _contains(expected: str, error: MongoError) -> bool:
    return any(expected.casefold() in text.casefold() for text in _texts(error))


def _texts(error: MongoError) -> Iterator[str]:
    """The texts of an error and of what it gathers; this library's own leave out values, the server's do not."""
    yield error.message
    for gathered in _gathered(error):
        yield gathered.message
    reply = server_reply(error) or {}
    for report in (reply, *reply.get("writeErrors", ()), *reply.get("writeConcernErrors", ())):
        yield str(report.get("errmsg", ""))


def _has_code(expected: int, error: MongoError) -> bool:
    return expected in {error.code, *(gathered.code for gathered in _gathered(error))}


def _has_code_name(expected: str, error: MongoError) -> bool:
    names = (error.code_name, *(gathered.code_name for gathered in _gathered(error)))
    return expected.casefold() in {name.casefold() for name in names if name is not None}


def _gathered(error: MongoError) -> Iterator[WriteError]:
    if isinstance(error, BulkWriteError):
        yield from error.write_errors.values()
        yield from error.write_concern_errors


def _write_errors(error: MongoError) -> Any:
    if not isinstance(error, BulkWriteError):
        return MISSING
    return {str(index): _report(failure) for index, failure in error.write_errors.items()}


def _write_concern_errors(error: MongoError) -> Any:
    return (
        [_report(failure) for failure in error.write_concern_errors] if isinstance(error, BulkWriteError) else MISSING
    )


def _report(error: WriteError) -> dict[str, Any]:
    return {"code": error.code, "codeName": error.code_name, "message": error.message}


def _reply(error: MongoError) -> Any:
    reply = server_reply(error)
    return MISSING if reply is None else reply


def _result(error: MongoError) -> Any:
    return document_of(getattr(error, "result", MISSING))


_CHECKS: Mapping[str, Callable[[Any, MongoError], bool]] = {
    "isError": lambda expected, error: expected is True,
    "isClientError": lambda expected, error: is_of_server(error) is not expected,
    "isTimeoutError": lambda expected, error: error.is_timeout is expected,
    "errorContains": _contains,
    "errorCode": _has_code,
    "errorCodeName": _has_code_name,
    "errorLabelsContain": lambda expected, error: error.labels.issuperset(expected),
    "errorLabelsOmit": lambda expected, error: error.labels.isdisjoint(expected),
}
_DOCUMENTS: Mapping[str, Callable[[MongoError], Any]] = {
    "errorResponse": _reply,
    "expectResult": _result,
    "writeErrors": _write_errors,
    "writeConcernErrors": _write_concern_errors,
}
