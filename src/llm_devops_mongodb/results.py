"""What operations answer: frozen values, counted by the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InsertOneResult:
    """One inserted document.

    Attributes:
        inserted_id: The document's `_id`, given or generated.
        acknowledged: False with write concern `w=0`: nothing is known of the write.
    """

    inserted_id: Any
    acknowledged: bool = True


@dataclass(frozen=True, slots=True)
class InsertManyResult:
    """Inserted documents.

    Attributes:
        inserted_ids: The `_id` of each inserted document by its index in what the caller gave.
        acknowledged: False with write concern `w=0`.
    """

    inserted_ids: Mapping[int, Any]
    acknowledged: bool = True

    @classmethod
    def empty(cls) -> Self:
        """A result of nothing inserted."""
        return cls({})

    @property
    def count(self) -> int:
        """How many documents were inserted."""
        return len(self.inserted_ids)


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """Updated documents.

    Attributes:
        matched_count: How many documents the filter matched.
        modified_count: How many of them were changed.
        upserted_id: The `_id` of the document inserted because none matched, else None.
        acknowledged: False with write concern `w=0`; the counts are then 0.
    """

    matched_count: int
    modified_count: int
    upserted_id: Any = None
    acknowledged: bool = True


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """Deleted documents.

    Attributes:
        deleted_count: How many.
        acknowledged: False with write concern `w=0`; the count is then 0.
    """

    deleted_count: int
    acknowledged: bool = True


@dataclass(frozen=True, slots=True)
class BulkWriteResult:
    """What a batch of writes did.

    Attributes:
        inserted_count: Documents inserted.
        matched_count: Documents that filters of updates matched.
        modified_count: Documents changed.
        deleted_count: Documents deleted.
        upserted_count: Documents inserted because nothing matched.
        upserted_ids: Their `_id` by the index of the write.
        acknowledged: False with write concern `w=0`.
    """

    inserted_count: int = 0
    matched_count: int = 0
    modified_count: int = 0
    deleted_count: int = 0
    upserted_count: int = 0
    upserted_ids: Mapping[int, Any] = field(default_factory=dict[int, Any])
    acknowledged: bool = True

    @classmethod
    def empty(cls) -> Self:
        """A result of nothing written."""
        return cls()

    @property
    def total_affected(self) -> int:
        """Inserted, modified, deleted and upserted documents together."""
        return self.inserted_count + self.modified_count + self.deleted_count + self.upserted_count


@dataclass(frozen=True, slots=True)
class PaginatedResult(Generic[T]):
    """One page by its number.

    Attributes:
        items: The page's documents.
        total: How many documents there are in all.
        page: The page's number, from 0.
        page_size: Documents on a full page; at least 1.
        has_next: Whether another page follows.
    """

    items: list[T]
    total: int
    page: int
    page_size: int
    has_next: bool

    @property
    def total_pages(self) -> int:
        """How many pages there are; the last may not be full."""
        return -(-self.total // self.page_size)

    @property
    def has_prev(self) -> bool:
        """Whether a page comes before."""
        return self.page > 0


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[T]):
    """One page by where the one before it ended.

    Attributes:
        items: The page's documents.
        next_cursor: Asks for the page after; None where there is none.
        previous_cursor: Asks for the page before; None where there is none.
        has_next: Whether a page follows.
        has_prev: Whether a page comes before.
    """

    items: list[T]
    next_cursor: str | None
    previous_cursor: str | None
    has_next: bool
    has_prev: bool


@dataclass(frozen=True, slots=True)
class QueryAnalysis:
    """How the server answers a query, and what would help.

    Attributes:
        uses_index: False where the server reads the whole collection.
        index_name: The index it uses.
        documents_examined: Documents it read.
        documents_returned: Documents it returned.
        execution_time_ms: Milliseconds it took.
        recommendations: What would make it faster, for a person to read.
    """

    uses_index: bool
    index_name: str | None
    documents_examined: int
    documents_returned: int
    execution_time_ms: int
    recommendations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How busy this client is. The driver has no cheap way to tell how many connections are open.

    Attributes:
        in_use: Operations under way now.
        min_size: The least kept open to each server.
        max_size: The most opened to each server.
    """

    in_use: int
    min_size: int
    max_size: int


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """How a deployment answers now.

    Attributes:
        healthy: True where the deployment answered and takes writes.
        latency: How long the answer took; None where there was none.
        error: What is wrong, without secrets; None where nothing is.
        topology: The driver's name of the deployment's type, such as `ReplicaSetWithPrimary`.
        set_name: The replica set, where there is one.
        primary: The primary's `host:port`, where there is one.
        members: Every known member's `host:port`.
        server_version: Such as `6.0.5`.
        pool: How busy the client is.
    """

    healthy: bool
    latency: timedelta | None = None
    error: str | None = None
    topology: str | None = None
    set_name: str | None = None
    primary: str | None = None
    members: tuple[str, ...] = ()
    server_version: str | None = None
    pool: PoolStatus | None = None
