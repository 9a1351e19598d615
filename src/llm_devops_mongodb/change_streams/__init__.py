"""Change streams: typed events of a collection, a database or a deployment."""

from llm_devops_mongodb.change_streams.config import ChangeStreamConfig
from llm_devops_mongodb.change_streams.events import ChangeEvent, OperationType, TruncatedArray, UpdateDescription
from llm_devops_mongodb.change_streams.stream import ChangeStream, OnEventError
from llm_devops_mongodb.change_streams.watching import watching

__all__ = [
    "ChangeEvent",
    "ChangeStream",
    "ChangeStreamConfig",
    "OnEventError",
    "OperationType",
    "TruncatedArray",
    "UpdateDescription",
    "watching",
]
