"""What an operation may be told beyond its arguments: one frozen value for each kind of operation.

Every field's default, None, leaves the matter to the server. Names are MongoDB's; durations are `timedelta`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bson import Timestamp

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.resume_token import ResumeToken
from llm_devops_mongodb.validation.values import Buildable

if TYPE_CHECKING:
    from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern

Document = Mapping[str, Any]
"""A BSON document in Python: a mapping of names to BSON values."""


class FieldPath(Protocol):
    """A field that was taken from a model, by `f`."""

    @property
    def path(self) -> str:
        """Its dotted path in the database."""
        ...


# A mapping's keys are names or fields; type checkers do not find out which of two mappings a literal is meant to be.
_Directions = Mapping[Any, Any] | Sequence[str | FieldPath | tuple[str | FieldPath, Any]]

Sort = _Directions | str | FieldPath
"""Fields and directions (1, -1, or `{"$meta": "textScore"}`), most significant first; a field alone is ascending."""

Hint = _Directions | str
"""An index by its name or by its fields and directions."""

Projection = Mapping[str, Any] | Sequence[str | FieldPath]
"""The fields to return: names, fields of a model, or a projection document."""


Filter = Document
"""What documents must match: a mapping, which a `FilterBuilder` is too."""

Pipeline = Sequence[Document] | Buildable[Sequence[Document]]
"""Stages of an aggregation: documents, or a `PipelineBuilder`."""

Update = Document | Pipeline
"""Update operators, which an `UpdateBuilder` is too, or a pipeline."""

Verbosity = Literal["queryPlanner", "executionStats", "allPlansExecution"]
"""How much `explain` tells: the plan, how it did when it was run, or how every candidate did."""


class ReturnDocument(StrEnum):
    """Which form of a changed document is returned."""

    BEFORE = "before"
    AFTER = "after"


class CursorType(StrEnum):
    """How a cursor behaves at the end of a capped collection."""

    NON_TAILABLE = "non_tailable"
    TAILABLE = "tailable"
    TAILABLE_AWAIT = "tailable_await"


def checked_timeout(timeout: Any) -> timedelta | None:
    """Return `timeout`.

    Raises:
        InvalidDocumentError: It is neither None nor a `timedelta` longer than nothing.
    """
    if timeout is None or (isinstance(timeout, timedelta) and timeout > timedelta()):
        return timeout
    raise InvalidDocumentError("timeout is a timedelta longer than nothing", path="timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How reads and writes are done; None takes the client's.

    Attributes:
        read_preference: Which members may answer reads.
        read_concern: How durable what is read must be.
        write_concern: How durable a write must be before it is acknowledged.
        timeout: How long an operation may take: looking for a server, waiting for a connection, retries and a
            stream's whole life together. `timedelta.max` is no limit.

    Raises:
        InvalidDocumentError: The timeout is not longer than nothing.
    """

    read_preference: ReadPreference | None = None
    read_concern: ReadConcern | None = None
    write_concern: WriteConcern | None = None
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        checked_timeout(self.timeout)

    def but(self, other: Settings) -> Settings:
        """Return these settings, with those of `other` that are not None in their place."""
        return Settings(
            read_preference=other.read_preference or self.read_preference,
            read_concern=other.read_concern or self.read_concern,
            write_concern=other.write_concern or self.write_concern,
            timeout=other.timeout or self.timeout,
        )

    def within(self, timeout: timedelta | None) -> Settings:
        """Return these settings with another timeout; None keeps theirs."""
        return self if timeout is None else self.but(Settings(timeout=timeout))


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOptions:
    """Options of `find`, `find_one` and `find_stream`.

    Attributes:
        projection: The fields to return.
        sort: The order.
        skip: How many documents to pass over.
        limit: How many to return at most; 0 is no limit.
        batch_size: Documents in one reply of the server; the first reply has 101 by default, later ones 16 MiB.
        hint: The index to use.
        collation: How strings compare.
        let: Variables for `$expr`.
        comment: Shown in the server's log and profile.
        max_time: How long the server may work on it.
        max_await_time: How long a tailable cursor waits for more; only with `CursorType.TAILABLE_AWAIT`.
        min: The inclusive lower bound of the index of `hint`.
        max: The exclusive upper bound of the index of `hint`.
        return_key: Return index keys instead of documents.
        show_record_id: Add `$recordId`.
        no_cursor_timeout: Keep an idle cursor; its session still ends after 30 minutes.
        allow_partial_results: Answer although a shard is down.
        allow_disk_use: Let a large sort use disk.
        cursor_type: Tailable or not.
    """

    projection: Projection | None = None
    sort: Sort | None = None
    skip: int = 0
    limit: int = 0
    batch_size: int | None = None
    hint: Hint | None = None
    collation: Document | None = None
    let: Document | None = None
    comment: Any = None
    max_time: timedelta | None = None
    max_await_time: timedelta | None = None
    min: Document | None = None
    max: Document | None = None
    return_key: bool | None = None
    show_record_id: bool | None = None
    no_cursor_timeout: bool | None = None
    allow_partial_results: bool | None = None
    allow_disk_use: bool | None = None
    cursor_type: CursorType = CursorType.NON_TAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertOptions:
    """Options of `insert_one` and `insert_many`.

    Attributes:
        bypass_document_validation: Skip the collection's own schema validation.
        comment: Shown in the server's log and profile.
    """

    bypass_document_validation: bool | None = None
    comment: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOptions:
    """Options of `update_one`, `update_many`, `replace_one` and `upsert`.

    Attributes:
        upsert: Insert a document where none matches.
        array_filters: Which elements `$[name]` means; not for `replace_one`.
        sort: Which of several matches is meant; `update_one` and `replace_one` on servers from 8.0.
        hint: The index to use.
        collation: How strings compare.
        let: Variables for expressions.
        comment: Shown in the server's log and profile.
        bypass_document_validation: Skip the collection's own schema validation.
    """

    upsert: bool = False
    array_filters: Sequence[Document] | None = None
    sort: Sort | None = None
    hint: Hint | None = None
    collation: Document | None = None
    let: Document | None = None
    comment: Any = None
    bypass_document_validation: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """Options of `delete_one` and `delete_many`.

    Attributes:
        hint: The index to use.
        collation: How strings compare.
        let: Variables for expressions.
        comment: Shown in the server's log and profile.
    """

    hint: Hint | None = None
    collation: Document | None = None
    let: Document | None = None
    comment: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkWriteOptions:
    """Options of a bulk write as a whole.

    Attributes:
        let: Variables for expressions.
        comment: Shown in the server's log and profile.
        bypass_document_validation: Skip the collections' own schema validation.
    """

    let: Document | None = None
    comment: Any = None
    bypass_document_validation: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOneAndUpdateOptions:
    """Options of `find_one_and_update` and `find_one_and_replace`.

    Attributes:
        projection: The fields to return.
        sort: Which of several matches is meant.
        upsert: Insert a document where none matches.
        return_document: The document before the change (the default, as the server's) or after it.
        array_filters: Which elements `$[name]` means; not for `find_one_and_replace`.
        hint: The index to use.
        collation: How strings compare.
        let: Variables for expressions.
        comment: Shown in the server's log and profile.
        max_time: How long the server may work on it.
        bypass_document_validation: Skip the collection's own schema validation.
    """

    projection: Projection | None = None
    sort: Sort | None = None
    upsert: bool = False
    return_document: ReturnDocument | Literal["before", "after"] = ReturnDocument.BEFORE
    array_filters: Sequence[Document] | None = None
    hint: Hint | None = None
    collation: Document | None = None
    let: Document | None = None
    comment: Any = None
    max_time: timedelta | None = None
    bypass_document_validation: bool | None = None

    def __post_init__(self) -> None:
        if self.return_document not in {"before", "after"}:
            raise InvalidDocumentError("return_document is 'before' or 'after'")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOneAndDeleteOptions:
    """Options of `find_one_and_delete`.

    Attributes:
        projection: The fields to return.
        sort: Which of several matches is meant.
        hint: The index to use.
        collation: How strings compare.
        let: Variables for expressions.
        comment: Shown in the server's log and profile.
        max_time: How long the server may work on it.
    """

    projection: Projection | None = None
    sort: Sort | None = None
    hint: Hint | None = None
    collation: Document | None = None
    let: Document | None = None
    comment: Any = None
    max_time: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOptions:
    """Options of `count_documents`.

    Attributes:
        skip: How many matches to pass over.
        limit: Stop counting there.
        hint: The index to use.
        collation: How strings compare.
        comment: Shown in the server's log and profile.
        max_time: How long the server may work on it.
    """

    skip: int | None = None
    limit: int | None = None
    hint: Hint | None = None
    collation: Document | None = None
    comment: Any = None
    max_time: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctOptions:
    """Options of `distinct`.

    Attributes:
        hint: The index to use; servers from 7.1.
        collation: How strings compare.
        comment: Shown in the server's log and profile.
        max_time: How long the server may work on it.
    """

    hint: Hint | None = None
    collation: Document | None = None
    comment: Any = None
    max_time: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateOptions:
    """Options of `aggregate` and `aggregate_stream`.

    Attributes:
        allow_disk_use: Let stages use disk.
        batch_size: Documents in one reply of the server.
        hint: The index to use.
        collation: How strings compare.
        let: Variables for the pipeline.
        comment: Shown in the server's log and profile.
        max_time: How long the server may work on it.
        max_await_time: How long the server waits for more documents of a tailable result.
        bypass_document_validation: Skip schema validation of what `$out` and `$merge` write.
    """

    allow_disk_use: bool | None = None
    batch_size: int | None = None
    hint: Hint | None = None
    collation: Document | None = None
    let: Document | None = None
    comment: Any = None
    max_time: timedelta | None = None
    max_await_time: timedelta | None = None
    bypass_document_validation: bool | None = None


FullDocument = Literal["default", "updateLookup", "whenAvailable", "required"]
"""Which form of a document an update's event carries: none, as it is by now, or its stored post-image."""

FullDocumentBeforeChange = Literal["off", "whenAvailable", "required"]
"""Whether an event carries the stored pre-image of the document."""

_FORMS = {
    "full_document": ("default", "updateLookup", "whenAvailable", "required"),
    "full_document_before_change": ("off", "whenAvailable", "required"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStreamOptions:
    """Options of `watch`.

    Pre- and post-images are stored for collections with `changeStreamPreAndPostImages` only.
    Source: https://www.mongodb.com/docs/manual/changeStreams/

    Attributes:
        full_document: Which form of the document an update's event carries; `"updateLookup"` is the document as it is
            when the event is read, or None where it is gone by then.
        full_document_before_change: Whether events carry the document as it was before.
        resume_after: Go on after this event.
        start_after: The same, and after an `invalidate` event too.
        start_at_operation_time: Begin with changes made at this logical time.
        batch_size: Events in one reply of the server.
        max_await_time: How long the server waits for an event before it answers without one; 1 s by default.
        collation: How strings compare in the pipeline.
        comment: Shown in the server's log and profile.
        show_expanded_events: Tell of collections and indexes that are made and changed too; servers from 6.0.
        split_large_events: Let the server cut events of more than 16 MB; they are joined here. Servers from 6.0.9.
        resume_limit: How long `next` tries to open the stream again after it was cut off before it raises; the next
            call tries again. None is no limit.

    Raises:
        InvalidDocumentError: A value is not one of those it can have, or two options say where to begin.
    """

    full_document: FullDocument | None = None
    full_document_before_change: FullDocumentBeforeChange | None = None
    resume_after: ResumeToken | None = None
    start_after: ResumeToken | None = None
    start_at_operation_time: Timestamp | None = None
    batch_size: int | None = None
    max_await_time: timedelta | None = None
    collation: Document | None = None
    comment: Any = None
    show_expanded_events: bool | None = None
    split_large_events: bool = False
    resume_limit: timedelta | None = None

    def __post_init__(self) -> None:
        for name, forms in _FORMS.items():
            if getattr(self, name) not in (None, *forms):
                raise InvalidDocumentError(f"{name} is one of {', '.join(forms)}", path=name)
        for name in ("resume_after", "start_after"):
            if not _is_or_none(getattr(self, name), ResumeToken):
                raise InvalidDocumentError(f"{name} is a ResumeToken; make one of a document you stored", path=name)
        if not _is_or_none(self.start_at_operation_time, Timestamp):
            raise InvalidDocumentError("start_at_operation_time is a bson.Timestamp", path="start_at_operation_time")
        if sum(start is not None for start in self._starts) > 1:
            raise InvalidDocumentError(
                "resume_after, start_after and start_at_operation_time each say where to begin; give one",
                path="resume_after",
            )
        if isinstance(self.batch_size, bool) or (self.batch_size is not None and self.batch_size < 0):
            raise InvalidDocumentError("batch_size is 0 or more", path="batch_size")
        for name in ("max_await_time", "resume_limit"):
            _check_duration(name, getattr(self, name))

    @property
    def token(self) -> ResumeToken | None:
        """The token that says where to begin, if one does."""
        return self.resume_after or self.start_after

    @property
    def _starts(self) -> tuple[object, ...]:
        return self.resume_after, self.start_after, self.start_at_operation_time

    def starting(
        self,
        *,
        resume_after: ResumeToken | None = None,
        start_after: ResumeToken | None = None,
        start_at_operation_time: Timestamp | None = None,
    ) -> ChangeStreamOptions:
        """Return these options with another place to begin; without one the stream begins now."""
        return replace(
            self,
            resume_after=resume_after,
            start_after=start_after,
            start_at_operation_time=start_at_operation_time,
        )


def _is_or_none(value: object, kind: type[object]) -> bool:
    return value is None or isinstance(value, kind)


def _check_duration(name: str, duration: Any) -> None:
    if duration is not None and not (isinstance(duration, timedelta) and duration > timedelta()):
        raise InvalidDocumentError(f"{name} is a timedelta longer than nothing", path=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionOptions:
    """Options of a transaction; None takes the client's.

    Attributes:
        read_concern: `snapshot` reads one point in time.
        write_concern: Of the commit.
        read_preference: Must be primary: the server allows no other inside a transaction.
        max_commit_time: How long the server may work on the commit.
    """

    read_concern: ReadConcern | None = None
    write_concern: WriteConcern | None = None
    read_preference: ReadPreference | None = None
    max_commit_time: timedelta | None = None

    def but(self, other: TransactionOptions) -> TransactionOptions:
        """Return these options, with those of `other` that are not None in their place."""
        return TransactionOptions(
            read_concern=other.read_concern or self.read_concern,
            write_concern=other.write_concern or self.write_concern,
            read_preference=other.read_preference or self.read_preference,
            max_commit_time=other.max_commit_time or self.max_commit_time,
        )
