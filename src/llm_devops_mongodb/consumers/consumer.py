"""A consumer of changes that can be killed at any moment and loses nothing."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.change_streams.outage import Outage, is_resumable
from llm_devops_mongodb.client import MongoClient
from llm_devops_mongodb.collection import Collection
from llm_devops_mongodb.consumers.checkpoint_store import LeasedCheckpointStore
from llm_devops_mongodb.consumers.collection_checkpoints import CollectionCheckpoints
from llm_devops_mongodb.consumers.errors import CheckpointConflictError, LeaseLostError
from llm_devops_mongodb.consumers.file_checkpoints import FileCheckpoints
from llm_devops_mongodb.consumers.handling import is_outage
from llm_devops_mongodb.consumers.lease import Lease
from llm_devops_mongodb.consumers.observing import ConsumerEventKind, ConsumerState, ConsumerStatus
from llm_devops_mongodb.consumers.partition import Ending, Partition
from llm_devops_mongodb.consumers.settings import (
    CHECKPOINT_INTERVAL,
    HEARTBEAT_INTERVAL,
    LEASE_DURATION,
    ConsumerSettings,
    HandlerErrorPolicy,
)
from llm_devops_mongodb.consumers.shares import Shares
from llm_devops_mongodb.consumers.work import Work
from llm_devops_mongodb.database import Database
from llm_devops_mongodb.errors import ClientStateError, ConfigError, MongoError
from llm_devops_mongodb.options import ChangeStreamOptions
from llm_devops_mongodb.validation.values import built

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.consumers.checkpoint_store import CheckpointStore
    from llm_devops_mongodb.consumers.observing import ConsumerListener
    from llm_devops_mongodb.consumers.settings import Delivery, OnHandlerError, OnHistoryLost, OnInvalidate, Start
    from llm_devops_mongodb.options import Document, Pipeline

_KILLED = frozenset({237, 11601})  # CursorKilled, Interrupted: by an operator's killOp or killSessions
_CHECKPOINTS = "consumer_checkpoints"
_STATES = (
    ConsumerState.FAILED,
    ConsumerState.STOPPING,
    ConsumerState.RUNNING,
    ConsumerState.WAITING,
    ConsumerState.STOPPED,
)


class ChangeStreamConsumer:
    """Gives every change to a handler, from where it was when it, or the process before it, ended.

    How far it is is kept in a checkpoint, with which a process that was killed is carried on by the next. With
    `"at_least_once"` the place is stored after the handler succeeded: after a kill some events come again, with the
    same `id`. With `"exactly_once"` the handler is given a session, and what it writes in it is committed together with
    the place, or not at all; it may be called again for an event whose transaction was aborted.

    Of many processes that run a consumer of one name, one is active and another takes over when its lease has run out;
    with `partitions` they share the documents, each partition in its order.

    Example:
        ```python
        async def index(event: ChangeEvent[Trace]) -> None:
            ...

        consumer = ChangeStreamConsumer(traces, index, name="search-index")
        await consumer.run()
        ```
    """

    def __init__(
        self,
        source: Collection[Any] | Database | MongoClient,
        handler: Callable[..., Awaitable[None]],
        *,
        name: str,
        checkpoints: CheckpointStore | None = None,
        delivery: Delivery = "at_least_once",
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        start: Start = "now",
        on_history_lost: OnHistoryLost = "raise",
        on_handler_error: OnHandlerError = "stop",
        on_invalidate: OnInvalidate = "continue",
        concurrency: int = 1,
        max_in_flight: int | None = None,
        partitions: int = 1,
        checkpoint_every: int = 100,
        checkpoint_interval: timedelta = CHECKPOINT_INTERVAL,
        heartbeat_interval: timedelta = HEARTBEAT_INTERVAL,
        lease_duration: timedelta = LEASE_DURATION,
        event_listeners: Sequence[ConsumerListener] = (),
    ) -> None:
        """Describe a consumer; `run` starts it.

        Args:
            source: What is watched. Of a database and a client that is all but the checkpoints and what is put aside.
            handler: Is given each event; with `"exactly_once"` and a session, in which it writes.
            name: By which the checkpoint is found. Two consumers with different work have different names.
            checkpoints: Where places are kept; None is the collection `consumer_checkpoints` beside what is watched.
            delivery: `"at_least_once"` or `"exactly_once"`.
            pipeline: Chooses and shapes the events, as of `watch`.
            options: The options of `watch`, without those that say where to begin.
            start: Where to begin without a checkpoint: now, at a time, or after a token.
            on_history_lost: What to do when the deployment no longer keeps what comes next: raise, go on from now, or
                call for a snapshot and go on from before it. A listener is told the gap in every case.
            on_handler_error: A policy, or what follows three attempts: `"stop"`, a collection or a callback that
                takes events that could not be handled.
            on_invalidate: Whether to go on after what is watched was dropped or renamed.
            concurrency: How many events are handled at once, those of one document in their order; with
                `"exactly_once"` 1.
            max_in_flight: How many events are read ahead of the first that is not handled; 100, or 10 for each
                handler at work.
            partitions: How many parts the documents are shared in. It is not changed later.
            checkpoint_every: Store the place after so many events,
            checkpoint_interval: and after so long, when there was one.
            heartbeat_interval: On a quiet stream store the server's place so often.
            lease_duration: After this long another process takes over from one that was killed.
            event_listeners: Are told what happens.

        Raises:
            ConfigError: A setting cannot be; every one is listed.
        """
        options = options or ChangeStreamOptions()
        if options != options.starting():
            raise ConfigError("options", "say where to begin; that is for start, and for the checkpoint")
        settings = ConsumerSettings(
            name=name,
            delivery=delivery,
            start=start,
            on_history_lost=on_history_lost,
            on_handler_error=HandlerErrorPolicy.of(on_handler_error),
            on_invalidate=on_invalidate,
            concurrency=concurrency,
            max_in_flight=max_in_flight,
            partitions=partitions,
            checkpoint_every=checkpoint_every,
            checkpoint_interval=checkpoint_interval,
            heartbeat_interval=heartbeat_interval,
            lease_duration=lease_duration,
            event_listeners=tuple(event_listeners),
        )
        access = _access_of(source)
        store = checkpoints if checkpoints is not None else _beside(source)
        _check_transactions(settings, store, access)
        stages: tuple[Document, ...] = tuple(built(pipeline or ()))
        self._settings = settings
        self._work = Work(source, _name_of(source), access, handler, store, stages, options, settings)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._partitions = [Partition(number, self._work) for number in range(partitions)]
        self._shares: Shares | None = None
        self._is_stopped = asyncio.Event()
        self._finished = asyncio.Event()
        self._is_running = False

    @property
    def name(self) -> str:
        """By which the checkpoint is found."""
        return self._settings.name

    def status(self) -> ConsumerStatus:
        """How it does in this process."""
        parts = tuple(partition.status() for partition in self._partitions)
        states = {part.state for part in parts}
        errors = [part.last_error for part in parts if part.last_error is not None]
        return ConsumerStatus(
            name=self.name,
            state=next((state for state in _STATES if state in states), ConsumerState.CREATED),
            events_handled=sum(part.events_handled for part in parts),
            events_failed=sum(part.events_failed for part in parts),
            dead_lettered=sum(part.dead_lettered for part in parts),
            resumes=sum(part.resumes for part in parts),
            lag=_longest([part.lag for part in parts]),
            checkpoint_age=_longest([part.checkpoint_age for part in parts]),
            last_error=errors[0] if errors else None,
            owner=self._owner,
            delivery=self._settings.delivery,
            partitions=parts,
        )

    async def run(self) -> None:
        """Consume until `stop`, a failure or a cancellation.

        Failures that a server may recover from are waited for, with growing pauses.

        Raises:
            HandlerError: A handler failed for good, and the policy says to stop.
            HistoryLostError: Events were lost; with `on_history_lost="raise"`.
            CheckpointMismatchError: The checkpoint was made for another stream; it tells the difference.
            ClientStateError: It runs already.
            MongoError: It failed for another reason that waiting does not mend.
        """
        if self._is_running:
            raise ClientStateError(f"the consumer {self.name!r} is running already")
        self._is_running = True
        self._finished.clear()
        try:
            await self._run_partitions()
        finally:
            self._is_running = False
            self._finished.set()

    async def stop(self) -> None:
        """Finish the events that are being handled, store the place, let the lease go, and have `run` return.

        It is final: another consumer of the name goes on. May be called again, and from a handler or a callback, which
        is then not waited for.
        """
        self._is_stopped.set()
        for partition in self._partitions:
            partition.stop()
            if partition.state in {ConsumerState.RUNNING, ConsumerState.WAITING}:
                partition.state = ConsumerState.STOPPING
        if self._is_running and not self._is_called_by_handler():
            await self._finished.wait()

    def _is_called_by_handler(self) -> bool:
        return asyncio.current_task() in self._work.tasks

    async def _run_partitions(self) -> None:
        store = self._work.store
        tasks = [asyncio.create_task(self._supervised(partition)) for partition in self._partitions]
        keeping: asyncio.Task[None] | None = None
        if isinstance(store, LeasedCheckpointStore) and len(self._partitions) > 1:
            self._shares = Shares(
                store,
                self.name,
                owner=self._owner,
                duration=self._settings.lease_duration,
                partitions=self._partitions,
            )
            keeping = asyncio.create_task(self._shares.keep())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in (*tasks, *([] if keeping is None else [keeping])):
                task.cancel()
            await asyncio.gather(*tasks, *([] if keeping is None else [keeping]), return_exceptions=True)
            self._shares = None
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _supervised(self, partition: Partition) -> None:
        """Keep a partition at work, whatever passes; end where it is stopped or fails for good."""
        outage = Outage()
        try:
            while not self._is_stopped.is_set():
                try:
                    is_over = await self._turn(partition)
                except (MongoError, OSError) as error:
                    partition.last_error = error
                    if not _may_recover(error):
                        raise
                    if partition.has_progressed:
                        outage.is_over()
                    outage.met()
                    partition.announcer.tell(ConsumerEventKind.REOPENED, error=error)
                    await self._unless_stopped(outage.wait())
                else:
                    if is_over:
                        break
            partition.state = ConsumerState.STOPPED
            partition.announcer.tell(ConsumerEventKind.STOPPED)
        except asyncio.CancelledError:
            partition.state = ConsumerState.STOPPED
            raise
        except BaseException as error:
            partition.state = ConsumerState.FAILED
            partition.last_error = error if isinstance(error, Exception) else None
            partition.announcer.tell(ConsumerEventKind.FAILED, error=error)
            raise

    async def _turn(self, partition: Partition) -> bool:
        """Have a partition work once, with its lease where there is one; True where the consumer is done with it."""
        store = self._work.store
        if not isinstance(store, LeasedCheckpointStore):
            return await self._worked(partition, fence=0)
        lease = Lease(store, partition.name, owner=self._owner, duration=self._settings.lease_duration)
        shares = self._shares
        try:
            if (shares is None or shares.take(partition)) and await lease.try_acquire():
                return await self._held(partition, lease)
        finally:
            if shares is not None:
                shares.give_back(partition)
            if not self._is_stopped.is_set():
                partition.may_start()
        partition.state = ConsumerState.WAITING
        await self._unless_stopped(asyncio.sleep(lease.pause()))
        return False

    async def _held(self, partition: Partition, lease: Lease) -> bool:
        partition.announcer.tell(ConsumerEventKind.LEASE_ACQUIRED, fence=lease.fence)
        try:
            return await lease.while_held(self._worked(partition, fence=lease.fence), leave=partition.stop)
        except LeaseLostError as error:
            partition.last_error = error
            partition.announcer.tell(ConsumerEventKind.LEASE_LOST, error=error)
            return False

    async def _worked(self, partition: Partition, *, fence: int) -> bool:
        ending = await partition.run(owner=self._owner, fence=fence)
        if ending is Ending.STOPPED:
            return self._is_stopped.is_set()
        return ending is Ending.INVALIDATED and self._settings.on_invalidate == "stop"

    async def _unless_stopped(self, waiting: Any) -> None:
        """Wait, but no longer than until the consumer is to stop."""
        task = asyncio.ensure_future(waiting)
        stopping = asyncio.ensure_future(self._is_stopped.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            stopping.cancel()


def _may_recover(error: BaseException) -> bool:
    """Tell whether to go on from the checkpoint: a server may recover, and what was killed is made anew."""
    return isinstance(error, (LeaseLostError, CheckpointConflictError)) or (
        isinstance(error, MongoError) and (is_resumable(error) or is_outage(error) or error.code in _KILLED)
    )


def _access_of(source: Any) -> Access:
    access: Access | None = getattr(source, "_access", None)
    if access is None or not hasattr(source, "watch"):
        raise ConfigError("source", "is a collection, a database or a client")
    return access


def _name_of(source: Collection[Any] | Database | MongoClient) -> str:
    if isinstance(source, MongoClient):
        return "the deployment"
    return str(source.namespace) if isinstance(source, Collection) else source.name


def _beside(source: Collection[Any] | Database | MongoClient) -> CollectionCheckpoints:
    """The store of checkpoints that none was given for."""
    if isinstance(source, MongoClient):
        return CollectionCheckpoints(source.default_database().collection(_CHECKPOINTS))
    access = _access_of(source)
    name = source.namespace.database if isinstance(source, Collection) else source.name
    return CollectionCheckpoints(Database(access, name).collection(_CHECKPOINTS))


def _check_transactions(settings: ConsumerSettings, store: CheckpointStore, access: Access) -> None:
    """Refuse exactly-once delivery where what is to be one transaction cannot be.

    Raises:
        ConfigError: A file is to be part of it, or what is another client's.
    """
    if settings.delivery == "at_least_once":
        return
    if isinstance(store, FileCheckpoints):
        raise ConfigError("checkpoints", "a file is no part of a transaction; with exactly_once use a collection")
    letters = settings.on_handler_error.then
    written = {"checkpoints": getattr(store, "collection", None), "on_handler_error": letters}
    for name, collection in written.items():
        if isinstance(collection, Collection) and _access_of(collection).transport is not access.transport:
            raise ConfigError(name, "must be of the same client as the source with exactly_once")


def _longest(durations: Sequence[timedelta | None]) -> timedelta | None:
    known = [duration for duration in durations if duration is not None]
    return max(known) if known else None
