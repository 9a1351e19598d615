"""The live sessions behind the session values in operations."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, assert_never

import pymongo
from pymongo.errors import PyMongoError

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import SessionBusyError, TransactionError
from llm_devops_mongodb.transports.driver.arguments import milliseconds
from llm_devops_mongodb.transports.driver.cursors import Reaper
from llm_devops_mongodb.transports.driver.deadlines import Deadline

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from types import TracebackType

    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.client_session import AsyncClientSession

    from llm_devops_mongodb.operations import SessionOperation, SessionRef
    from llm_devops_mongodb.options import TransactionOptions
    from llm_devops_mongodb.transports.driver.concerns import Concerns


_GRACE = 1.0
_KILL_LIMIT = 5.0


class _Loan:
    """A session that one operation has for a block. A class, for half the cost of a generator."""

    __slots__ = ("_busy", "_failed", "_ref", "_session")

    def __init__(
        self, session: AsyncClientSession, ref: SessionRef, busy: set[SessionRef], failed: set[SessionRef]
    ) -> None:
        self._session = session
        self._ref = ref
        self._busy = busy
        self._failed = failed

    def __enter__(self) -> AsyncClientSession:
        if self._ref in self._busy:
            raise SessionBusyError("two operations at once in one session; await the first, or use two sessions")
        self._busy.add(self._ref)
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._busy.discard(self._ref)
        if error is not None and self._session.in_transaction:
            self._failed.add(self._ref)


_NO_LOAN: AbstractContextManager[None] = nullcontext()


class LiveSessions:
    """Each session is begun when it is first used, and lent to one operation at a time.

    The driver leaves two operations at once in one session to chance; the server's sessions allow one.
    """

    def __init__(self, client: AsyncMongoClient[Any], concerns: Concerns) -> None:
        self._client = client
        self._concerns = concerns
        self._live: dict[SessionRef, AsyncClientSession] = {}
        self._busy: set[SessionRef] = set()
        self._reapers: dict[SessionRef, Reaper] = {}
        self._deadlines: dict[SessionRef, Deadline] = {}
        self._doubtful: set[SessionRef] = set()
        self._failed: set[SessionRef] = set()
        self._background = Reaper()

    def lent(self, ref: SessionRef | None) -> AbstractContextManager[AsyncClientSession | None]:
        """Lend the live session of `ref` to one operation for a block; None lends none.

        Entering it raises `SessionBusyError` where another operation has the session.
        """
        return _NO_LOAN if ref is None else self._loan_of(ref)

    def lent_on(self, ref: SessionRef | None) -> AbstractContextManager[AsyncClientSession | None]:
        """Lend the session to a stream that was opened in it.

        Raises:
            TransactionError: It has ended.
        """
        if ref is not None and ref not in self._live:
            raise TransactionError("the session of the stream has ended")
        return self.lent(ref)

    def deadline_of(self, ref: SessionRef | None) -> Deadline | None:
        """Return the deadline of the transaction under way in a session, where it has one."""
        return None if ref is None else self._deadlines.get(ref)

    def has_failed(self, ref: SessionRef) -> bool:
        """Tell whether an operation failed, or was cancelled, since the transaction of a session was started."""
        return ref in self._failed

    def reaper(self, ref: SessionRef) -> Reaper:
        """Return what finishes the abandoned reads of a session before it ends."""
        return self._reapers.setdefault(ref, Reaper())

    async def handle(self, operation: SessionOperation) -> None:
        """Begin, commit or abort a transaction, or end a session."""
        if isinstance(operation, op.EndSession):
            await self._end(operation.session)
            return
        ref = operation.session
        with self._loan_of(ref) as session:
            match operation:
                case op.StartTransaction(options=options, timeout=timeout):
                    await self._start_transaction(session, options)
                    self._begin(ref, timeout)
                case op.CommitTransaction():
                    await self._commit(ref, session)
                case op.AbortTransaction():
                    self._deadlines.pop(ref, None)
                    await session.abort_transaction()
                case _:
                    assert_never(operation)

    def _begin(self, ref: SessionRef, timeout: timedelta | None) -> None:
        self._doubtful.discard(ref)
        self._failed.discard(ref)
        self._deadlines.pop(ref, None)
        if timeout is not None:
            self._deadlines[ref] = Deadline(timeout)

    async def _commit(self, ref: SessionRef, session: AsyncClientSession) -> None:
        """Commit. While that has not succeeded, by error or cancellation, the transaction may still be open."""
        self._doubtful.add(ref)
        await session.commit_transaction()
        self._doubtful.discard(ref)
        self._deadlines.pop(ref, None)

    async def _start_transaction(self, session: AsyncClientSession, options: TransactionOptions) -> None:
        longest = options.max_commit_time
        await session.start_transaction(
            read_concern=self._concerns.read_concern(options.read_concern),
            write_concern=self._concerns.write_concern(options.write_concern),
            read_preference=self._concerns.read_preference(options.read_preference),
            max_commit_time_ms=None if longest is None else milliseconds(longest),
        )

    async def _end(self, ref: SessionRef) -> None:
        session = self._live.pop(ref, None)
        self._failed.discard(ref)
        reaper = self._reapers.pop(ref, None)
        self._deadlines.pop(ref, None)
        try:
            if reaper is not None:
                # The driver closes no cursor in a session that has ended.
                await reaper.aclose(grace=_GRACE)
        finally:
            if session is not None:
                await self._let_go(ref, session)

    async def _let_go(self, ref: SessionRef, session: AsyncClientSession) -> None:
        if ref in self._doubtful:
            self._doubtful.discard(ref)
            self._background.adopt(self._kill(session))
        else:
            await session.end_session()

    async def _kill(self, session: AsyncClientSession) -> None:
        """Have the server let go of a transaction whose commit failed: its locks would last for a minute.

        Where the commit did happen there is nothing left to let go of. The driver allows no abort after a commit.
        """
        try:
            with suppress(PyMongoError), pymongo.timeout(_KILL_LIMIT):
                # Not in the session: it goes to the primary, where its transaction is.
                await self._client.admin.command("killSessions", [session.session_id])
        finally:
            await session.end_session()

    async def aclose(self) -> None:
        """End every session."""
        for ref in tuple(self._live):
            await self._end(ref)
        await self._background.aclose(grace=_GRACE)

    def _loan_of(self, ref: SessionRef) -> _Loan:
        session = self._of(ref)
        if ref.attempt > 1:
            _set_back(session)
        return _Loan(session, ref, self._busy, self._failed)

    def _of(self, ref: SessionRef) -> AsyncClientSession:
        session = self._live.get(ref)
        if session is None:
            session = self._client.start_session(causal_consistency=ref.causal_consistency, snapshot=ref.snapshot)
            self._live[ref] = session
        return session


def _set_back(session: AsyncClientSession) -> None:
    """Have the next write of a session carry the number of the one before: to the server it is the same write.

    The driver counts up before it sends, and has no public way to send a write once more. A session that has sent
    nothing has no number yet.
    """
    numbered: Any = session._server_session  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    # Told by what it has: where its class is differs between versions of the driver.
    if hasattr(numbered, "session_id"):
        numbered._transaction_id -= 1  # noqa: SLF001
