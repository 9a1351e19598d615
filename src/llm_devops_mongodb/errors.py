"""Every error this library raises, one tree under `MongoError`.

    MongoError
    ├── ConfigError                      a configuration that cannot exist; lists every fault
    ├── MongoConnectionError             the server could not be reached, or the wire broke
    │   ├── ServerSelectionError         no suitable server within the limit
    │   ├── PoolExhaustedError           no free connection within the limit
    │   ├── TlsError                     certificate or handshake
    │   └── ClientStateError             client closed, forked, or used from another event loop
    ├── AuthenticationError
    ├── WriteError
    │   └── DuplicateKeyError
    ├── BulkWriteError                   some writes of a batch failed; carries what was written
    ├── QueryError                       the server refused a command
    │   └── QueryGuardError              the query guard found a query that would be slow
    ├── OperationTimeoutError
    ├── CursorError                      a server cursor was lost
    │   ├── HistoryLostError             a change stream cannot go on: what comes next is no longer kept
    │   └── ResumeTokenError             the server does not take a resume token
    ├── TransactionError
    │   ├── SessionBusyError             two operations at once in one session
    │   └── CommitError
    ├── InvalidDocumentError             refused before anything was sent
    │   ├── DocumentTooLargeError
    │   ├── InvalidObjectIdError
    │   └── InvalidCursorError           a page's cursor is forged, damaged, or of another query
    ├── SerializationError               a value that BSON cannot hold
    ├── DeserializationError             a document that does not fit its model
    ├── SimulationError
    │   ├── SimulationMismatchError
    │   └── SimulationTypeMismatchError
    └── UnknownError

The text of an error never holds a document, a filter's value or a credential. The driver's own error is kept as
`__cause__`. Labels are the server's (https://www.mongodb.com/docs/manual/reference/error-codes/ and the retryable
writes, transactions and change streams specifications).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from llm_devops_mongodb.results import BulkWriteResult, InsertManyResult

Outcome = Literal["not_applied", "applied", "unknown"]
"""What is known of a failed write: it did not happen, it happened, or it may have happened.

One that happened, but was not acknowledged as asked, is still lost where another member takes over before it has it.
"""

MAY_HAVE_BEEN_APPLIED = "; the write may have been applied"
"""What the text of an error says of a write of unknown outcome."""

QueryFinding = Literal["collection_scan", "in_memory_sort", "unbounded_find", "repeated_query"]
"""What the query guard finds."""

_RETRYABLE_LABELS = frozenset({"RetryableWriteError", "RetryableError", "ResumableChangeStreamError"})
_TRANSIENT_LABEL = "TransientTransactionError"
_UNKNOWN_COMMIT_LABEL = "UnknownTransactionCommitResult"


def _restored(kind: type[MongoError], args: tuple[Any, ...], state: dict[str, Any]) -> MongoError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class MongoError(Exception):
    """The root of every error of this library.

    Attributes:
        message: What went wrong and what to do, without values.
        code: The server's error code, where the server gave one.
        code_name: The server's name of that code.
        labels: The server's and the driver's error labels.
        is_timeout: True where a time limit ended the operation.
        outcome: For a failed write, whether it was applied; None for anything else.
    """

    default_retryable: ClassVar[bool] = False
    default_timeout: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        code_name: str | None = None,
        labels: Iterable[str] = (),
        is_timeout: bool | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.code_name = code_name
        self.labels: frozenset[str] = frozenset(labels)
        self.is_timeout: bool = self.default_timeout if is_timeout is None else is_timeout
        self.outcome: Outcome | None = outcome

    @property
    def is_retryable(self) -> bool:
        """True where the same call may safely be made again: by the error's labels first, by its class second.

        False for a write whose outcome is unknown and that no label calls retryable: again could mean twice.
        """
        if self.labels & _RETRYABLE_LABELS or self.is_transient:
            return True
        return self.default_retryable and self.outcome != "unknown"

    @property
    def is_transient(self) -> bool:
        """True where the whole transaction may be run again: the server's label `TransientTransactionError`."""
        return _TRANSIENT_LABEL in self.labels

    def has_error_label(self, label: str) -> bool:
        """Tell whether the server or the driver put `label` on this error."""
        return label in self.labels

    def __reduce__(self) -> tuple[Any, ...]:
        # The attributes are the whole state; calling __init__ again would ask every subclass for its own arguments.
        return _restored, (type(self), self.args, self.__dict__)


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One fault of a configuration.

    Attributes:
        field: The field's path, such as `tls.ca_file`.
        message: What is wrong and what is right; never a value that may hold a secret.
    """

    field: str
    message: str


class ConfigError(MongoError):
    """A configuration that cannot exist.

    Attributes:
        faults: Every fault found, in the order of the fields.
        field: The first fault's field.
    """

    def __init__(self, field: str, message: str, *, faults: Sequence[ConfigFault] = ()) -> None:
        self.faults: tuple[ConfigFault, ...] = tuple(faults) or (ConfigFault(field, message),)
        self.field = field
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in self.faults))

    @classmethod
    def of(cls, faults: Sequence[ConfigFault]) -> ConfigError:
        """Make one error of all `faults`; there must be at least one."""
        return cls(faults[0].field, faults[0].message, faults=faults)


class MongoConnectionError(MongoError):
    """The server could not be reached, or the connection broke."""

    default_retryable = True


class ServerSelectionError(MongoConnectionError):
    """No suitable server was found within the limit.

    Attributes:
        timeout: How long was waited.
    """

    default_timeout = True

    def __init__(self, message: str = "", *, timeout: timedelta, **details: Any) -> None:
        super().__init__(message or f"no suitable server was found within {timeout.total_seconds():g} s", **details)
        self.timeout = timeout


class PoolExhaustedError(MongoConnectionError):
    """No connection of the pool became free within the wait-queue limit."""

    default_timeout = True


class TlsError(MongoConnectionError):
    """The TLS handshake failed: certificate, host name, authority or protocol."""

    default_retryable = False


class ClientStateError(MongoConnectionError):
    """The client cannot be used here: closed, inherited by a forked child, or bound to another event loop."""

    default_retryable = False


class AuthenticationError(MongoError):
    """The server refused the credentials, or asks for some."""


class WriteError(MongoError):
    """A write failed."""


class DuplicateKeyError(WriteError):
    """A write would break a unique index.

    Attributes:
        index_name: The index, where the server named it.
        key_pattern: The index's fields and directions, where the server gave them.
    """

    def __init__(
        self,
        message: str,
        *,
        index_name: str | None = None,
        key_pattern: dict[str, Any] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.index_name = index_name
        self.key_pattern = key_pattern


class BulkWriteError(MongoError):
    """Some writes of a batch failed.

    Attributes:
        result: What was written. From `insert_many` it is an `InsertManyResult` that holds the id of each
            inserted document by its original index, from a bulk write a `BulkWriteResult`.
        write_errors: One error for each write that failed, by the index the caller gave it.
        write_concern_errors: The writes were applied but not acknowledged as asked.
        ended_by: What ended the batch before each write was tried, such as a lost connection: of some writes nothing is
            known then but that `result` and `write_errors` do not tell of them. None where only writes failed.
    """

    def __init__(
        self,
        message: str,
        *,
        result: InsertManyResult | BulkWriteResult,
        write_errors: dict[int, WriteError],
        write_concern_errors: Sequence[WriteError] = (),
        ended_by: MongoError | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.result = result
        self.write_errors = write_errors
        self.write_concern_errors: tuple[WriteError, ...] = tuple(write_concern_errors)
        self.ended_by: MongoError | None = ended_by

    @property
    def is_retryable(self) -> bool:
        """False where a part of the batch is there or may be, though a label says that a command may be sent again."""
        return super().is_retryable and (self.is_transient or self.outcome in {None, "not_applied"})


class QueryError(MongoError):
    """The server refused a query or command."""


class QueryGuardError(QueryError):
    """The query guard found a query that would be slow; only with `mode="raise"`.

    Attributes:
        finding: What was found.
        namespace: `database.collection`.
        operation: The operation by its method's name, such as `find_one`.
        caller: The line that asked, as `file:line`; None where the operation ran as a task of its own.
    """

    def __init__(
        self,
        message: str,
        *,
        finding: QueryFinding,
        namespace: str,
        operation: str,
        caller: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.finding: QueryFinding = finding
        self.namespace = namespace
        self.operation = operation
        self.caller = caller


class QueryGuardWarning(UserWarning):
    """The query guard found a query that is slow; given at the line that asked."""


class OperationTimeoutError(MongoError):
    """A time limit ended the operation.

    Attributes:
        timeout: The limit, where it is known.
    """

    default_timeout = True
    default_retryable = True

    def __init__(self, message: str, *, timeout: timedelta | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.timeout = timeout


class CursorError(MongoError):
    """A server cursor was lost: killed, expired, or cut off with its connection."""


class HistoryLostError(CursorError):
    """A change stream cannot go on where it was: the deployment no longer keeps, or never had, what comes next.

    Events were lost. A stream that is opened anew tells what happens from now on.
    """


class ResumeTokenError(CursorError):
    """The server does not take a resume token: it is damaged, or of another deployment or kind of stream."""


class TransactionError(MongoError):
    """A transaction could not go on, or a session was misused.

    `is_transient=True` adds the label `TransientTransactionError`.
    """

    def __init__(self, message: str, *, is_transient: bool = False, labels: Iterable[str] = (), **details: Any) -> None:
        super().__init__(message, labels={*labels, *([_TRANSIENT_LABEL] if is_transient else [])}, **details)


class SessionBusyError(TransactionError):
    """An operation of the session is under way, and a session serves one at a time; nothing was sent."""


class CommitError(TransactionError):
    """A commit failed, or its outcome is unknown (`outcome == "unknown"`).

    `is_retryable=True` adds the label `UnknownTransactionCommitResult`: the commit itself may be sent again.
    """

    def __init__(self, message: str, *, is_retryable: bool = False, labels: Iterable[str] = (), **details: Any) -> None:
        super().__init__(message, labels={*labels, *([_UNKNOWN_COMMIT_LABEL] if is_retryable else [])}, **details)

    @property
    def is_retryable(self) -> bool:
        """True where the commit itself may be sent again."""
        return _UNKNOWN_COMMIT_LABEL in self.labels or super().is_retryable


class InvalidDocumentError(MongoError):
    """A document, filter, update, pipeline or name was refused before anything was sent.

    Attributes:
        path: The dotted path of the offending field, `""` where the whole is meant.
    """

    def __init__(self, message: str, *, path: str = "", **details: Any) -> None:
        details.setdefault("outcome", "not_applied")
        super().__init__(message, **details)
        self.path = path


class DocumentTooLargeError(InvalidDocumentError):
    """A document is larger than the server's limit.

    Attributes:
        size: Its BSON size in bytes.
    """

    def __init__(self, message: str = "", *, size: int, **details: Any) -> None:
        super().__init__(message or f"the document has {size} bytes, more than the server takes", **details)
        self.size = size


class InvalidObjectIdError(InvalidDocumentError):
    """A value is not an ObjectId.

    Attributes:
        value: The value as given. It is kept out of the text.
    """

    def __init__(self, message: str = "", *, value: object, **details: Any) -> None:
        super().__init__(message or "not an ObjectId: 12 bytes, or a string of 24 hexadecimal digits", **details)
        self.value = value


class InvalidCursorError(InvalidDocumentError):
    """A page's cursor was changed, damaged, signed with another key, or made for another query."""


class SerializationError(MongoError):
    """A value cannot be written as BSON, or is not of the collection's type.

    Attributes:
        path: The dotted path of the field, where it is known.
    """

    def __init__(self, message: str, *, path: str = "", **details: Any) -> None:
        details.setdefault("outcome", "not_applied")
        super().__init__(message, **details)
        self.path = path


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field of a document that does not fit its model.

    Attributes:
        path: The dotted path in the document, array positions as numbers.
        message: What was expected and what kind of value was found; never the value.
    """

    path: str
    message: str


class DeserializationError(MongoError):
    """A document does not fit its model.

    Attributes:
        namespace: `database.collection`, `""` where there is none.
        document_id: The document's `_id`.
        path: The dotted path of the first field that does not fit.
        faults: Every field that does not fit, as far as the model's library tells them.
    """

    def __init__(
        self,
        message: str,
        *,
        namespace: str = "",
        document_id: object = None,
        faults: Sequence[FieldFault] = (),
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.namespace = namespace
        self.document_id = document_id
        self.faults: tuple[FieldFault, ...] = tuple(faults)
        self.path: str = self.faults[0].path if self.faults else ""


class SimulationError(MongoError):
    """Recording or replaying failed."""


class SimulationMismatchError(SimulationError):
    """A replayed program asked for an operation that was not recorded."""


class SimulationTypeMismatchError(SimulationError):
    """A recorded reply is of another kind than the one asked for.

    Attributes:
        expected: The kind of reply the operation needs.
        actual: The kind that was found.
    """

    def __init__(self, message: str = "", *, expected: str, actual: str, **details: Any) -> None:
        super().__init__(message or f"expected {expected}, the recording holds {actual}", **details)
        self.expected = expected
        self.actual = actual


class UnknownError(MongoError):
    """A driver error that no rule of this library knows."""
