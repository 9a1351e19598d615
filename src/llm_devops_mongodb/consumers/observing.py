"""What a consumer tells of itself, as it happens and when it is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bson import Timestamp

    from llm_devops_mongodb.resume_token import ResumeToken

_log = logging.getLogger("llm_devops_mongodb.consumers")


class ConsumerState(StrEnum):
    """What a consumer is doing."""

    CREATED = "created"
    """It was not started yet."""
    WAITING = "waiting"
    """Another process with its name is active."""
    RUNNING = "running"
    STOPPING = "stopping"
    """It finishes what is under way."""
    STOPPED = "stopped"
    FAILED = "failed"


class ConsumerEventKind(StrEnum):
    """What happened to a consumer."""

    STARTED = "started"
    LEASE_ACQUIRED = "lease_acquired"
    LEASE_LOST = "lease_lost"
    CHECKPOINT_STORED = "checkpoint_stored"
    REOPENED = "reopened"
    HISTORY_LOST = "history_lost"
    INVALIDATED = "invalidated"
    HANDLER_FAILED = "handler_failed"
    DEAD_LETTERED = "dead_lettered"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryGap:
    """A stretch of history whose events were lost.

    Attributes:
        name: The consumer's name, with its partition.
        reason: Why the stream could not go on.
        last_token: The last place that was reached, if any.
        last_time: The deployment's logical time there.
        last_wall_time: When the last event was made that was handled.
        found_at: When it was found out.
        resumed_at: The deployment's logical time from which on events are told again; None where they are not.
    """

    name: str
    reason: str
    last_token: ResumeToken | None
    last_time: Timestamp | None
    last_wall_time: datetime | None
    found_at: datetime
    resumed_at: Timestamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerEvent:
    """Something that happened to a consumer.

    Attributes:
        kind: What.
        consumer: The consumer's name.
        partition: The partition's name; the consumer's where it has one.
        at: When.
        details: More of it, by the kind: `error`, `attempt`, `gap`, `token`, `fence`.
    """

    kind: ConsumerEventKind
    consumer: str
    partition: str
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


ConsumerListener = Callable[[ConsumerEvent], None]
"""Is told what happens to a consumer. It is called in the event loop, and may not wait."""

_LEVELS = {
    ConsumerEventKind.LEASE_LOST: logging.WARNING,
    ConsumerEventKind.REOPENED: logging.WARNING,
    ConsumerEventKind.HISTORY_LOST: logging.ERROR,
    ConsumerEventKind.HANDLER_FAILED: logging.WARNING,
    ConsumerEventKind.DEAD_LETTERED: logging.ERROR,
    ConsumerEventKind.FAILED: logging.ERROR,
}


class Announcer:
    """Tells listeners and the log what happens to a partition, and counts it.

    Args:
        consumer: The consumer's name.
        partition: The partition's.
        listeners: Who is told.
    """

    def __init__(self, consumer: str, partition: str, listeners: Sequence[ConsumerListener]) -> None:
        self._consumer = consumer
        self._partition = partition
        self._listeners = tuple(listeners)

    def tell(self, kind: ConsumerEventKind, **details: Any) -> None:
        """Tell that something happened. A listener that fails is logged, and harms nobody."""
        event = ConsumerEvent(
            kind=kind, consumer=self._consumer, partition=self._partition, at=datetime.now(UTC), details=details
        )
        error = details.get("error")
        cause = f": {type(error).__name__}" if isinstance(error, BaseException) else ""
        _log.log(_LEVELS.get(kind, logging.DEBUG), "%s: %s%s", self._partition, kind, cause, extra={"event": event})
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - whatever a listener raises
                _log.exception("a listener of %s failed", self._consumer)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionStatus:
    """How a partition does.

    Attributes:
        name: Its name.
        state: What it is doing.
        events_handled: Events handled by this process.
        events_failed: Attempts of handlers that failed.
        dead_lettered: Events that were put aside.
        resumes: How often its stream was opened again after a failure.
        lag: How long ago the latest handled event was made; nothing while there is nothing to do, None before the
            first answer of the server.
        checkpoint_age: How long ago the checkpoint was stored by this process; None where it was not.
        last_error: The class and text of the latest failure.
    """

    name: str
    state: ConsumerState
    events_handled: int = 0
    events_failed: int = 0
    dead_lettered: int = 0
    resumes: int = 0
    lag: timedelta | None = None
    checkpoint_age: timedelta | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerStatus(PartitionStatus):
    """How a consumer does in this process: the sums of its partitions, and the worst lag and age.

    Attributes:
        owner: What this process is called in leases.
        delivery: How events are delivered.
        partitions: Each partition.
    """

    owner: str
    delivery: str
    partitions: tuple[PartitionStatus, ...] = ()
