"""A change stream that is described once: which events, and how they are sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.options import ChangeStreamOptions
from llm_devops_mongodb.query.fields import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_devops_mongodb.change_streams.events import OperationType
    from llm_devops_mongodb.options import FullDocument
    from llm_devops_mongodb.query.fields import Field

_DEFAULT_AWAIT = timedelta(seconds=1)
_ALWAYS = ("operationType", "documentKey", "ns", "clusterTime")


@dataclass(frozen=True, slots=True)
class ChangeStreamConfig:
    """Which events of a change stream, and how; each method returns a new value.

    Attributes:
        pipeline: Stages that choose and shape the events.
        batch_size: Events in one reply of the server.
        full_document: Which form of the document an update's event carries.
        max_await_time: How long the server waits for an event before it answers without one.

    Example:
        ```python
        config = ChangeStreamConfig().filter_operations([OperationType.INSERT]).filter_field("status", "failed")
        stream = runs.watch(config.pipeline, config.to_options())
        ```
    """

    pipeline: tuple[Mapping[str, Any], ...] = ()
    batch_size: int = 100
    full_document: FullDocument = "updateLookup"
    max_await_time: timedelta = _DEFAULT_AWAIT

    def __post_init__(self) -> None:
        object.__setattr__(self, "pipeline", tuple(self.pipeline))
        # They are checked where they are options.
        self.to_options()

    def filter_operations(self, operations: Iterable[OperationType | str]) -> ChangeStreamConfig:
        """Only events of these kinds.

        Example:
            >>> ChangeStreamConfig().filter_operations([OperationType.INSERT]).pipeline
            ({'$match': {'operationType': {'$in': ['insert']}}},)

        Raises:
            InvalidDocumentError: There are none: the stream would tell nothing.
        """
        kinds = [str(operation) for operation in operations]
        if not kinds:
            raise InvalidDocumentError("filter_operations wants at least one kind of operation")
        return self._with({"$match": {"operationType": {"$in": kinds}}})

    def filter_field(self, field: str | Field[Any], value: object) -> ChangeStreamConfig:
        """Only events whose document has this value in this field; a value is never read as an operator.

        Example:
            >>> ChangeStreamConfig().filter_field("status", "failed").pipeline
            ({'$match': {'fullDocument.status': {'$eq': 'failed'}}},)
        """
        return self._with({"$match": {f"fullDocument.{name_of(field)}": {"$eq": value}}})

    def project_fields(self, fields: Iterable[str | Field[Any]]) -> ChangeStreamConfig:
        """Only these fields of the document; the event keeps its kind, key, namespace and time.

        Example:
            >>> ChangeStreamConfig().project_fields(["status"]).pipeline
            ({'$project': {'operationType': 1, 'documentKey': 1, 'ns': 1, 'clusterTime': 1, 'fullDocument.status': 1}},)
        """
        names = [f"fullDocument.{name_of(field)}" for field in fields]
        return self._with({"$project": dict.fromkeys((*_ALWAYS, *names), 1)})

    def to_options(self) -> ChangeStreamOptions:
        """Return the options for `watch`."""
        return ChangeStreamOptions(
            full_document=self.full_document, batch_size=self.batch_size, max_await_time=self.max_await_time
        )

    def _with(self, stage: Mapping[str, Any]) -> ChangeStreamConfig:
        return replace(self, pipeline=(*self.pipeline, stage))
