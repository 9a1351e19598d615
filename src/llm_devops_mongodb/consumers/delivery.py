"""How an event is handled and passed: before its place is stored, or in one transaction with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from llm_devops_mongodb.consumers.handling import is_outage
from llm_devops_mongodb.errors import TransactionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llm_devops_mongodb.change_streams import ChangeEvent
    from llm_devops_mongodb.consumers.handling import Attempts
    from llm_devops_mongodb.consumers.progress import Progress
    from llm_devops_mongodb.session import Session


class Delivery(Protocol):
    """Handles one event."""

    async def handle(self, event: ChangeEvent[Any]) -> None:
        """Handle `event`, or put it aside.

        Raises:
            HandlerError: It could not be handled, and the consumer is to stop.
        """
        ...

    async def aclose(self) -> None:
        """Free what it holds."""
        ...


class AtLeastOnce:
    """Handles an event; that it was is stored later, so that it may be handled again after a failure."""

    def __init__(self, handler: Callable[[ChangeEvent[Any]], Awaitable[None]], attempts: Attempts) -> None:
        self._handler = handler
        self._attempts = attempts

    async def handle(self, event: ChangeEvent[Any]) -> None:
        """Handle `event`, or put it aside."""
        error = await self._attempts.make(self._handler, event)
        if error is not None:
            await self._attempts.give_up(event, error)
            self._attempts.gave_up(event, error)

    async def aclose(self) -> None:
        """It holds nothing."""


class _HandlerFailed(Exception):  # noqa: N818 - it only carries another
    """Carries a handler's error out of a transaction, which is not to be run again for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class ExactlyOnce:
    """Handles an event in a transaction that also stores that it was: both are there, or neither."""

    def __init__(
        self,
        handler: Callable[[ChangeEvent[Any], Session], Awaitable[None]],
        attempts: Attempts,
        progress: Progress,
        new_session: Callable[[], Awaitable[Session]],
    ) -> None:
        """Make the delivery.

        Args:
            handler: Is given events, and the session of their transaction.
            attempts: Gives an event to it as often as it takes.
            progress: Stores the place.
            new_session: Makes a session, for one transaction after the other.
        """
        self._handler = handler
        self._attempts = attempts
        self._progress = progress
        self._new_session = new_session
        self._session: Session | None = None

    async def aclose(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.end()

    async def handle(self, event: ChangeEvent[Any]) -> None:
        """Handle `event` and store it, or put it aside and store that."""
        error = await self._attempts.make(self._commit, event)
        if error is None:
            return
        given_up = error

        async def put_aside(event: ChangeEvent[Any], session: Session) -> None:
            await self._attempts.give_up(event, given_up, session=session)

        await self._transact(event, put_aside)
        self._attempts.gave_up(event, given_up)

    async def _commit(self, event: ChangeEvent[Any]) -> None:
        async def handled(event: ChangeEvent[Any], session: Session) -> None:
            try:
                await self._handler(event, session)
                await _check_whole(session)
            except Exception as error:
                if is_outage(error):
                    # The transaction may be run again for it.
                    raise
                raise _HandlerFailed(error) from error

        try:
            await self._transact(event, handled)
        except _HandlerFailed as failure:
            raise failure.error from failure.error.__cause__

    async def _transact(
        self, event: ChangeEvent[Any], effect: Callable[[ChangeEvent[Any], Session], Awaitable[None]]
    ) -> None:
        checkpoint = self._progress.after(event)

        async def both(session: Session) -> None:
            await effect(event, session)
            await self._progress.store_within(session, checkpoint)

        if self._session is None:
            self._session = await self._new_session()
        try:
            await self._session.with_transaction(both)
        except BaseException:
            # What became of it may be unknown, and the next transaction is not to be the same session's then.
            await self.aclose()
            raise
        self._progress.committed(checkpoint)


async def _check_whole(session: Session) -> None:
    """Refuse to store a place with half of an effect, or with that of a transaction that is over.

    Raises:
        TransactionError: The handler ended the transaction, or went on after an operation had failed in it.
    """
    if not session.in_transaction:
        raise TransactionError("the handler ended the transaction, which is the consumer's to commit")
    if await session.has_failed():
        raise TransactionError(
            "an operation failed in the transaction, and the handler went on; let it raise: no part of it may stand"
        )
