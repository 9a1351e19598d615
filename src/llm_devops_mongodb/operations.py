"""Operations: what a collection asks of its transport, as closed, immutable values.

Documents, filters and updates are raw BSON, encoded once by the handle that made the operation, so a transport that
records or compares them needs no model. Options stay Python values. The union `Operation` is closed: a transport
dispatches with an exhaustive `match`, and a forgotten kind is a type error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.options import (
        AggregateOptions,
        BulkWriteOptions,
        ChangeStreamOptions,
        CountOptions,
        DeleteOptions,
        DistinctOptions,
        FindOneAndDeleteOptions,
        FindOneAndUpdateOptions,
        FindOptions,
        InsertOptions,
        Settings,
        TransactionOptions,
        UpdateOptions,
        Verbosity,
    )

RawDocument = bytes
"""One BSON document, encoded."""

RawPipeline = tuple[RawDocument, ...]
"""The stages of a pipeline, each encoded."""


@dataclass(frozen=True, slots=True)
class SessionRef:
    """A session by name: the transport that sends holds the live one.

    Attributes:
        number: Unique within its client.
        causal_consistency: Whether reads see earlier writes of the session; None is the driver's default, yes.
        snapshot: Whether all reads see one point in time.
        attempt: Of a session that is there for one write: which attempt of it is sent, from 1. Later ones are sent
            under the number of the first, by which the server does the write once. 0 in a caller's session.
    """

    number: int
    causal_consistency: bool | None = None
    snapshot: bool = False
    attempt: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class _Targeted:
    namespace: Namespace
    settings: Settings
    session: SessionRef | None


@dataclass(frozen=True, slots=True)
class InsertOne(_Targeted):
    """Insert one document; it holds its `_id`."""

    document: RawDocument
    options: InsertOptions


@dataclass(frozen=True, slots=True)
class InsertMany(_Targeted):
    """Insert documents; each holds its `_id`. Ordered stops at the first failure."""

    documents: tuple[RawDocument, ...]
    ordered: bool
    options: InsertOptions


@dataclass(frozen=True, slots=True)
class FindOne(_Targeted):
    """The first document that matches."""

    filter: RawDocument
    options: FindOptions


@dataclass(frozen=True, slots=True)
class Find(_Targeted):
    """Every document that matches, as a stream of frames."""

    filter: RawDocument
    options: FindOptions


@dataclass(frozen=True, slots=True)
class Aggregate(_Targeted):
    """The documents of a pipeline, as a stream of frames; of the database where the collection is `""`."""

    pipeline: RawPipeline
    options: AggregateOptions


@dataclass(frozen=True, slots=True)
class Watch(_Targeted):
    """Open a change stream: of a collection, of the database where the collection is `""`, or of the whole deployment.

    It is opened once, where the options say, and not resumed: that is another one.
    """

    pipeline: RawPipeline
    options: ChangeStreamOptions
    whole_deployment: bool = False


@dataclass(frozen=True, slots=True)
class UpdateOne(_Targeted):
    """Change the first match by operators, or by a pipeline."""

    filter: RawDocument
    update: RawDocument | RawPipeline
    options: UpdateOptions


@dataclass(frozen=True, slots=True)
class UpdateMany(_Targeted):
    """Change every match by operators, or by a pipeline."""

    filter: RawDocument
    update: RawDocument | RawPipeline
    options: UpdateOptions


@dataclass(frozen=True, slots=True)
class ReplaceOne(_Targeted):
    """Replace the first match."""

    filter: RawDocument
    replacement: RawDocument
    options: UpdateOptions


@dataclass(frozen=True, slots=True)
class DeleteOne(_Targeted):
    """Delete the first match."""

    filter: RawDocument
    options: DeleteOptions


@dataclass(frozen=True, slots=True)
class DeleteMany(_Targeted):
    """Delete every match."""

    filter: RawDocument
    options: DeleteOptions


@dataclass(frozen=True, slots=True)
class FindOneAndUpdate(_Targeted):
    """Change the first match and return it."""

    filter: RawDocument
    update: RawDocument | RawPipeline
    options: FindOneAndUpdateOptions


@dataclass(frozen=True, slots=True)
class FindOneAndReplace(_Targeted):
    """Replace the first match and return it."""

    filter: RawDocument
    replacement: RawDocument
    options: FindOneAndUpdateOptions


@dataclass(frozen=True, slots=True)
class FindOneAndDelete(_Targeted):
    """Delete the first match and return it."""

    filter: RawDocument
    options: FindOneAndDeleteOptions


@dataclass(frozen=True, slots=True)
class InsertWrite:
    """In a bulk write: insert one document; it holds its `_id`."""

    document: RawDocument


@dataclass(frozen=True, slots=True)
class UpdateWrite:
    """In a bulk write: change the first match, or every one, by operators or by a pipeline."""

    filter: RawDocument
    update: RawDocument | RawPipeline
    multi: bool
    options: UpdateOptions


@dataclass(frozen=True, slots=True)
class ReplaceWrite:
    """In a bulk write: replace the first match."""

    filter: RawDocument
    replacement: RawDocument
    options: UpdateOptions


@dataclass(frozen=True, slots=True)
class DeleteWrite:
    """In a bulk write: delete the first match, or every one."""

    filter: RawDocument
    multi: bool
    options: DeleteOptions


Write = InsertWrite | UpdateWrite | ReplaceWrite | DeleteWrite
"""One write of a bulk write. Of its options those that the server takes for a single write are set."""


@dataclass(frozen=True, slots=True)
class BulkWrite(_Targeted):
    """Several writes of one collection. Ordered stops at the first failure."""

    writes: tuple[Write, ...]
    ordered: bool
    options: BulkWriteOptions


@dataclass(frozen=True, slots=True)
class ClientBulkWrite:
    """Several writes, each of its own collection, in one command of servers from 8.0."""

    writes: tuple[tuple[Namespace, Write], ...]
    ordered: bool
    options: BulkWriteOptions
    settings: Settings
    session: SessionRef | None


@dataclass(frozen=True, slots=True)
class CountDocuments(_Targeted):
    """Count the matches."""

    filter: RawDocument
    options: CountOptions


@dataclass(frozen=True, slots=True)
class EstimatedDocumentCount(_Targeted):
    """Count a collection from its metadata."""

    options: CountOptions


@dataclass(frozen=True, slots=True)
class Distinct(_Targeted):
    """The distinct values of a field."""

    field: str
    filter: RawDocument
    options: DistinctOptions


@dataclass(frozen=True, slots=True)
class RunCommand(_Targeted):
    """Any command of a database; the driver neither retries nor interprets it."""

    command: RawDocument


@dataclass(frozen=True, slots=True)
class Explain(_Targeted):
    """How the server would answer a command, or did: the command is not recorded as one that was run."""

    command: RawDocument
    verbosity: Verbosity


@dataclass(frozen=True, slots=True)
class ListCollectionNames(_Targeted):
    """The names of a database's collections that match."""

    filter: RawDocument


@dataclass(frozen=True, slots=True)
class ListIndexes(_Targeted):
    """The indexes of a collection; one that is not there has none."""


@dataclass(frozen=True, slots=True)
class DropCollection(_Targeted):
    """Drop a collection; one that is not there is no error."""


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Ask a server whether it answers, and the driver what it knows."""


@dataclass(frozen=True, slots=True)
class StartTransaction:
    """Begin a transaction; nothing is sent before its first operation.

    Attributes:
        session: Its session.
        options: How it reads and is committed.
        timeout: How long its operations may take together; None sets no such limit.
    """

    session: SessionRef
    options: TransactionOptions
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CommitTransaction:
    """Commit the transaction of a session."""

    session: SessionRef
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class AbortTransaction:
    """Abort the transaction of a session."""

    session: SessionRef
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class IdentifySession:
    """Tell what the server calls a session; nothing is sent."""

    session: SessionRef


@dataclass(frozen=True, slots=True)
class EndSession:
    """End a session; a transaction that is open is aborted."""

    session: SessionRef


CollectionOperation = (
    FindOne
    | Find
    | InsertOne
    | InsertMany
    | UpdateOne
    | UpdateMany
    | ReplaceOne
    | DeleteOne
    | DeleteMany
    | FindOneAndUpdate
    | FindOneAndReplace
    | FindOneAndDelete
    | BulkWrite
    | CountDocuments
    | EstimatedDocumentCount
    | Distinct
    | ListIndexes
    | DropCollection
)
"""What is asked of one collection."""

DatabaseOperation = Aggregate | RunCommand | Explain | ListCollectionNames
"""What may be asked of a database; an aggregation also of a collection."""

SessionOperation = StartTransaction | CommitTransaction | AbortTransaction | EndSession
"""What is asked of a session."""

Operation = (
    CollectionOperation | DatabaseOperation | SessionOperation | IdentifySession | ClientBulkWrite | Watch | CheckHealth
)
"""Everything a transport may be asked."""

WRITES = (
    InsertOne,
    InsertMany,
    UpdateOne,
    UpdateMany,
    ReplaceOne,
    DeleteOne,
    DeleteMany,
    FindOneAndUpdate,
    FindOneAndReplace,
    FindOneAndDelete,
    BulkWrite,
    ClientBulkWrite,
    DropCollection,
    CommitTransaction,
)
"""The operations that change data: a failure of one has an outcome."""

SINGLE_WRITES = (InsertOne, UpdateOne, ReplaceOne, DeleteOne, FindOneAndUpdate, FindOneAndReplace, FindOneAndDelete)
"""The operations that change one document: each is one command, which the server can know again by its number."""


def may_write(operation: Operation) -> bool:
    """Tell whether `operation` may change data: a pipeline does where it ends in `$out` or `$merge`, a command may."""
    if isinstance(operation, Aggregate):
        return bool(operation.pipeline) and _first_name(operation.pipeline[-1]) in {b"$out", b"$merge"}
    return isinstance(operation, (*WRITES, RunCommand))


def _first_name(document: RawDocument) -> bytes:
    """The name of a document's first field: after four bytes of length and one of type, up to a NUL."""
    return document[5:].partition(b"\0")[0]
