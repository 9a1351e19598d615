"""The transport that sends operations to a deployment, through PyMongo's asynchronous API."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, assert_never
from weakref import WeakSet

import bson

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import ClientStateError
from llm_devops_mongodb.options import CursorType
from llm_devops_mongodb.replies import ChangeStreamReply, CursorReply, DoneReply, HealthReply, Reply, SessionReply
from llm_devops_mongodb.results import PoolStatus
from llm_devops_mongodb.transports.driver import bulk_writes, reads, writes
from llm_devops_mongodb.transports.driver.arguments import aggregate_arguments, raw
from llm_devops_mongodb.transports.driver.change_streams import (
    DriverChangeBatches,
    arguments_of,
    operation_time_of,
    stages_of,
)
from llm_devops_mongodb.transports.driver.collections import Collections
from llm_devops_mongodb.transports.driver.concerns import Concerns
from llm_devops_mongodb.transports.driver.cursors import (
    CursorFrames,
    DocumentFrames,
    Reaper,
    TailableFrames,
    kill_cursor,
    opened,
)
from llm_devops_mongodb.transports.driver.deadlines import Deadline
from llm_devops_mongodb.transports.driver.errors import DRIVER_ERRORS, is_of_driver, translated
from llm_devops_mongodb.transports.driver.health import check_health, describe
from llm_devops_mongodb.transports.driver.sessions import LiveSessions

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractContextManager

    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.client_session import AsyncClientSession
    from pymongo.asynchronous.collection import AsyncCollection
    from pymongo.asynchronous.database import AsyncDatabase

    from llm_devops_mongodb.config import MongoConfig
    from llm_devops_mongodb.errors import MongoError
    from llm_devops_mongodb.operations import Operation
    from llm_devops_mongodb.results import HealthStatus
    from llm_devops_mongodb.transports.driver.cursors import DriverCursor

_CLOSING_GRACE = 1.0
_DRAINING = 10.0
"""Seconds that operations under way have to finish when the client is closed."""

_HEALTH_BUDGET = timedelta(seconds=5)


class DriverTransport:
    """A `Transport` over one `pymongo.AsyncMongoClient`, which it owns.

    It belongs to the process and the event loop that made it, as the driver's client does.
    """

    def __init__(
        self,
        client: AsyncMongoClient[Any],
        config: MongoConfig,
        *,
        uuid_representation: int,
        reaper: Reaper,
        release: Callable[[], None],
    ) -> None:
        self.client = client
        self._config = config
        self._release = release
        self._in_use = 0
        self._idle = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._process = os.getpid()
        self._loop = asyncio.get_running_loop()
        self._reaper = reaper
        self._concerns = concerns = Concerns()
        self._collections = Collections(client, concerns, uuid_representation=uuid_representation)
        self._sessions = LiveSessions(client, concerns)
        self._open: WeakSet[DriverChangeBatches] = WeakSet()
        self._limits = {
            "server_selection": config.server_selection_timeout,
            "wait_queue": config.wait_queue_timeout or timedelta.max,
        }

    async def handle(self, operation: Operation) -> Reply:
        """Send `operation` and tell what the deployment answered."""
        self._check_usable()
        self._in_use += 1
        deadline = self._deadline_of(operation)
        try:
            if deadline is None:
                return await self._send(operation)
            return await self._send_until(deadline, operation)
        except DRIVER_ERRORS as error:
            if not is_of_driver(error):
                raise
            raise self.translate(error, operation, deadline) from error
        finally:
            self._in_use -= 1
            if self._closing is not None and not self._in_use:
                self._idle.set()

    async def aclose(self) -> None:
        """Refuse new operations, let those under way finish, and close every connection. May be called again.

        It is done once and to its end, whoever asks for it again and whoever is cancelled meanwhile.
        """
        if self._closing is None:
            self._check_usable()
            self._closing = asyncio.create_task(self._close())
        # Not a shield: from Python 3.14 it reports the failure of what it shielded.
        await asyncio.wait((self._closing,))
        self._closing.result()

    async def _close(self) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAINING):
                    while self._in_use:
                        await self._idle.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_GRACE):
                    await asyncio.gather(*[batches.aclose() for batches in self._open])
            await self._reaper.aclose(grace=_CLOSING_GRACE)
            await self._sessions.aclose()
        finally:
            await self.client.close()
            self._release()

    def translate(self, error: BaseException, operation: Operation, deadline: Deadline | None = None) -> MongoError:
        """Return this library's error for one that the driver raised while it did `operation`, until `deadline`."""
        told = translated(error, operation, limits=self._limits)
        return told if deadline is None else deadline.blamed(told)

    def _deadline_of(self, operation: Operation) -> Deadline | None:
        """The operation's own limit, or the configuration's; in a transaction no later than the transaction's."""
        if isinstance(operation, (op.CheckHealth, op.StartTransaction, op.EndSession, op.IdentifySession)):
            return None
        if isinstance(operation, (op.CommitTransaction, op.AbortTransaction)):
            limit = operation.timeout
        else:
            limit = operation.settings.timeout
        limit = limit or self._config.timeout
        own = None if limit is None or limit == timedelta.max else Deadline(limit)
        # What was begun is aborted even after its time.
        shared = None if isinstance(operation, op.AbortTransaction) else self._sessions.deadline_of(operation.session)
        if own is None or shared is None:
            return own or shared
        return min(own, shared, key=attrgetter("remaining"))

    async def _send_until(self, deadline: Deadline, operation: Operation) -> Reply:
        with deadline.bounding(outcome="not_applied" if op.may_write(operation) else None):
            reply = await self._send(operation)
        if isinstance(reply, CursorReply) and isinstance(reply.frames, CursorFrames):
            reply.frames.end_by(deadline)
        return reply

    async def _send(self, operation: Operation) -> Reply:  # noqa: PLR0911 - one line for each kind of operation
        match operation:
            case op.CheckHealth():
                return HealthReply(await self._check_health())
            case op.StartTransaction() | op.CommitTransaction() | op.AbortTransaction() | op.EndSession():
                await self._sessions.handle(operation)
                return DoneReply()
            case op.IdentifySession():
                with self._sessions.lent(operation.session) as session:
                    raw_id = b"" if session is None else bson.encode(session.session_id)
                return SessionReply(raw_id, has_failed=self._sessions.has_failed(operation.session))
            case op.ClientBulkWrite():
                with self._sessions.lent(operation.session) as session:
                    return await bulk_writes.client_bulk_write(self.client, operation, session, self._concerns)
            case op.Watch():
                return await self._watch(operation)
            case op.Aggregate() | op.RunCommand() | op.Explain() | op.ListCollectionNames():
                with self._sessions.lent(operation.session) as session:
                    return await self._send_to_database(operation, session)
            case _:
                if operation.session is None:
                    return await self._send_to_collection(operation, None)
                with self._sessions.lent(operation.session) as session:
                    return await self._send_to_collection(operation, self._suited(session, operation))

    def _suited(
        self, session: AsyncClientSession | None, operation: op.CollectionOperation
    ) -> AsyncClientSession | None:
        """Return `session`, or None where it was made for a write that gets no number.

        The driver gives none where its retries are off or the server is not to acknowledge. A number that it did not
        count up must not be set back: the next transaction would get one that the server has seen.
        """
        if operation.session is None or not operation.session.attempt:
            return session
        if not self.client.options.retry_writes:
            return None
        collection = self._collections.of(operation.namespace, operation.settings)
        return session if collection.write_concern.acknowledged else None

    async def _send_to_database(self, operation: op.DatabaseOperation, session: AsyncClientSession | None) -> Reply:
        database = self._collections.database(operation.namespace.database, operation.settings)
        match operation:
            case op.Aggregate():
                return await self._aggregate(operation, session)
            case op.RunCommand():
                return await reads.run_command(database, operation, session)
            case op.Explain():
                return await reads.explain(database, operation, session)
            case op.ListCollectionNames():
                return await reads.list_collection_names(database, operation, session)
            case _:
                assert_never(operation)

    async def _send_to_collection(self, operation: op.CollectionOperation, session: AsyncClientSession | None) -> Reply:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of operation
        collection = self._collections.of(operation.namespace, operation.settings)
        match operation:
            case op.FindOne():
                return await reads.find_one(collection, operation, session)
            case op.Find():
                kind = CursorFrames if operation.options.cursor_type == CursorType.NON_TAILABLE else TailableFrames
                return self._streamed(reads.find(collection, operation, session), operation, kind)
            case op.InsertOne():
                return await writes.insert_one(collection, operation, session)
            case op.InsertMany():
                return await writes.insert_many(collection, operation, session)
            case op.UpdateOne():
                return await writes.update_one(collection, operation, session)
            case op.UpdateMany():
                return await writes.update_many(collection, operation, session)
            case op.ReplaceOne():
                return await writes.replace_one(collection, operation, session)
            case op.DeleteOne():
                return await writes.delete_one(collection, operation, session)
            case op.DeleteMany():
                return await writes.delete_many(collection, operation, session)
            case op.FindOneAndUpdate():
                return await writes.find_one_and_update(collection, operation, session)
            case op.FindOneAndReplace():
                return await writes.find_one_and_replace(collection, operation, session)
            case op.FindOneAndDelete():
                return await writes.find_one_and_delete(collection, operation, session)
            case op.BulkWrite():
                return await bulk_writes.bulk_write(collection, operation, session)
            case op.CountDocuments():
                return await reads.count_documents(collection, operation, session)
            case op.EstimatedDocumentCount():
                return await reads.estimated_document_count(collection, operation)
            case op.Distinct():
                return await reads.distinct(collection, operation, session)
            case op.ListIndexes():
                return await reads.list_indexes(collection, session)
            case op.DropCollection():
                return await writes.drop_collection(collection, session)
            case _:
                assert_never(operation)

    async def _watch(self, operation: op.Watch) -> Reply:
        """Open a change stream; its session, which the driver makes where none is given, tells the logical time."""
        limit = operation.settings.timeout or self._config.timeout
        limit = None if limit == timedelta.max else limit
        reaper = self._reaper_of(operation)
        with self._sessions.lent(operation.session) as session:
            target = self._target_of(operation)
            stages = stages_of(operation, [raw(stage) for stage in operation.pipeline])
            opening = target.aggregate(stages, session=session, **arguments_of(operation.options, limit=limit))
            cursor = await opened(opening, reaper)
        batches = DriverChangeBatches(
            cursor,
            translate=lambda error, deadline: self.translate(error, operation, deadline),
            lent=lambda: self._sessions.lent_on(operation.session),
            reaper=reaper,
            kill=partial(self._kill, operation),
            limit=limit,
        )
        self._open.add(batches)
        return ChangeStreamReply(batches, operation_time_of(cursor))

    def _target_of(self, operation: op.Aggregate | op.Watch) -> AsyncCollection[Any] | AsyncDatabase[Any]:
        if operation.namespace.collection:
            return self._collections.of(operation.namespace, operation.settings)
        return self._collections.database(operation.namespace.database, operation.settings)

    def _kill(self, operation: op.Find | op.Aggregate | op.Watch, number: int) -> Coroutine[Any, Any, None]:
        database = self._collections.database(operation.namespace.database, operation.settings)
        return kill_cursor(database, operation.namespace.collection, number)

    async def _aggregate(self, operation: op.Aggregate, session: AsyncClientSession | None) -> Reply:
        pipeline = [raw(stage) for stage in operation.pipeline]
        given = aggregate_arguments(operation.options)
        target = self._target_of(operation)
        cursor = await opened(target.aggregate(pipeline, session=session, **given), self._reaper_of(operation))
        return self._streamed(cursor, operation, partial(DocumentFrames, batch_size=operation.options.batch_size))

    def _streamed(
        self,
        cursor: DriverCursor,
        operation: op.Find | op.Aggregate,
        kind: Callable[..., CursorFrames],
    ) -> CursorReply:
        def translate(error: BaseException, deadline: Deadline | None) -> MongoError:
            return self.translate(error, operation, deadline)

        def lent() -> AbstractContextManager[object]:
            return self._sessions.lent_on(operation.session)

        kill = partial(self._kill, operation)
        return CursorReply(kind(cursor, translate=translate, lent=lent, reaper=self._reaper_of(operation), kill=kill))

    def _reaper_of(self, operation: op.Find | op.Aggregate | op.Watch) -> Reaper:
        return self._reaper if operation.session is None else self._sessions.reaper(operation.session)

    async def _check_health(self) -> HealthStatus:
        pool = PoolStatus(
            # The check itself is not counted.
            in_use=self._in_use - 1,
            min_size=self._config.min_pool_size,
            max_size=self._config.max_pool_size,
        )
        budget = min(_HEALTH_BUDGET, self._config.server_selection_timeout)
        try:
            return await check_health(self.client, pool=pool, budget=budget)
        except TimeoutError:
            error = f"no answer within {budget.total_seconds():g} s"
        except DRIVER_ERRORS as failure:
            error = str(self.translate(failure, op.CheckHealth()))
        return replace(describe(self.client, pool=pool), healthy=False, error=error)

    def _check_usable(self) -> None:
        if self._closing is not None:
            raise ClientStateError("the client is closed; connect a new one")
        if os.getpid() != self._process:
            raise ClientStateError(
                "the client was made before this process was forked, and its connections belong to the parent; "
                "connect a new client in the child"
            )
        if asyncio.get_running_loop() is not self._loop:
            raise ClientStateError(
                "the client belongs to another event loop; connect one in the loop that uses it "
                "(in tests: give client and test the same loop scope)"
            )
