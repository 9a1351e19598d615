"""The one table that turns the driver's errors into this library's.

Labels, codes and the timeout flag are kept; the driver's error stays as `__cause__` (set by the caller's
`raise … from`). An error that is not the driver's is not touched.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from bson.errors import BSONError, InvalidDocument
from pymongo import errors as driver

from llm_devops_mongodb import errors as ours
from llm_devops_mongodb import operations
from llm_devops_mongodb.results import BulkWriteResult
from llm_devops_mongodb.transports.driver.bulk_writes import done_before
from llm_devops_mongodb.transports.driver.causes import (
    cause_in,
    is_missing_record,
    time_limit_in,
    tls_cause_in,
    waited_in,
)
from llm_devops_mongodb.transports.driver.masking import masked
from llm_devops_mongodb.transports.driver.outcomes import (
    outcome_refused,
    outcome_sent,
    outcome_undecodable,
    outcome_unsent,
)
from llm_devops_mongodb.transports.driver.topology_watch import is_tls_failure
from llm_devops_mongodb.transports.driver.violations import broken_rules

if TYPE_CHECKING:
    from datetime import timedelta

    from llm_devops_mongodb.errors import MongoError, Outcome, WriteError
    from llm_devops_mongodb.operations import Operation

DRIVER_ERRORS = (driver.PyMongoError, BSONError, OverflowError, UnicodeError, RecursionError, TypeError, ValueError)
"""What a call of the driver may raise of its own: it does not wrap what its encoder and argument checks raise."""

_AUTHENTICATION = frozenset({18, 391})  # AuthenticationFailed, ReauthenticationRequired
_LOGIN = frozenset({11, 334})  # UserNotFound, MechanismUnavailable: also what commands about users answer
_ATLAS = 8000  # Atlas uses it for logins and for much else
_UNAUTHORIZED = 13
_CURSOR_LOST = frozenset({43, 136, 237})  # CursorNotFound, CappedPositionLost, CursorKilled
_HISTORY_LOST = frozenset({136, 286})  # CappedPositionLost, ChangeStreamHistoryLost
_STREAM_FATAL = 280  # ChangeStreamFatalError: of several causes one is that the token's event is not there
_BAD_TOKEN = 260  # InvalidResumeToken
# What a server says of a token that is damaged: it cannot be parsed, or holds what no token does.
_DAMAGED_TOKEN = frozenset({15, 40647, 40648, 40649, 50795, 50796, 50810, 50811, 50816, 50872, 51057})
_TOO_LARGE = 10334  # BSONObjectTooLarge
_TIMEOUT = frozenset({50, 262})  # MaxTimeMSExpired, ExceededTimeLimit
# TransactionTooOld, NoSuchTransaction, -Committed, -TooLarge, OperationNotSupportedIn-, PreparedTransactionInProgress,
# TransactionExceededLifetimeLimitSeconds
_TRANSACTION = frozenset({225, 251, 256, 257, 263, 267, 290})
_ILLEGAL_OPERATION = 20
_DUPLICATE_KEY = frozenset({11000, 11001, 12582})
_INVALID_DOCUMENT = 121
# The server names the code of a command's error, but not of one write's.
_WRITE_CODE_NAMES = {
    2: "BadValue",
    9: "FailedToParse",
    14: "TypeMismatch",
    28: "PathNotViable",
    40: "ConflictingUpdateOperators",
    52: "DollarPrefixedFieldName",
    66: "ImmutableField",
    112: "WriteConflict",
    121: "DocumentValidationFailure",
    10334: "BSONObjectTooLarge",
    11000: "DuplicateKey",
}
_LABELS = (
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
    "RetryableWriteError",
    "NoWritesPerformed",
    "ResumableChangeStreamError",
    "NonResumableChangeStreamError",
    "SystemOverloadedError",
    "RetryableError",
)
_SEVERAL = (operations.InsertMany, operations.BulkWrite, operations.ClientBulkWrite)
_INDEX = re.compile(r" index: (.*?)(?: collation: \{.*)? dup key: ", re.DOTALL)


def is_of_driver(error: BaseException) -> bool:
    """Tell an error that the driver raised from a mistake of ours with the same built-in class."""
    if isinstance(error, (driver.PyMongoError, BSONError)):
        return True
    modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(modules) and modules[-1].partition(".")[0] in {"pymongo", "bson"}


def translated(error: BaseException, operation: Operation, *, limits: Mapping[str, timedelta]) -> MongoError:
    """Return this library's error for the driver's `error`.

    Args:
        error: One of `DRIVER_ERRORS`.
        operation: What was asked.
        limits: The client's limits, `server_selection` and `wait_queue`, for errors that do not tell theirs.
    """
    told = _told(error, operation, limits)
    known = None if isinstance(told, ours.BulkWriteError) else done_before(error)
    if known is None:
        return told
    told.__cause__ = error
    return _cut_off(_bulk(known), told)


def _told(  # noqa: C901, PLR0911 - one line for each kind of error
    error: BaseException, operation: Operation, limits: Mapping[str, timedelta]
) -> MongoError:
    match error:
        case ours.MongoError():
            return error
        case driver.BulkWriteError():
            return _bulk(error)
        case driver.ClientBulkWriteException():
            return _client_bulk(error, operation, limits)
        case driver.OperationFailure() if error.code is None and "with unacknowledged write concern" in str(error):
            # The driver's own, without the class that others of the kind have.
            return _misconfigured(error, operation)
        case driver.OperationFailure():
            return _refused(error, operation)
        case driver.ConnectionFailure() if isinstance(operation, operations.CommitTransaction):
            return _commit_cut_off(error, operation)
        case driver.ServerSelectionTimeoutError():
            return _selection(error, operation, limits["server_selection"])
        case driver.WaitQueueTimeoutError():
            return _exhausted(error, operation, limits["wait_queue"])
        case driver.ConnectionFailure():
            return _broken(error, operation)
        case driver.InvalidOperation():
            return _misused(error, operation)
        case driver.ConfigurationError():
            return _misconfigured(error, operation)
        case _:
            return _uncoded(error, operation)


def _refused(error: driver.OperationFailure, operation: Operation) -> MongoError:  # noqa: PLR0911 - a table
    """The server answered with an error: by code, then by what was asked."""
    code = error.code or 0
    reported = _reported(error)
    text = f"{_subject(operation)}: {_message(reported, error)}"
    details = _details(error, outcome_refused(error, operation))
    if _is_login_failure(error, operation):
        return ours.AuthenticationError(f"{text.rstrip('.')}; check the credentials and authSource", **details)
    if isinstance(operation, operations.CommitTransaction):
        return ours.CommitError(f"{text}{_commit_hint(details['outcome'])}", **details)
    if isinstance(operation, operations.Watch) and (lost := _lost_place(code, text, operation)) is not None:
        kind, advice = lost
        return kind(f"{text}; {advice}", **details)
    if code in _CURSOR_LOST:
        return ours.CursorError(text, **details)
    if isinstance(error, driver.WriteError) or (code in _DUPLICATE_KEY and _is_write(operation)):
        return write_error(reported, details, _subject(operation))
    if isinstance(error, driver.WriteConcernError):
        return ours.WriteError(
            f"{text}; the write was applied, but not acknowledged as asked, and may still be lost", **details
        )
    text += _outcome_hint(details["outcome"])
    if code in _TIMEOUT or error.timeout:
        return ours.OperationTimeoutError(text, timeout=_time_limit(error, operation), **details)
    if code in _TRANSACTION or (code == _ILLEGAL_OPERATION and "ransaction" in text):
        return ours.TransactionError(text, **details)
    return (ours.WriteError if _is_write(operation) else ours.QueryError)(text, **details)


def _lost_place(code: int, text: str, operation: operations.Watch) -> tuple[type[ours.CursorError], str] | None:
    """Tell whether a change stream cannot go on where it was, and what to do then."""
    if code in _HISTORY_LOST or (code == _STREAM_FATAL and "resume" in text):
        return ours.HistoryLostError, "events were lost: begin anew, and take stock of what changed meanwhile"
    if code == _BAD_TOKEN:
        return ours.ResumeTokenError, "the resume token is not one of this stream: after an invalidate, use start_after"
    if operation.options.token is not None and (code in _DAMAGED_TOKEN or "resume token" in text):
        return ours.ResumeTokenError, "the resume token is damaged: begin anew"
    if code == _TOO_LARGE:
        return ours.CursorError, "an event is larger than 16 MB: project fields away, or set split_large_events"
    return None


def _is_login_failure(error: driver.OperationFailure, operation: Operation) -> bool:
    text = str(error).partition(", full error: ")[0].lower()
    return (
        error.code in _AUTHENTICATION
        or (error.code in _LOGIN and not isinstance(operation, operations.RunCommand))
        or (error.code == _ATLAS and "auth" in text)
        or (error.code == _UNAUTHORIZED and "requires authentication" in text)
    )


def write_error(reported: Mapping[str, Any], details: Mapping[str, Any], subject: str) -> WriteError:
    """Return the error for one write that the server reports as failed.

    Args:
        reported: The server's report of it.
        details: The arguments that every error takes: `code`, `outcome` and the rest.
        subject: What the text begins with.
    """
    code = reported.get("code")
    details = {**details, "code_name": details.get("code_name") or _WRITE_CODE_NAMES.get(code or 0)}
    if code not in _DUPLICATE_KEY:
        return ours.WriteError(f"{subject}: {_message(reported)}", **details)
    found = _INDEX.search(str(reported.get("errmsg", "")))
    pattern = reported.get("keyPattern")
    return ours.DuplicateKeyError(
        f"{subject}: a document with the same key is already there (index {found[1] if found else 'unknown'})",
        index_name=found[1] if found else None,
        key_pattern=None if pattern is None else dict(pattern),
        **details,
    )


def _client_bulk(
    error: driver.ClientBulkWriteException, operation: Operation, limits: Mapping[str, timedelta]
) -> MongoError:
    """Of several collections: the same, unless what ended it did so before anything was written."""
    reported = _reported(error)
    if error.error is None:
        return _bulk(error)
    ending = translated(_ending(error.error), operation, limits=limits)
    if not reported.get("anySuccessful") and not reported.get("writeErrors"):
        return ending
    return _cut_off(_bulk(error), ending)


def _cut_off(known: ours.BulkWriteError, ending: MongoError) -> ours.BulkWriteError:
    """Return `known`, what is known of several writes, as the error of those that `ending` ended."""
    known.message = f"{known.message}; then it ended: {ending.message}"
    known.args = (known.message,)
    known.code, known.code_name, known.labels = ending.code, ending.code_name, known.labels | ending.labels
    known.is_timeout, known.outcome = ending.is_timeout, "unknown"
    known.ended_by = ending
    return known


def _ending(error: Any) -> BaseException:
    """What ended a client's bulk write: an error, or the server's report of one."""
    if isinstance(error, BaseException):
        return error
    return driver.OperationFailure(str(error.get("errmsg", "")), error.get("code"), error)


def _bulk(error: driver.BulkWriteError | driver.ClientBulkWriteException) -> ours.BulkWriteError:
    reported = _reported(error)
    failures: dict[int, WriteError] = {
        index: write_error(entry, {"code": entry.get("code"), "outcome": "not_applied"}, f"write {index}")
        for index, entry in ((_index_of(entry), entry) for entry in reported.get("writeErrors", []))
    }
    concerns = [
        ours.WriteError(_message(entry), code=entry.get("code"), outcome="applied")
        for entry in reported.get("writeConcernErrors", [])
    ]
    result = _bulk_result(reported)
    return ours.BulkWriteError(
        f"{len(failures)} of the writes failed, {_done(result)}; see write_errors and result"
        + (f"; {len(concerns)} not acknowledged as asked" if concerns else ""),
        result=result,
        write_errors=failures,
        write_concern_errors=concerns,
        **_details(error, _bulk_outcome(result, has_failures=bool(failures))),
    )


def _index_of(entry: Mapping[str, Any]) -> int:
    """The number of a write that failed; `bulkWrite`, the command for several collections, has another name for it."""
    index: int = entry["index"] if "index" in entry else entry["idx"]
    return index


def _bulk_result(reported: Mapping[str, Any]) -> BulkWriteResult:
    several = {index: write.upserted_id for index, write in reported.get("updateResults", {}).items()}
    return BulkWriteResult(
        inserted_count=reported.get("nInserted", 0),
        matched_count=reported.get("nMatched", 0),
        modified_count=reported.get("nModified", 0),
        deleted_count=reported.get("nRemoved", reported.get("nDeleted", 0)),
        upserted_count=reported.get("nUpserted", 0),
        upserted_ids={entry["index"]: entry["_id"] for entry in reported.get("upserted", [])}
        | {index: identity for index, identity in several.items() if identity is not None},
    )


def _done(result: BulkWriteResult) -> str:
    counts = {
        "inserted": result.inserted_count,
        "modified": result.modified_count,
        "deleted": result.deleted_count,
        "upserted": result.upserted_count,
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{told} before or beside them" if told else "nothing was written"


def _bulk_outcome(result: BulkWriteResult, *, has_failures: bool) -> Outcome:
    """Of the batch as a whole: where only a part was written, `result` tells which."""
    if not has_failures:
        return "applied"
    return "unknown" if result.total_affected else "not_applied"


def _commit_cut_off(error: driver.ConnectionFailure, operation: operations.CommitTransaction) -> MongoError:
    details = _details(error, outcome_sent(error, operation))
    return ours.CommitError(f"{_subject(operation)}: {_cause(error)}{_commit_hint(details['outcome'])}", **details)


def _selection(error: driver.ServerSelectionTimeoutError, operation: Operation, limit: timedelta) -> MongoError:
    text = str(error)
    # An operation's own limit may have been shorter.
    limit = waited_in(text) or limit
    details = _details(error, outcome_unsent(error, operation))
    waited = f"within {_seconds(limit)}"
    if "Authentication failed" in text:
        details |= {"code": 18, "code_name": "AuthenticationFailed"}
        return ours.AuthenticationError(f"the server refused the credentials ({waited} none was accepted)", **details)
    if is_tls_failure(text):
        return ours.TlsError(f"no TLS connection {waited}: {tls_cause_in(text)}", **details)
    return ours.ServerSelectionError(f"no suitable server {waited}: {_cause(error)}", timeout=limit, **details)


def _exhausted(error: driver.WaitQueueTimeoutError, operation: Operation, limit: timedelta) -> MongoError:
    limit = waited_in(str(error)) or limit
    details = _details(error, outcome_unsent(error, operation))
    return ours.PoolExhaustedError(
        f"no connection became free within {_seconds(limit)}; raise max_pool_size or wait_queue_timeout, or run fewer "
        f"operations at once{_outcome_hint(details['outcome'])}",
        **details,
    )


def _broken(error: driver.ConnectionFailure, operation: Operation) -> MongoError:
    details = _details(error, outcome_sent(error, operation))
    if is_tls_failure(str(error)):
        return ours.TlsError(f"{_subject(operation)}: {tls_cause_in(str(error))}", **details)
    text = f"{_subject(operation)}: {_cause(error)}{_outcome_hint(details['outcome'])}"
    if error.timeout:
        return ours.OperationTimeoutError(text, timeout=time_limit_in(str(error)), **details)
    return ours.MongoConnectionError(text, **details)


def _misused(error: driver.InvalidOperation, operation: Operation) -> MongoError:
    text = str(error)
    details = _details(error, outcome_unsent(error, operation))
    if "after close" in text:
        return ours.ClientStateError("the client is closed; connect a new one", **details)
    if getattr(operation, "session", None) is not None:
        return ours.TransactionError(masked(text), **details)
    return ours.QueryError(masked(text), **details)


def _misconfigured(error: driver.PyMongoError, operation: Operation) -> MongoError:
    """The driver refused what it was told before it sent anything."""
    text = cause_in(str(error))
    if is_missing_record(text):
        text = f"the host's SRV record was not found: {text}"
    elif "wire version" not in text:
        refused = ours.ConfigError("options", masked(text))
        refused.outcome = outcome_unsent(error, operation)
        return refused
    return ours.MongoConnectionError(text, **_details(error, outcome_unsent(error, operation)))


def _uncoded(error: BaseException, operation: Operation) -> MongoError:
    """What the driver's encoder and its checks of arguments raise before anything is sent, and its decoder after."""
    match error:
        case driver.DocumentTooLarge():
            # Of many documents some may have been sent before.
            outcome = "unknown" if isinstance(operation, _SEVERAL) else "not_applied"
            return ours.DocumentTooLargeError(size=_largest(operation), outcome=outcome)
        case InvalidDocument() | driver.InvalidName() | TypeError() | ValueError() | RecursionError() | OverflowError():
            return ours.SerializationError(
                f"an option or name holds a value that BSON or the driver refuses ({type(error).__name__}: "
                f"{masked(str(error)) if not isinstance(error, (UnicodeError, InvalidDocument)) else 'value hidden'})"
            )
        case driver.PyMongoError():
            return ours.UnknownError(masked(str(error)), **_details(error, outcome_undecodable(operation)))
        case _:
            return ours.UnknownError(f"{type(error).__name__} in the driver", outcome=outcome_undecodable(operation))


def _details(error: driver.PyMongoError, outcome: Outcome | None) -> dict[str, Any]:
    reported = _reported(error)
    # The driver's public face asks for one label at a time.
    labels = {label for label in _LABELS if error.has_error_label(label)} | set(reported.get("errorLabels", ()))
    return {
        "code": getattr(error, "code", None) or reported.get("code"),
        "code_name": reported.get("codeName"),
        "labels": labels,
        # The driver knows fewer codes of time limits than there are; what it does not know is left to the class.
        "is_timeout": error.timeout or None,
        "outcome": outcome,
    }


def _reported(error: driver.PyMongoError) -> Mapping[str, Any]:
    """The server's own report, where there is one: a dictionary, or raw BSON where documents are read raw."""
    reported = getattr(error, "details", None)
    return cast("Mapping[str, Any]", reported) if isinstance(reported, Mapping) else {}


def _message(reported: Mapping[str, Any], error: object = "") -> str:
    text = masked(str(reported.get("errmsg", error)))
    rules = broken_rules(reported.get("errInfo")) if reported.get("code") == _INVALID_DOCUMENT else ""
    return f"{text}: {rules}" if rules else text


def _is_write(operation: Operation) -> bool:
    return isinstance(operation, operations.WRITES)


def _time_limit(error: driver.OperationFailure, operation: Operation) -> timedelta | None:
    return getattr(getattr(operation, "options", None), "max_time", None) or time_limit_in(str(error))


def _largest(operation: Operation) -> int:
    """The size of the largest document that `operation` writes."""
    documents: list[Any] = [*getattr(operation, "documents", ())]
    documents += [getattr(operation, name, None) for name in ("document", "replacement", "update", "filter")]
    return max((len(document) for document in documents if isinstance(document, bytes)), default=0)


def _outcome_hint(outcome: Outcome | None) -> str:
    return ours.MAY_HAVE_BEEN_APPLIED if outcome == "unknown" else ""


def _commit_hint(outcome: Outcome | None) -> str:
    if outcome == "applied":
        return "; the transaction was committed, but not acknowledged as asked"
    return "; whether the transaction was committed is unknown" if outcome == "unknown" else ""


def _subject(operation: Operation) -> str:
    if isinstance(operation, operations.CheckHealth):
        return "the deployment"
    kind = type(operation).__name__
    namespace = getattr(operation, "namespace", None)
    return kind if namespace is None else f"{kind} on {namespace}"


def _seconds(limit: timedelta) -> str:
    return f"{round(limit.total_seconds(), 3):g} s"


def _cause(error: driver.ConnectionFailure) -> str:
    """The server's account where it answered, else the driver's."""
    reported = _reported(error)
    return masked(str(reported["errmsg"])) if "errmsg" in reported else cause_in(str(error))
