"""Sessions and transactions."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import ClientStateError, MongoError, SessionBusyError, TransactionError
from llm_devops_mongodb.options import TransactionOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from types import TracebackType

    from llm_devops_mongodb.collection import Collection
    from llm_devops_mongodb.operations import SessionRef
    from llm_devops_mongodb.options import Filter, Update
    from llm_devops_mongodb.results import DeleteResult, InsertOneResult, UpdateResult
    from llm_devops_mongodb.transport import Transport

T = TypeVar("T")
R = TypeVar("R")

_MAX_TIME_EXPIRED = 50
_UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
_DEFAULT_OPTIONS = TransactionOptions()


class _State(Enum):
    NONE = "no transaction was started"
    ACTIVE = "a transaction is under way"
    COMMITTED = "the transaction was committed"
    ABORTED = "the transaction was aborted"
    ENDED = "the session has ended"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How `with_transaction` tries again, by the drivers' convenient-API rules.

    Attributes:
        limit: No new attempt begins after this long.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 that shortens each pause.
        pause: Waits seconds.
    """

    limit: timedelta = timedelta(seconds=120)
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    def backoff(self, attempt: int) -> float:
        """Seconds to wait before retry number `attempt`, from 1: 5 ms growing by half each time, 500 ms at most."""
        return self.jitter() * min(0.005 * 1.5 ** (attempt - 1), 0.5)


class Session:
    """A server session: what happens in it is causally ordered, and may be one transaction.

    It serves one operation at a time and only the client that made it. Use it as an async context manager, which
    ends it and aborts a transaction that is still open.

    Example:
        ```python
        async with client.start_session() as session, session.transaction():
            await session.insert_one(orders, order)
            await session.update_one(stock, {"_id": item}, {"$inc": {"left": -1}})
        ```
    """

    def __init__(self, transport: Transport, ref: SessionRef, *, retry: RetryPolicy) -> None:
        self._transport = transport
        self._ref = ref
        self._retry = retry
        self._state = _State.NONE

    def __repr__(self) -> str:
        return f"Session({self._ref.number}, {self._state.value})"

    @property
    def in_transaction(self) -> bool:
        """True between the start of a transaction and its commit or abort."""
        return self._state is _State.ACTIVE

    def ref_for(self, transport: Transport) -> SessionRef:
        """Return this session's name for an operation on `transport`.

        Raises:
            TransactionError: The session has ended, or is of another client.
        """
        if self._state is _State.ENDED:
            raise TransactionError("the session has ended; start a new one")
        if transport is not self._transport:
            raise TransactionError("the session is of another client; start one from the client that uses it")
        return self._ref

    async def start_transaction(self, options: TransactionOptions | None = None) -> None:
        """Begin a transaction; every operation of the session is part of it until commit or abort.

        Raises:
            TransactionError: One is under way: MongoDB has no nested transactions.
        """
        reference = self.ref_for(self._transport)
        if self.in_transaction:
            raise TransactionError("a transaction is under way in this session; MongoDB has no nested transactions")
        await self._transport.handle(op.StartTransaction(reference, options or _DEFAULT_OPTIONS))
        self._state = _State.ACTIVE

    async def commit(self) -> None:
        """Commit the transaction. After an error whose outcome is unknown it may be called again.

        Raises:
            TransactionError: There is none to commit.
            CommitError: The commit failed, or its outcome is unknown.
        """
        reference = self.ref_for(self._transport)
        if self._state not in {_State.ACTIVE, _State.COMMITTED}:
            raise TransactionError(f"there is nothing to commit: {self._state.value}")
        await self._leave(_State.COMMITTED, op.CommitTransaction(reference))

    async def abort(self) -> None:
        """Abort the transaction: none of its writes happened.

        Raises:
            TransactionError: There is none to abort.
        """
        reference = self.ref_for(self._transport)
        if not self.in_transaction:
            raise TransactionError(f"there is nothing to abort: {self._state.value}")
        await self._leave(_State.ABORTED, op.AbortTransaction(reference))

    async def _leave(self, state: _State, operation: op.CommitTransaction | op.AbortTransaction) -> None:
        """Send the end of the transaction. It is over whatever comes back, unless nothing was sent."""
        before, self._state = self._state, state
        try:
            await self._transport.handle(operation)
        except SessionBusyError:
            self._state = before
            raise

    @asynccontextmanager
    async def transaction(self, options: TransactionOptions | None = None) -> AsyncGenerator[Self]:
        """Run a block as one transaction: committed at its end, aborted if it raises or is cancelled."""
        await self.start_transaction(options)
        try:
            yield self
        except BaseException:
            await self._abort_if_open()
            raise
        if self.in_transaction:
            await self.commit()

    async def with_transaction(
        self, callback: Callable[[Session], Awaitable[R]], options: TransactionOptions | None = None
    ) -> R:
        """Run `callback` in a transaction, again and again while the server says that another try may succeed.

        The callback must be safe to run more than once. Rules: the drivers' convenient transactions API.

        Args:
            callback: Gets this session; its errors end the attempt and are raised unless they are transient.
            options: The transaction's options.

        Returns:
            What the callback returned on the attempt that was committed.
        """
        deadline = self._retry.clock() + self._retry.limit.total_seconds()
        attempt = 0
        while True:
            attempt += 1
            await self.start_transaction(options)
            try:
                result = await callback(self)
                if self.in_transaction:
                    await self._commit_until(deadline)
            except MongoError as error:
                await self._abort_if_open()
                pause = self._retry.backoff(attempt)
                if not error.is_transient or self._retry.clock() + pause >= deadline:
                    raise
            except BaseException:
                await self._abort_if_open()
                raise
            else:
                return result
            await self._retry.pause(pause)

    async def insert_one(self, collection: Collection[T], document: T) -> InsertOneResult:
        """Insert one document as part of this session."""
        return await collection.insert_one(document, session=self)

    async def find_one(self, collection: Collection[T], filter: Filter | None = None) -> T | None:
        """Find one document as part of this session."""
        return await collection.find_one(filter, session=self)

    async def update_one(self, collection: Collection[Any], filter: Filter, update: Update) -> UpdateResult:
        """Change one document as part of this session."""
        return await collection.update_one(filter, update, session=self)

    async def delete_one(self, collection: Collection[Any], filter: Filter) -> DeleteResult:
        """Delete one document as part of this session."""
        return await collection.delete_one(filter, session=self)

    async def end(self) -> None:
        """End the session; a transaction that is open is aborted. May be called again."""
        if self._state is _State.ENDED:
            return
        self._state = _State.ENDED
        # A client that is closed has ended its sessions.
        with suppress(ClientStateError):
            await self._transport.handle(op.EndSession(self._ref))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.ensure_future(self.end()))

    async def _commit_until(self, deadline: float) -> None:
        while True:
            try:
                await self.commit()
            except MongoError as error:
                again = _UNKNOWN_COMMIT in error.labels and error.code != _MAX_TIME_EXPIRED
                if not again or self._retry.clock() >= deadline:
                    raise
            else:
                return

    async def _abort_if_open(self) -> None:
        """Abort on the server, whoever is cancelled meanwhile; a failing abort leaves it to the server's limit.

        Where another operation of the session is still under way the session is ended, so that nothing later is taken
        for part of a transaction that will not be committed.
        """
        if not self.in_transaction:
            return
        aborting = asyncio.ensure_future(self.abort())
        try:
            await asyncio.shield(aborting)
        except SessionBusyError:
            await asyncio.shield(asyncio.ensure_future(self.end()))
        except MongoError:
            self._state = _State.ABORTED
