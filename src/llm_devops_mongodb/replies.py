"""Replies: what a transport answers, as closed values that hold counts and raw BSON, never models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bson import Timestamp

    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.results import HealthStatus

Frame = bytes
"""One batch of the server: BSON documents one after the other."""


class FrameStream(Protocol):
    """Frames pulled one by one. It ends exhausted (None), failed (an error) or abandoned (`aclose`)."""

    async def next(self) -> Frame | None:
        """The next frame, never empty; None once there are no more.

        Raises:
            MongoError: The stream failed; every later call fails too.
        """
        ...

    async def aclose(self) -> None:
        """Give up the rest and free the server's cursor. May be called again."""
        ...


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """One answer of the server on a change stream.

    Attributes:
        frame: The events; empty where nothing happened meanwhile.
        token: Where the stream goes on after them; None from servers that do not tell.
        is_last: The server closed the cursor with it, for what was watched is gone: an event tells that, unless the
            pipeline leaves it out.
    """

    frame: Frame
    token: RawDocument | None
    is_last: bool = False


class ChangeBatches(Protocol):
    """Batches of a change stream, pulled one by one, one request each."""

    async def next(self) -> ChangeBatch | None:
        """The next batch, which may be empty; None once the server has closed the cursor.

        Raises:
            MongoError: It failed; it is of no more use, and the server's cursor is closed.
        """
        ...

    async def aclose(self) -> None:
        """Close the server's cursor; a `next` under way ends soon. May be called again."""
        ...


@dataclass(frozen=True, slots=True)
class InsertReply:
    """Documents were inserted."""

    acknowledged: bool


@dataclass(frozen=True, slots=True)
class UpdateReply:
    """Documents were changed.

    Attributes:
        matched_count: Documents the filter matched.
        modified_count: Documents changed.
        upserted: A document that holds the `_id` of what was inserted, None where nothing was.
        acknowledged: False with write concern `w=0`.
    """

    matched_count: int
    modified_count: int
    upserted: RawDocument | None
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class DeleteReply:
    """Documents were deleted."""

    deleted_count: int
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class BulkWriteReply:
    """Several writes were done.

    Attributes:
        inserted_count: Documents inserted.
        matched_count: Documents that filters of updates matched.
        modified_count: Documents changed.
        deleted_count: Documents deleted.
        upserted: For each document inserted because none matched the index of its write, and a document that holds
            its `_id`.
        acknowledged: False with write concern `w=0`.
    """

    inserted_count: int
    matched_count: int
    modified_count: int
    deleted_count: int
    upserted: tuple[tuple[int, RawDocument], ...]
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class DocumentReply:
    """One document, or None where nothing matched."""

    document: RawDocument | None


@dataclass(frozen=True, slots=True)
class CursorReply:
    """Documents as a stream of frames; the one who asked closes it."""

    frames: FrameStream


@dataclass(frozen=True, slots=True)
class ChangeStreamReply:
    """A change stream was opened; the one who asked closes it.

    Attributes:
        batches: Its batches.
        operation_time: The deployment's logical time when it was opened.
    """

    batches: ChangeBatches
    operation_time: Timestamp | None


@dataclass(frozen=True, slots=True)
class CountReply:
    """A number of documents."""

    count: int


@dataclass(frozen=True, slots=True)
class ValuesReply:
    """Distinct values: a document with one field, `values`, an array."""

    values: RawDocument


@dataclass(frozen=True, slots=True)
class DocumentsReply:
    """A few documents, such as descriptions of indexes."""

    documents: tuple[RawDocument, ...]


@dataclass(frozen=True, slots=True)
class NamesReply:
    """Names of collections."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HealthReply:
    """How the deployment answers."""

    status: HealthStatus


@dataclass(frozen=True, slots=True)
class SessionReply:
    """A session.

    Attributes:
        id: What the server calls it: a document, as its commands take it.
        has_failed: Whether an operation failed, or was cancelled, since its transaction was started.
    """

    id: RawDocument
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class DoneReply:
    """It is done; there is nothing to tell."""


Reply = (
    DocumentReply
    | CursorReply
    | ChangeStreamReply
    | InsertReply
    | UpdateReply
    | DeleteReply
    | BulkWriteReply
    | CountReply
    | ValuesReply
    | DocumentsReply
    | NamesReply
    | HealthReply
    | SessionReply
    | DoneReply
)
"""Everything a transport may answer."""
