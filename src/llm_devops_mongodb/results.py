"""What operations answer: frozen values, counted by the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

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
        total: How many documents there are in all; None where they were not counted.
        page: The page's number, from 0.
        page_size: Documents on a full page; at least 1.
        has_next: Whether another page follows.
        total_is_capped: Whether counting stopped at `total`, and there are more.
    """

    items: list[T]
    total: int | None
    page: int
    page_size: int
    has_next: bool
    total_is_capped: bool = False

    @property
    def total_pages(self) -> int | None:
        """How many pages there are, the last perhaps not full; None where the total is not known."""
        if self.total is None or self.total_is_capped:
            return None
        return -(-self.total // self.page_size)

    @property
    def has_prev(self) -> bool:
        """Whether a page comes before."""
        return self.page > 0


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[T]):
    """One page by where the one before it ended.

    Attributes:
        items: The page's documents, in the order asked for, whichever way the page was reached.
        next_cursor: Asks for the page after; None where `has_next` is False.
        previous_cursor: Asks for the page before; None where `has_prev` is False.
        has_next: Whether a page follows. True on a page reached by `before`: documents followed when its cursor was
            made, and may have been deleted since.
        has_prev: Whether a page comes before. True on a page reached by `after`, for the same reason.
    """

    items: list[T]
    next_cursor: str | None
    previous_cursor: str | None
    has_next: bool
    has_prev: bool


FindingKind = Literal[
    "collection_scan",
    "missing_index",
    "in_memory_sort",
    "spilled_to_disk",
    "index_not_used",
    "poor_hint",
    "low_selectivity",
    "many_keys_examined",
    "javascript",
    "unindexable_expression",
    "unanchored_pattern",
    "negation",
    "multikey_bounds",
    "lookup_without_index",
    "large_skip",
    "covered",
    "nearly_covered",
]
"""What a query's plan may be found to be or to lack; only `covered` is praise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a query's plan shows.

    Attributes:
        kind: What it is, for a program.
        message: What it means and what to do, for a person; it names fields, indexes and counts, and holds no value.
        index: The fields and directions of the index to create, or of the one that is not used.
    """

    kind: FindingKind
    message: str
    index: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class QueryAnalysis:
    """How the server answers a query, and what would help.

    Attributes:
        uses_index: True where it reads an index, and not the whole collection for any part of the query.
        index_name: The index it uses, the first where it uses several.
        documents_examined: Documents it read; 0 where the query was not run, as for all counts.
        documents_returned: Documents it returned.
        execution_time_ms: Milliseconds it took.
        recommendations: What would make it faster, for a person to read.
        is_covered: Whether the index alone answers, without a document read.
        sorts_in_memory: Whether documents are held to sort them, because no index has them in order.
        keys_examined: Index keys it read.
        stages: The plan's stages, from the last to the first, each once.
        indexes_used: Every index of the collection that it uses.
        rejected_plans: How many other plans were weighed.
        findings: What was found, for a program; the recommendations are the messages of these.
        suggested_index: Fields and directions of the one index to create; None where there is one that serves, none
            would help, or each branch of an `$or` needs its own, which the findings tell.
        explained: The server's answer as it is. It holds values of the query, so it is not in the repr.
    """

    uses_index: bool
    index_name: str | None
    documents_examined: int
    documents_returned: int
    execution_time_ms: int
    recommendations: tuple[str, ...] = ()
    is_covered: bool = False
    sorts_in_memory: bool = False
    keys_examined: int = 0
    stages: tuple[str, ...] = ()
    indexes_used: tuple[str, ...] = ()
    rejected_plans: int = 0
    findings: tuple[Finding, ...] = ()
    suggested_index: Mapping[str, int | str] | None = None
    explained: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def scan_ratio(self) -> float:
        """Documents read for each one returned; of none returned, all that were read."""
        return self.documents_examined / max(self.documents_returned, 1)


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
