"""How a consumer is told to go about its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from bson import Timestamp

from llm_devops_mongodb.collection import Collection
from llm_devops_mongodb.consumers.observing import HistoryGap
from llm_devops_mongodb.errors import ConfigError, ConfigFault
from llm_devops_mongodb.resume_token import ResumeToken

if TYPE_CHECKING:
    from llm_devops_mongodb.change_streams import ChangeEvent
    from llm_devops_mongodb.consumers.observing import ConsumerListener

Delivery = Literal["at_least_once", "exactly_once"]
"""Whether an event may be handled again after a failure, or its effects in MongoDB and the progress are one."""

OnInvalidate = Literal["continue", "stop"]
"""What to do after what is watched was dropped or renamed."""

Start = Literal["now"] | Timestamp | ResumeToken
"""Where a consumer begins that has no checkpoint."""

Snapshot = Callable[[HistoryGap], Awaitable[None]]
"""Takes stock after history was lost. Events are told from a time before it was called."""

OnHistoryLost = Literal["raise", "restart_now"] | Snapshot
"""What to do when the deployment no longer keeps what comes next."""

DeadLetters = Callable[["ChangeEvent[Any]", Exception], Awaitable[None]]
"""Puts an event aside that a handler could not handle."""

CHECKPOINT_INTERVAL = timedelta(seconds=1)
HEARTBEAT_INTERVAL = timedelta(seconds=10)
LEASE_DURATION = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerErrorPolicy:
    """What to do when a handler fails.

    A handler's error that says its database is away for a while is no failure of the handler: it is waited for.

    Attributes:
        attempts: How often an event is given to the handler in all.
        initial_delay: The pause before the second attempt; each later one is twice as long, shortened by chance.
        max_delay: The longest pause.
        then: What follows the last attempt: `"stop"` the consumer, or put the event aside and go on: into a
            collection, or by a callback.
    """

    attempts: int = 3
    initial_delay: timedelta = timedelta(milliseconds=100)
    max_delay: timedelta = timedelta(seconds=5)
    then: Literal["stop"] | Collection[Any] | DeadLetters = "stop"

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError("attempts", "must be at least 1")
        if self.then != "stop" and not isinstance(self.then, Collection) and not callable(self.then):
            raise ConfigError("then", "is 'stop', a collection, or an asynchronous callback of event and error")

    @classmethod
    def of(cls, given: OnHandlerError) -> HandlerErrorPolicy:
        """Return the policy that `given` is short for."""
        return given if isinstance(given, HandlerErrorPolicy) else cls(then=given)


OnHandlerError = HandlerErrorPolicy | Literal["stop"] | Collection[Any] | DeadLetters
"""A policy, or what follows three attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings:
    """The settings of a consumer; see `ChangeStreamConsumer`.

    Raises:
        ConfigError: It lists every setting that cannot be.
    """

    name: str
    delivery: Delivery = "at_least_once"
    start: Start = "now"
    on_history_lost: OnHistoryLost = "raise"
    on_handler_error: HandlerErrorPolicy = field(default_factory=HandlerErrorPolicy)
    on_invalidate: OnInvalidate = "continue"
    concurrency: int = 1
    max_in_flight: int | None = None
    partitions: int = 1
    checkpoint_every: int = 100
    checkpoint_interval: timedelta = CHECKPOINT_INTERVAL
    heartbeat_interval: timedelta = HEARTBEAT_INTERVAL
    lease_duration: timedelta = LEASE_DURATION
    event_listeners: tuple[ConsumerListener, ...] = ()

    def __post_init__(self) -> None:
        faults = [ConfigFault(name, text) for name, text, is_fault in self._rules() if is_fault]
        if faults:
            raise ConfigError(faults[0].field, faults[0].message, faults=faults)

    def _rules(self) -> list[tuple[str, str, bool]]:
        rules = [
            ("name", "must be a text that is not empty", not isinstance(self.name, str) or not self.name),  # pyright: ignore[reportUnnecessaryIsInstance]
            (
                "delivery",
                "is 'at_least_once' or 'exactly_once'",
                self.delivery not in {"at_least_once", "exactly_once"},
            ),
            ("on_invalidate", "is 'continue' or 'stop'", self.on_invalidate not in {"continue", "stop"}),
            (
                "on_history_lost",
                "is 'raise', 'restart_now', or an asynchronous callback of the gap",
                self.on_history_lost not in {"raise", "restart_now"} and not callable(self.on_history_lost),
            ),
            (
                "start",
                "is 'now', a Timestamp or a ResumeToken",
                self.start != "now" and not isinstance(self.start, (Timestamp, ResumeToken)),  # pyright: ignore[reportUnnecessaryIsInstance]
            ),
            (
                "concurrency",
                "must be 1 with exactly_once, where each event is a transaction after the other; use partitions",
                self.delivery == "exactly_once" and self.concurrency > 1,
            ),
            (
                "max_in_flight",
                "must be at least concurrency",
                self.max_in_flight is not None and self.max_in_flight < self.concurrency,
            ),
        ]
        rules += [
            (name, "must be at least 1", getattr(self, name) < 1)
            for name in ("concurrency", "partitions", "checkpoint_every")
        ]
        return rules + [
            (name, "must be longer than nothing", getattr(self, name) <= timedelta())
            for name in ("checkpoint_interval", "heartbeat_interval", "lease_duration")
        ]

    @property
    def most_in_flight(self) -> int:
        """How many events may be read and not handled."""
        return self.max_in_flight or max(100, 10 * self.concurrency)
