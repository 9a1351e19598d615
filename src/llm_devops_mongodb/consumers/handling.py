"""Giving events to a handler, as often as it takes."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.collection import Collection
from llm_devops_mongodb.consumers.errors import CheckpointConflictError, HandlerError, LeaseLostError
from llm_devops_mongodb.consumers.observing import ConsumerEventKind
from llm_devops_mongodb.errors import ClientStateError, MongoConnectionError, MongoError, TlsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llm_devops_mongodb.change_streams import ChangeEvent
    from llm_devops_mongodb.consumers.observing import Announcer
    from llm_devops_mongodb.consumers.settings import HandlerErrorPolicy
    from llm_devops_mongodb.session import Session

    Attempt = Callable[[ChangeEvent[Any]], Awaitable[None]]


_HOPELESS = (ClientStateError, TlsError)
"""Connections that will not come about by waiting."""


class StoppedError(Exception):
    """The consumer was told to stop while it waited to give an event to its handler again."""


def is_outage(error: BaseException) -> bool:
    """Tell whether `error` says that a deployment is away for a while, and not that a handler is wrong."""
    if not isinstance(error, MongoError) or isinstance(error, _HOPELESS):
        return False
    return isinstance(error, MongoConnectionError) or error.is_transient or error.is_retryable


class Attempts:
    """Gives an event to a handler until it is handled, or is given up.

    Args:
        policy: How often, and what then.
        announcer: Is told of failures.
        stopping: Set when the consumer is to stop.
        jitter: A number from 0 to 1 that shortens each pause.

    Attributes:
        failed: Attempts that failed.
        dead_lettered: Events that were put aside.
    """

    def __init__(
        self,
        policy: HandlerErrorPolicy,
        announcer: Announcer,
        stopping: asyncio.Event,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._announcer = announcer
        self._stopping = stopping
        self._jitter = jitter
        self._first = policy.initial_delay.total_seconds()
        self._longest = policy.max_delay.total_seconds()
        self.failed: int = 0
        self.dead_lettered: int = 0

    async def make(self, attempt: Attempt, event: ChangeEvent[Any]) -> Exception | None:
        """Make attempts; None once one succeeds, or else the error of the last.

        Raises:
            StoppedError: The consumer is to stop, and there is no telling how long the next attempt would take.
            LeaseLostError: Another process has taken over.
            CheckpointConflictError: The event was handled before, by a commit that seemed to fail.
        """
        if event.error is not None:
            self._tell(event.error, 1, event)
            return event.error
        count = tries = 0
        while True:
            tries += 1
            error = await self._made(attempt, event)
            if error is None:
                return None
            self._tell(error, tries, event)
            count += not is_outage(error)
            if count >= self._policy.attempts:
                return error
            await self._pause(tries)

    async def _made(self, attempt: Attempt, event: ChangeEvent[Any]) -> Exception | None:
        task = asyncio.current_task()
        try:
            await attempt(event)
        except (LeaseLostError, CheckpointConflictError):
            raise
        except asyncio.CancelledError as error:
            if task is None or task.cancelling():
                raise
            # Nobody cancelled this task: the handler awaited another that was.
            failure = RuntimeError("the handler raised CancelledError, and nobody had cancelled it")
            failure.__cause__ = error
            return failure
        except Exception as error:  # noqa: BLE001 - whatever a handler raises
            return error
        return None

    async def give_up(self, event: ChangeEvent[Any], error: Exception, *, session: Session | None = None) -> None:
        """Do with an event what is to be done after the last attempt.

        Raises:
            HandlerError: The consumer is to stop.
        """
        then = self._policy.then
        if then == "stop":
            raise HandlerError(
                f"the handler failed at a {event.operation} event ({type(error).__name__}), and on_handler_error says "
                "to stop; the event was not passed"
            ) from error
        if isinstance(then, Collection):
            await then.with_type(dict).insert_one(_letter(event, error), session=session)
        else:
            await then(event, error)

    def gave_up(self, event: ChangeEvent[Any], error: Exception) -> None:
        """The event was put aside, and will not come again."""
        self.dead_lettered += 1
        self._announcer.tell(ConsumerEventKind.DEAD_LETTERED, error=error, token=event.id)

    def _tell(self, error: Exception, attempt: int, event: ChangeEvent[Any]) -> None:
        self.failed += 1
        self._announcer.tell(ConsumerEventKind.HANDLER_FAILED, error=error, attempt=attempt, token=event.id)

    async def _pause(self, tries: int) -> None:
        """Wait before the next attempt, unless the consumer is to stop meanwhile."""
        seconds = min(self._first * 2 ** min(tries - 1, 20), self._longest) * (0.5 + self._jitter() / 2)
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise StoppedError


def _letter(event: ChangeEvent[Any], error: Exception) -> dict[str, Any]:
    """Describe an event that was put aside: all of it, and why."""
    namespace = None if event.namespace is None else str(event.namespace)
    return {
        "token": event.id.as_document(),
        "operation": str(event.operation),
        "namespace": namespace,
        "cluster_time": event.cluster_time,
        "wall_time": event.wall_time,
        "error": type(error).__name__,
        "message": str(error),
        "event": event.raw,
    }
