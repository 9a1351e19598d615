"""A session, and the transaction that may be under way in it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import (
    ClientStateError,
    MongoError,
    OperationTimeoutError,
    SessionBusyError,
    TransactionError,
)
from llm_devops_mongodb.options import TransactionOptions, checked_timeout
from llm_devops_mongodb.replies import SessionReply
from llm_devops_mongodb.session.attempts import Attempts, committed
from llm_devops_mongodb.session.retry_policy import RetryPolicy
from llm_devops_mongodb.transport import expect

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

_STANDARD: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
_DEFAULTS = TransactionOptions()
_POLICY = RetryPolicy()
_PATIENCE = timedelta(milliseconds=500)
"""How long a caller waits for such an abort; after that it goes on behind."""

_CLEAN_UP_LIMIT = timedelta(seconds=5)
"""How long an abort may take that nobody asked for. A server that does not answer aborts by itself, after a minute."""


class _State(Enum):
    NONE = "no transaction started"
    ACTIVE = "a transaction is under way"
    COMMITTED = "the transaction was committed"
    ABORTED = "the transaction was aborted"
    ENDED = "the session has ended"


# In the drivers' words, by which people search.
_MISUSES = {
    ("commitTransaction", _State.ABORTED): "cannot call commitTransaction after calling abortTransaction",
    ("abortTransaction", _State.ABORTED): "cannot call abortTransaction twice",
    ("abortTransaction", _State.COMMITTED): "cannot call abortTransaction after calling commitTransaction",
}


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

    def __init__(
        self,
        transport: Transport,
        ref: SessionRef,
        *,
        retry: RetryPolicy = _POLICY,
        timeout: timedelta | None = None,
        default_transaction_options: TransactionOptions | None = None,
    ) -> None:
        """Make a session on a transport; `MongoClient.start_session` makes one of a client.

        Args:
            transport: Where its operations go.
            ref: Its name there.
            retry: How patiently a transaction is tried again.
            timeout: The limit of `with_transaction` where it is given none; None is none beside `retry.limit`.
            default_transaction_options: Options of transactions that do not give their own.
        """
        self._transport = transport
        self._ref = ref
        self._retry = retry
        self._timeout = timeout
        self._defaults = default_transaction_options or _DEFAULTS
        self._state = _State.NONE
        self._cleaning: asyncio.Task[None] | None = None
        self._is_left = False

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

    async def identify(self) -> dict[str, Any]:
        """Return what the server calls the session, as `killSessions` takes it: `{"id": UUID}`.

        Whoever knows it can end the transactions of a process that is gone.
        """
        reply = expect(await self._transport.handle(op.IdentifySession(self._ref)), SessionReply)
        return bson.decode(reply.id, _STANDARD)  # pyright: ignore[reportUnknownMemberType]  # bson's own annotation

    async def has_failed(self) -> bool:
        """Tell whether an operation failed, or was cancelled, since the transaction was started.

        Where its error was caught, the transaction may hold a part of what it was to hold, or be aborted by the server.
        """
        return expect(await self._transport.handle(op.IdentifySession(self._ref)), SessionReply).has_failed

    async def start_transaction(self, options: TransactionOptions | None = None) -> None:
        """Begin a transaction; every operation of the session is part of it until commit or abort.

        Args:
            options: The transaction's options; what is None is the session's, then the client's.

        Raises:
            TransactionError: One is under way: MongoDB has no nested transactions. Or the session reads a snapshot.
        """
        await self._start(options or _DEFAULTS)

    async def commit(self, *, timeout: timedelta | None = None) -> None:
        """Commit the transaction. After an error whose outcome is unknown it may be called again.

        Args:
            timeout: How long it may take, the driver's retry included; None takes the configuration's.

        Raises:
            TransactionError: There is none to commit.
            CommitError: The commit failed, or its outcome is unknown.
        """
        if self._state not in {_State.ACTIVE, _State.COMMITTED}:
            raise self._misuse("commitTransaction")
        await self._leave(_State.COMMITTED, op.CommitTransaction(self._ref, checked_timeout(timeout)))

    async def abort(self, *, timeout: timedelta | None = None) -> None:
        """Abort the transaction: none of its writes happened.

        Args:
            timeout: How long it may take, the driver's retry included; None takes the configuration's.

        Raises:
            TransactionError: There is none to abort.
        """
        if not self.in_transaction:
            raise self._misuse("abortTransaction")
        await self._leave(_State.ABORTED, op.AbortTransaction(self._ref, checked_timeout(timeout)))

    @asynccontextmanager
    async def transaction(self, options: TransactionOptions | None = None) -> AsyncGenerator[Self]:
        """Run a block as one transaction: committed at its end, aborted if it raises or is cancelled.

        Args:
            options: See `start_transaction`.
        """
        await self.start_transaction(options)
        try:
            yield self
        except BaseException:
            await self._clean_up()
            raise
        if self.in_transaction:
            try:
                await self.commit()
            except BaseException:
                await self._clean_up()
                raise

    async def with_transaction(
        self,
        callback: Callable[[Session], Awaitable[R]],
        options: TransactionOptions | None = None,
        *,
        timeout: timedelta | None = None,
    ) -> R:
        """Run `callback` in a transaction, again and again while the server says that another try may succeed.

        The callback must be safe to run more than once. Its operations must be given this session. After an error
        that the server calls transient the whole is run again, after a commit whose outcome is unknown the commit
        alone; between two runs is a pause that grows. Rules: the drivers' convenient transactions API.

        Args:
            callback: Gets this session; its errors end the attempt and are raised unless they are transient.
            options: See `start_transaction`.
            timeout: How long all attempts may take together, and so each operation in them; None takes the
                configuration's. No attempt begins after `transaction_retry_limit` in any case.

        Returns:
            What the callback returned on the attempt that was committed.

        Raises:
            TransactionError: See `start_transaction`.
            CommitError: The commit failed; where its `outcome` is `"unknown"` it may have happened.
            OperationTimeoutError: The time is over, and nothing was committed.
            MongoError: The callback's own, once another try is of no use.
        """
        attempts = Attempts(self._retry, self._timeout if checked_timeout(timeout) is None else timeout)
        begin = partial(self._start, options or _DEFAULTS)
        return await committed(self, callback, begin=begin, clean_up=self._clean_up, attempts=attempts)

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
        self._is_left = True
        if await self._cleaned():
            await self._end()

    async def _clean_up(self) -> None:
        """Abort the transaction if one is open, to its end even if the caller is cancelled meanwhile.

        A failing abort leaves it to the server's own limit. Where another operation of the session is still under way
        the session is ended, so that nothing later is taken for part of a transaction that will not be committed.
        """
        if self.in_transaction:
            self._cleaning = asyncio.create_task(self._abort_quietly())
            await self._cleaned()

    async def _cleaned(self, patience: timedelta = _PATIENCE) -> bool:
        """Wait for an abort under way, but not for long: a server that does not answer must hold nobody up."""
        if self._cleaning is None:
            return True
        # Not a shield: from Python 3.14 it reports the failure of what it shielded.
        await asyncio.wait((self._cleaning,), timeout=patience.total_seconds())
        return self._cleaning.done()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.in_transaction or self._cleaning is not None:
            await asyncio.shield(asyncio.ensure_future(self.end()))
        else:
            # Nothing is sent, so nothing can be cut short by a cancellation.
            await self._end()

    async def _start(self, options: TransactionOptions, timeout: timedelta | None = None) -> None:
        reference = self.ref_for(self._transport)
        # The abort before it has a limit, and must be over first.
        if not await self._cleaned(min(timeout or _CLEAN_UP_LIMIT, _CLEAN_UP_LIMIT) + _PATIENCE):
            raise SessionBusyError("the transaction before is still being aborted; use another session")
        if self.in_transaction:
            raise TransactionError("a transaction is under way in this session; MongoDB has no nested transactions")
        if reference.snapshot:
            raise TransactionError(
                "transactions are not supported in snapshot sessions; read with read_concern=snapshot in a transaction"
            )
        chosen = self._defaults.but(options)
        await self._transport.handle(op.StartTransaction(reference, chosen, timeout))
        self._state = _State.ACTIVE

    async def _leave(self, state: _State, operation: op.CommitTransaction | op.AbortTransaction) -> None:
        """Send the end of the transaction. It is over whatever comes back, unless nothing was sent."""
        before, self._state = self._state, state
        try:
            await self._transport.handle(operation)
        except (SessionBusyError, OperationTimeoutError) as error:
            if error.outcome != "unknown":
                self._state = before
            raise

    async def _abort_quietly(self) -> None:
        try:
            await self.abort(timeout=_CLEAN_UP_LIMIT)
        except SessionBusyError:
            await self._end()
        except MongoError:
            self._state = _State.ABORTED
        if self._is_left:
            await self._end()

    async def _end(self) -> None:
        if self._state is _State.ENDED:
            return
        self._state = _State.ENDED
        # A client that is closed has ended its sessions.
        with suppress(ClientStateError):
            await self._transport.handle(op.EndSession(self._ref))

    def _misuse(self, command: str) -> TransactionError:
        if self._state is _State.ENDED:
            return TransactionError("the session has ended; start a new one")
        return TransactionError(_MISUSES.get((command, self._state), f"nothing to do: {self._state.value}"))
