"""Durable consumers of change streams: processes that can be killed at any moment and lose no event."""

from llm_devops_mongodb.consumers.checkpoint import Checkpoint
from llm_devops_mongodb.consumers.checkpoint_store import CheckpointStore, LeasedCheckpointStore
from llm_devops_mongodb.consumers.collection_checkpoints import CollectionCheckpoints
from llm_devops_mongodb.consumers.consumer import ChangeStreamConsumer
from llm_devops_mongodb.consumers.errors import (
    CheckpointConflictError,
    CheckpointError,
    CheckpointMismatchError,
    HandlerError,
    LeaseLostError,
)
from llm_devops_mongodb.consumers.file_checkpoints import FileCheckpoints
from llm_devops_mongodb.consumers.observing import (
    ConsumerEvent,
    ConsumerEventKind,
    ConsumerListener,
    ConsumerState,
    ConsumerStatus,
    HistoryGap,
    PartitionStatus,
)
from llm_devops_mongodb.consumers.settings import HandlerErrorPolicy

__all__ = [
    "ChangeStreamConsumer",
    "Checkpoint",
    "CheckpointConflictError",
    "CheckpointError",
    "CheckpointMismatchError",
    "CheckpointStore",
    "CollectionCheckpoints",
    "ConsumerEvent",
    "ConsumerEventKind",
    "ConsumerListener",
    "ConsumerState",
    "ConsumerStatus",
    "FileCheckpoints",
    "HandlerError",
    "HandlerErrorPolicy",
    "HistoryGap",
    "LeaseLostError",
    "LeasedCheckpointStore",
    "PartitionStatus",
]
