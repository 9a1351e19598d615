"""A transaction, tried until it is committed, until another try is of no use, or until the time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from llm_devops_mongodb.errors import MAY_HAVE_BEEN_APPLIED, CommitError, MongoError, OperationTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llm_devops_mongodb.session.retry_policy import RetryPolicy
    from llm_devops_mongodb.session.session import Session

R = TypeVar("R")

_MAX_TIME_EXPIRED = 50
_UNKNOWN_COMMIT = "UnknownTransactionCommitResult"


class Attempts:
    """The time that all attempts of one transaction have together.

    Args:
        policy: The patience.
        timeout: The operation's own limit, which shortens the policy's; None is none.
    """

    def __init__(self, policy: RetryPolicy, timeout: timedelta | None) -> None:
        self._policy = policy
        self._timeout = timeout
        self._began = policy.clock()
        limit = policy.limit if timeout is None else min(policy.limit, timeout)
        self._deadline = self._began + limit.total_seconds()
        self._number = 0

    @property
    def remaining(self) -> timedelta | None:
        """What is left of the operation's own limit; None without one.

        Raises:
            OperationTimeoutError: Nothing is left.
        """
        if self._timeout is None:
            return None
        left = self._timeout - timedelta(seconds=self._policy.clock() - self._began)
        if left <= timedelta():
            raise OperationTimeoutError(
                f"the transaction was not committed within {self._timeout.total_seconds():g} s",
                timeout=self._timeout,
                outcome="not_applied",
            )
        return left

    def may_commit_again(self, error: MongoError) -> bool:
        """Tell whether the commit alone should be sent again: its outcome is unknown, and there is time."""
        is_unknown = _UNKNOWN_COMMIT in error.labels and error.code != _MAX_TIME_EXPIRED
        return is_unknown and self._policy.clock() < self._deadline

    async def next_after(self, error: MongoError) -> bool:
        """Wait for the next attempt; False, at once, where there should be none after `error`."""
        self._number += 1
        pause = self._policy.backoff(self._number)
        if not error.is_transient or self._policy.clock() + pause >= self._deadline:
            return False
        await self._policy.pause(pause)
        return True


async def committed(
    session: Session,
    callback: Callable[[Session], Awaitable[R]],
    *,
    begin: Callable[[timedelta | None], Awaitable[None]],
    clean_up: Callable[[], Awaitable[None]],
    attempts: Attempts,
) -> R:
    """Run `callback` in a transaction of `session` until one attempt is committed; return what it returned then.

    Args:
        session: Where the transaction takes place.
        callback: The work; it may end its transaction by itself.
        begin: Starts an attempt's transaction within what time is left.
        clean_up: Aborts it, if it is open.
        attempts: When to stop.
    """
    while True:
        await begin(attempts.remaining)
        try:
            result = await callback(session)
            if session.in_transaction:
                await _commit(session, attempts)
        except MongoError as error:
            await clean_up()
            if not await attempts.next_after(error):
                _tell_undone(error)
                raise
        except BaseException:
            await clean_up()
            raise
        else:
            return result


def _tell_undone(error: MongoError) -> None:
    """Of an operation of the transaction: it was undone with it. Only such an error is called transient."""
    if error.is_transient and not isinstance(error, CommitError):
        error.outcome = "not_applied"
        error.message = error.message.replace(MAY_HAVE_BEEN_APPLIED, "")
        error.args = (error.message,)


async def _commit(session: Session, attempts: Attempts) -> None:
    while True:
        try:
            await session.commit()
        except MongoError as error:
            if not attempts.may_commit_again(error):
                raise
        else:
            return
