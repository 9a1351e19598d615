"""What a change stream tells: typed events."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bson import Timestamp

    from llm_devops_mongodb.errors import DeserializationError
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.resume_token import ResumeToken

T = TypeVar("T")


class OperationType(StrEnum):
    """What happened, by the server's names.

    From `CREATE` on they come with `show_expanded_events` only.
    Source: https://www.mongodb.com/docs/manual/reference/change-events/
    """

    INSERT = "insert"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    DROP = "drop"
    RENAME = "rename"
    DROP_DATABASE = "dropDatabase"
    INVALIDATE = "invalidate"
    CREATE = "create"
    CREATE_INDEXES = "createIndexes"
    DROP_INDEXES = "dropIndexes"
    MODIFY = "modify"
    SHARD_COLLECTION = "shardCollection"
    REFINE_COLLECTION_SHARD_KEY = "refineCollectionShardKey"
    RESHARD_COLLECTION = "reshardCollection"


@dataclass(frozen=True, slots=True)
class TruncatedArray:
    """An array that an update made shorter.

    Attributes:
        field: Its dotted path.
        new_size: How many elements it has now.
    """

    field: str
    new_size: int


@dataclass(frozen=True, slots=True)
class UpdateDescription:
    """What an update changed.

    Attributes:
        updated_fields: Dotted paths and their new values.
        removed_fields: Dotted paths of the fields that are gone.
        truncated_arrays: Arrays that were made shorter.
        disambiguated_paths: Where a path can be read in two ways, its parts; with `show_expanded_events`.
    """

    updated_fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    removed_fields: tuple[str, ...] = ()
    truncated_arrays: tuple[TruncatedArray, ...] = ()
    disambiguated_paths: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent(Generic[T]):
    """One change.

    A pipeline may have taken fields away, and each kind of operation has its own: what an event has not is None.

    Attributes:
        id: Its place in the stream, to go on after it.
        operation: What happened; a kind that is newer than this library is its name.
        document_key: The `_id` of the document, and its shard key.
        full_document: The document: of an insert and a replace as it was written; of an update as `full_document` of
            the options says, and None where it is gone by now.
        full_document_before_change: The document as it was before, where the options ask for it.
        update_description: What an update changed.
        cluster_time: When, by the deployment's logical clock.
        wall_time: When, by the server's clock.
        namespace: Where; of a database as a whole the collection is `""`.
        to_namespace: What a collection is called after a rename.
        txn_number: The number of the transaction it was part of, within its session.
        error: Why the document, or the one before, did not fit `T`; then both are None.
        raw: The event as the server sent it, in BSON.
    """

    id: ResumeToken
    operation: OperationType | str
    document_key: Mapping[str, Any] | None = None
    full_document: T | None = None
    full_document_before_change: T | None = None
    update_description: UpdateDescription | None = None
    cluster_time: Timestamp | None = None
    wall_time: datetime | None = None
    namespace: Namespace | None = None
    to_namespace: Namespace | None = None
    txn_number: int | None = None
    error: DeserializationError | None = None
    raw: bytes = field(default=b"", repr=False, compare=False)
