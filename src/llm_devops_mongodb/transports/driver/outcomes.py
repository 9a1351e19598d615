"""What is known of an operation that failed: its changes did not happen, happened, or may have happened."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pymongo import errors as driver

from llm_devops_mongodb import operations

if TYPE_CHECKING:
    from llm_devops_mongodb.errors import Outcome
    from llm_devops_mongodb.operations import Operation

_UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
_NOT_PRIMARY = frozenset({10107, 13435, 10058})  # NotWritablePrimary, NotPrimaryNoSecondaryOk, LegacyNotPrimary
# One that fails half way has changed some documents; the driver sends many inserts in several commands.
_MANY = (
    operations.InsertMany,
    operations.UpdateMany,
    operations.DeleteMany,
    operations.BulkWrite,
    operations.ClientBulkWrite,
    operations.Aggregate,
)


def outcome_unsent(error: driver.PyMongoError, operation: Operation) -> Outcome | None:
    """Of one that this attempt did not send: there was no server, no connection, or the driver refused."""
    if not operations.may_write(operation):
        return None
    return "unknown" if _may_have_been_sent(error) else "not_applied"


def outcome_sent(error: driver.PyMongoError, operation: Operation) -> Outcome | None:
    """Of one that may have reached a server, which did not answer or was no primary."""
    if not operations.may_write(operation):
        return None
    is_single = isinstance(operation, operations.SINGLE_WRITES)
    if error.has_error_label("NoWritesPerformed") or (is_single and _was_refused(error)):
        return "not_applied"
    return "unknown"


def outcome_refused(error: driver.OperationFailure, operation: Operation) -> Outcome | None:
    """Of one that the server answered with an error."""
    if not operations.may_write(operation):
        return None
    if isinstance(operation, operations.RunCommand):
        return "unknown" if error.timeout else None
    if error.has_error_label(_UNKNOWN_COMMIT):
        return "unknown"
    if isinstance(error, driver.WriteConcernError):
        return "applied"
    if isinstance(operation, _MANY):
        return "unknown"
    # A server that did an earlier attempt answers a later one with what the earlier one did; other errors come before.
    return "unknown" if _may_have_been_sent(error) and not isinstance(error, driver.WriteError) else "not_applied"


def outcome_undecodable(operation: Operation) -> Outcome | None:
    """Of one whose answer the driver could not read."""
    return "unknown" if operations.may_write(operation) else None


def _was_refused(error: driver.PyMongoError) -> bool:
    """Tell whether every attempt met a server that said it is no primary before it did anything."""
    attempts, earlier = _before(error)
    return _says_not_primary(error) and (attempts == 0 or (attempts == 1 and _says_not_primary(earlier)))


def _says_not_primary(error: object) -> bool:
    return isinstance(error, driver.NotPrimaryError) and _code(error) in _NOT_PRIMARY


def _code(error: driver.NotPrimaryError) -> object:
    details: object = error.details
    return details.get("code") if isinstance(details, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # the driver's own


def _may_have_been_sent(error: driver.PyMongoError) -> bool:
    """Tell whether an attempt before the one that ended in `error` was sent."""
    attempts, _ = _before(error)
    return attempts > 0


def _before(error: driver.PyMongoError) -> tuple[int, object]:
    """Return how many attempts there were before the one that ended in `error`, and what the last of them met.

    The driver shows it nowhere: a second attempt that finds no connection raises the same error as a first one. Only
    the frame that makes the attempts knows.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        attempting = frame.f_locals.get("self")
        if attempts := getattr(attempting, "_attempt_number", 0):
            return attempts, getattr(attempting, "_last_error", None)
    return 0, None
