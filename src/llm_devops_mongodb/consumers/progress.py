"""How far a partition is, and when that is stored."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.consumers.observing import ConsumerEventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.change_streams import ChangeEvent
    from llm_devops_mongodb.consumers.checkpoint import Checkpoint
    from llm_devops_mongodb.consumers.checkpoint_store import CheckpointStore
    from llm_devops_mongodb.consumers.observing import Announcer
    from llm_devops_mongodb.consumers.settings import ConsumerSettings
    from llm_devops_mongodb.resume_token import ResumeToken
    from llm_devops_mongodb.session import Session

_BEHIND = 10
"""So many times as many events as there are between checkpoints may be handled while one is being stored."""


class Progress:
    """The checkpoint of a partition that is at work.

    It is stored after so many events, after so long, on a quiet stream now and then, and in the end.

    Args:
        checkpoint: Where the partition went on; it is stored as it is by the first `store`.
        store: Keeps it.
        settings: How often.
        announcer: Is told when it was stored.
        clock: Seconds that only grow.

    Attributes:
        handled: Events that were handled.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        store: CheckpointStore,
        settings: ConsumerSettings,
        announcer: Announcer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checkpoint = checkpoint
        self._store = store
        self._announcer = announcer
        self._clock = clock
        self._every = settings.checkpoint_every
        self._interval = settings.checkpoint_interval.total_seconds()
        self._heartbeat = settings.heartbeat_interval.total_seconds()
        self._is_in_transactions = settings.delivery == "exactly_once"
        self._last: ChangeEvent[Any] | None = None
        self._latest: ChangeEvent[Any] | None = None
        self._since_stored = 0
        self._stored_at = self._due_from = clock()
        self._storing: asyncio.Task[None] | None = None
        self._was_stored = False
        self._is_idle = False
        self.handled: int = 0

    @property
    def checkpoint(self) -> Checkpoint:
        """What was stored last, or is to be."""
        return self._checkpoint

    @property
    def age(self) -> timedelta | None:
        """How long ago it was stored."""
        return timedelta(seconds=self._clock() - self._stored_at) if self._was_stored else None

    @property
    def has_advanced(self) -> bool:
        """Whether anything was handled, or was found not to be there."""
        return self.handled > 0 or self._is_idle

    @property
    def lag(self) -> timedelta | None:
        """How long ago the latest handled event was made; nothing on a quiet stream."""
        if self._is_idle:
            return timedelta()
        wall_time = self._checkpoint.wall_time if self._last is None else self._last.wall_time
        return None if wall_time is None else max(datetime.now(UTC) - _aware(wall_time), timedelta())

    def passed(self, event: ChangeEvent[Any]) -> bool:
        """Every event up to this one was handled; True where that should be stored now."""
        self._last = event
        if event.id is not self._checkpoint.token:
            self._latest = event
        self._is_idle = False
        self.handled += 1
        self._since_stored += 1
        return self._since_stored >= self._every or self._clock() - self._due_from >= self._interval

    def after(self, event: ChangeEvent[Any]) -> Checkpoint:
        """Return the checkpoint after an event."""
        return replace(
            self._checkpoint,
            token=event.id,
            operation_time=None,
            wall_time=event.wall_time or self._checkpoint.wall_time,
            rejected=None,
        )

    async def idle(self, token: ResumeToken | None) -> None:
        """There is nothing to do: everything up to `token` was handled."""
        self._is_idle = True
        await self.flush()
        if self._clock() - self._stored_at >= self._heartbeat:
            await self.reached(token)

    async def reached(self, token: ResumeToken | None) -> None:
        """Store that everything up to `token` was handled, events or none."""
        await self.flush()
        if token is not None and token != self._checkpoint.token:
            await self.store(replace(self._checkpoint, token=token, operation_time=None))

    async def store_soon(self) -> None:
        """Begin to store how far it is; handling goes on meanwhile.

        While the one before is being stored none is begun, unless it takes very long: then it is waited for.

        Raises:
            MongoError: What was begun before failed.
        """
        if self._is_in_transactions:
            # What stores in a transaction has to know what is stored.
            await self.flush()
            return
        if self._is_storing and self._since_stored < _BEHIND * self._every:
            return
        await self._settled()
        if self._latest is not None:
            checkpoint, self._latest = self.after(self._latest), None
            self._since_stored = 0
            self._due_from = self._clock()
            self._storing = asyncio.create_task(self.store(checkpoint))
            # It is told by the next that waits for it, if there is one.
            self._storing.add_done_callback(lambda task: task.cancelled() or task.exception())
            # A handler that never waits would keep it from being begun.
            await asyncio.sleep(0)

    @property
    def _is_storing(self) -> bool:
        return self._storing is not None and not self._storing.done()

    async def flush(self) -> None:
        """Store how far it is, if that was not stored."""
        await self._settled()
        if self._latest is not None:
            checkpoint, self._latest = self.after(self._latest), None
            self._since_stored = 0
            await self.store(checkpoint)

    async def store(self, checkpoint: Checkpoint) -> None:
        """Store `checkpoint`."""
        await self._store.save(checkpoint)
        self._stored(checkpoint)

    async def store_within(self, session: Session, checkpoint: Checkpoint) -> None:
        """Store `checkpoint` in a transaction; it counts when `committed` says so."""
        await self._store.save(checkpoint, replacing=self._checkpoint, session=session)

    def committed(self, checkpoint: Checkpoint) -> None:
        """The transaction that stored `checkpoint` was committed."""
        self._stored(checkpoint)

    def _stored(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._stored_at = self._due_from = self._clock()
        self._was_stored = True
        self._announcer.tell(ConsumerEventKind.CHECKPOINT_STORED, token=checkpoint.token)

    async def _settled(self) -> None:
        """Wait until what was begun to be stored is."""
        if self._storing is not None:
            await asyncio.wait((self._storing,))
            storing, self._storing = self._storing, None
            storing.result()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
