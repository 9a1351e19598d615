"""One partition of a consumer: a stream, from its checkpoint on, given to a handler."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from bson import Timestamp

from llm_devops_mongodb.change_streams import OperationType
from llm_devops_mongodb.consumers.checkpoint import Checkpoint
from llm_devops_mongodb.consumers.dispatch import Dispatcher
from llm_devops_mongodb.consumers.fingerprint import check_fingerprint, fingerprint_of
from llm_devops_mongodb.consumers.handling import Attempts, StoppedError
from llm_devops_mongodb.consumers.observing import (
    Announcer,
    ConsumerEventKind,
    ConsumerState,
    HistoryGap,
    PartitionStatus,
)
from llm_devops_mongodb.consumers.progress import Progress
from llm_devops_mongodb.errors import HistoryLostError, MongoError, ResumeTokenError
from llm_devops_mongodb.resume_token import ResumeToken

if TYPE_CHECKING:
    from llm_devops_mongodb.change_streams import ChangeEvent, ChangeStream
    from llm_devops_mongodb.consumers.delivery import Delivery
    from llm_devops_mongodb.consumers.work import Work

_FLUSH_SECONDS = 2.0
_LOST = (HistoryLostError, ResumeTokenError)


class Ending(Enum):
    """Why a partition is no longer at work."""

    STOPPED = "it was stopped"
    INVALIDATED = "what is watched was dropped or renamed"
    LOST = "what comes next is no longer kept"


class Partition:
    """Handles the events of one partition, until it is stopped, cancelled or fails.

    Args:
        number: Which of the consumer's partitions.
        work: What is to be done.
    """

    def __init__(self, number: int, work: Work) -> None:
        self._work = work
        self._settings = settings = work.settings
        self._stopping = asyncio.Event()
        self._stream: ChangeStream[Any] | None = None
        self._progress: Progress | None = None
        self._handled = 0
        self._resumes = 0
        self._is_open = False
        self.number: int = number
        self.name: str = (
            settings.name if settings.partitions == 1 else f"{settings.name}/{number}-of-{settings.partitions}"
        )
        self.state: ConsumerState = ConsumerState.CREATED
        self.last_error: MongoError | Exception | None = None
        self.announcer: Announcer = Announcer(settings.name, self.name, settings.event_listeners)
        self._attempts = Attempts(settings.on_handler_error, self.announcer, self._stopping)
        self._options = work.described()

    def status(self) -> PartitionStatus:
        """How it does."""
        progress, error = self._progress, self.last_error
        return PartitionStatus(
            name=self.name,
            state=self.state,
            events_handled=self._handled + (0 if progress is None else progress.handled),
            events_failed=self._attempts.failed,
            dead_lettered=self._attempts.dead_lettered,
            resumes=self._resumes + (0 if self._stream is None else self._stream.resumes),
            lag=None if progress is None else progress.lag,
            checkpoint_age=None if progress is None else progress.age,
            last_error=None if error is None else f"{type(error).__name__}: {error}",
        )

    def stop(self) -> None:
        """Have it finish what is under way, and end."""
        self._stopping.set()

    def may_start(self) -> None:
        """Take back a `stop` that was for the time before."""
        self._stopping.clear()

    @property
    def is_stopping(self) -> bool:
        """Whether it is to end."""
        return self._stopping.is_set()

    @property
    def has_progressed(self) -> bool:
        """Whether anything was handled, or was found not to be there, since it last began."""
        return self._is_open and self._progress is not None and self._progress.has_advanced

    async def run(self, *, owner: str, fence: int) -> Ending:
        """Work from the checkpoint on.

        Raises:
            MongoError: It failed; what was handled and stored is stored.
        """
        task = asyncio.current_task()
        self._work.tasks.add(task)
        self._is_open = False
        try:
            return await self._run(owner=owner, fence=fence)
        finally:
            self._work.tasks.discard(task)

    async def _run(self, *, owner: str, fence: int) -> Ending:
        checkpoint, stream = await self._opened(owner=owner, fence=fence)
        self._leave_stream()
        self._is_open = True
        self._stream = stream
        self._progress = progress = Progress(checkpoint, self._work.store, self._settings, self.announcer)
        try:
            await progress.store(checkpoint)
            if not self.is_stopping:
                self.state = ConsumerState.RUNNING
            self.announcer.tell(ConsumerEventKind.STARTED, token=checkpoint.token)
            delivery = self._work.delivery(self._attempts, progress)
            try:
                await self._pump(stream, delivery, progress)
            finally:
                await delivery.aclose()
            await progress.flush()
        except _LOST as error:
            await progress.flush()
            await self._reject(progress.checkpoint, error)
            if self._settings.on_history_lost == "raise":
                self._tell_gap(progress.checkpoint, error)
                raise
            return Ending.LOST
        except BaseException:
            with suppress(MongoError, TimeoutError):
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await progress.flush()
            raise
        finally:
            await stream.aclose()
        return Ending.STOPPED if self.is_stopping else Ending.INVALIDATED

    def _leave_stream(self) -> None:
        """Keep the counts of the stream before."""
        if self._progress is not None:
            self._handled += self._progress.handled
        if self._stream is not None:
            self._resumes += self._stream.resumes

    async def _pump(self, stream: ChangeStream[Any], delivery: Delivery, progress: Progress) -> None:
        with suppress(StoppedError):
            if self._settings.concurrency == 1:
                await self._one_by_one(stream, delivery, progress)
            else:
                await self._concurrently(stream, delivery, progress)

    async def _one_by_one(self, stream: ChangeStream[Any], delivery: Delivery, progress: Progress) -> None:
        while not self.is_stopping:
            events = await self._read(stream)
            if not events:
                if not stream.alive:
                    await progress.reached(stream.resume_token)
                    return
                await progress.idle(stream.resume_token)
            for event in events:
                if self._is_mine(event):
                    await delivery.handle(event)
                if progress.passed(event):
                    await progress.store_soon()
                if self.is_stopping:
                    return

    async def _concurrently(self, stream: ChangeStream[Any], delivery: Delivery, progress: Progress) -> None:
        is_due = asyncio.Event()

        def passed(event: ChangeEvent[Any]) -> None:
            if progress.passed(event):
                is_due.set()

        settings = self._settings
        dispatcher = Dispatcher(delivery.handle, passed, concurrency=settings.concurrency, most=settings.most_in_flight)
        self._work.tasks.update(dispatcher.workers)
        try:
            while not self.is_stopping:
                events = await self._read_or_drain(stream, dispatcher)
                if not events:
                    if not stream.alive:
                        await dispatcher.drain()
                        await progress.reached(stream.resume_token)
                        return
                    await (progress.flush() if dispatcher.in_flight else progress.idle(stream.resume_token))
                for event in events:
                    if self._is_mine(event):
                        await dispatcher.give(event)
                    if is_due.is_set():
                        is_due.clear()
                        await progress.store_soon()
                    if self.is_stopping:
                        break
            await dispatcher.finish()
        finally:
            await dispatcher.aclose()
            self._work.tasks.difference_update(dispatcher.workers)

    def _is_mine(self, event: ChangeEvent[Any]) -> bool:
        """Tell whether to handle `event`: an invalidate comes to every partition, and is handled by the first."""
        if event.operation is not OperationType.INVALIDATE:
            return True
        self.announcer.tell(ConsumerEventKind.INVALIDATED, token=event.id)
        return self.number == 0

    async def _read_or_drain(self, stream: ChangeStream[Any], dispatcher: Dispatcher) -> list[ChangeEvent[Any]]:
        """Read a batch; where history is lost, what was read before is handled yet."""
        try:
            return await self._read(stream)
        except _LOST:
            await dispatcher.drain()
            raise

    async def _read(self, stream: ChangeStream[Any]) -> list[ChangeEvent[Any]]:
        """Read a batch, unless the consumer is to stop meanwhile."""
        reading = asyncio.ensure_future(stream.next_batch())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else []
        finally:
            reading.cancel()
            stopping.cancel()

    async def _opened(self, *, owner: str, fence: int) -> tuple[Checkpoint, ChangeStream[Any]]:
        """Open the stream where the checkpoint says, or else where it is to begin."""
        stored = await self._work.store.load(self.name)
        if stored is not None:
            check_fingerprint(stored, self._options)
        checkpoint = replace(stored or self._first(), owner=owner, fence=fence)
        if checkpoint.rejected is not None:
            return await self._opened_anew(checkpoint, HistoryLostError(checkpoint.rejected))
        if checkpoint.token is None and checkpoint.operation_time is None:
            # Not the time when the stream was opened, which it tells too late: events may be there by then.
            checkpoint = replace(checkpoint, operation_time=await self._work.now())
        time = checkpoint.operation_time if checkpoint.token is None else None
        try:
            stream = await self._work.watch(self.number, start_after=checkpoint.token, start_at_operation_time=time)
        except _LOST as error:
            await self._reject(checkpoint, error)
            return await self._opened_anew(checkpoint, error)
        return _at(stream, checkpoint), stream

    def _first(self) -> Checkpoint:
        """The checkpoint of a consumer that has none."""
        start = self._settings.start
        return Checkpoint(
            name=self.name,
            fingerprint=fingerprint_of(self._options),
            options=self._options,
            token=start if isinstance(start, ResumeToken) else None,
            operation_time=start if isinstance(start, Timestamp) else None,
        )

    async def _opened_anew(self, lost: Checkpoint, error: MongoError) -> tuple[Checkpoint, ChangeStream[Any]]:
        """Do what is to be done where history was lost; a snapshot is taken while the new stream is open already.

        Raises:
            MongoError: It is to be raised.
        """
        choice = self._settings.on_history_lost
        if choice == "raise":
            self._tell_gap(lost, error)
            raise error
        time = await self._work.now()
        stream = await self._work.watch(self.number, start_at_operation_time=time)
        gap = self._tell_gap(lost, error, resumed_at=time)
        if callable(choice):
            try:
                await choice(gap)
            except BaseException:
                await stream.aclose()
                raise
        return _at(stream, replace(lost, token=None, operation_time=time, rejected=None)), stream

    def _tell_gap(self, lost: Checkpoint, error: MongoError, *, resumed_at: Timestamp | None = None) -> HistoryGap:
        gap = HistoryGap(
            name=self.name,
            reason=str(error),
            last_token=lost.token,
            last_time=lost.cluster_time,
            last_wall_time=lost.wall_time,
            found_at=datetime.now(UTC),
            resumed_at=resumed_at,
        )
        self.announcer.tell(ConsumerEventKind.HISTORY_LOST, gap=gap, error=error)
        return gap

    async def _reject(self, checkpoint: Checkpoint, error: MongoError) -> None:
        """Note that the server did not take the token, so that nobody sends it again."""
        if checkpoint.rejected is None:
            await self._work.store.save(replace(checkpoint, rejected=str(error)))


def _at(stream: ChangeStream[Any], checkpoint: Checkpoint) -> Checkpoint:
    """Return `checkpoint` at the place where the stream was opened; it may be further on where nothing was between."""
    return replace(
        checkpoint,
        token=stream.resume_token or checkpoint.token,
        operation_time=checkpoint.operation_time or stream.operation_time,
    )
