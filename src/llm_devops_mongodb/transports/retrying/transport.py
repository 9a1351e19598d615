"""A transport that asks another again."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, stop_before_delay, wait_exponential, wait_random

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.durations import TimeLeft
from llm_devops_mongodb.errors import ClientStateError
from llm_devops_mongodb.transports.retrying.frames import opened
from llm_devops_mongodb.transports.retrying.safety import is_repeatable, is_safe_after, may_be_asked_again

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from llm_devops_mongodb.config import RetryConfig
    from llm_devops_mongodb.operations import Operation, SessionRef
    from llm_devops_mongodb.replies import Reply
    from llm_devops_mongodb.transport import Transport


class RetryingTransport:
    """Asks `inner` again after a failure that a little patience may mend.

    Only what is safe to repeat is repeated, and nothing inside a transaction. A write of one document is sent again
    under its number, so that the server does it once. A stream is opened again, never read
    again. The limit of the operation holds for all attempts and pauses together.

    Args:
        inner: Answers operations.
        config: How often, and with what pauses.
        timeout: The limit of an operation that has none of its own.
        pause: Waits seconds.
    """

    def __init__(
        self,
        inner: Transport,
        config: RetryConfig,
        *,
        timeout: timedelta | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._timeout = timeout
        self._in_transaction: set[SessionRef] = set()
        self._often_enough = stop_after_attempt(config.max_attempts)
        self._pause = pause
        # A client counts its callers' sessions up from 1.
        self._numbers = itertools.count(-1, -1)
        delay, longest = config.initial_delay.total_seconds(), config.max_delay.total_seconds()
        self._backoff = wait_exponential(multiplier=delay, max=longest) + wait_random(0, delay)

    async def handle(self, operation: Operation) -> Reply:
        """Ask `inner`, and again where that is safe."""
        self._follow(operation)
        session: SessionRef | None = getattr(operation, "session", None)
        if not may_be_asked_again(operation) or session in self._in_transaction:
            return await self._inner.handle(operation)
        if not is_repeatable(operation):
            return await self._asked(operation)
        return await self._repeated(operation)

    async def _repeated(self, operation: Operation) -> Reply:
        """Ask for a write in a session of its own, which keeps its number."""
        session = op.SessionRef(next(self._numbers), causal_consistency=False)
        try:
            return await self._asked(operation, session)
        finally:
            # A client that is closed meanwhile lets the write finish, and ends its session itself.
            with suppress(ClientStateError):
                await self._inner.handle(op.EndSession(session))

    async def aclose(self) -> None:
        """Close `inner`."""
        await self._inner.aclose()

    async def _asked(self, operation: Any, session: SessionRef | None = None) -> Reply:
        limit: timedelta | None = operation.settings.timeout or self._timeout
        left = TimeLeft(limit)
        asked = operation

        def is_safe(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return error is not None and is_safe_after(asked, error)

        async for trial in AsyncRetrying(
            stop=self._often_enough if limit is None else self._often_enough | stop_before_delay(limit),
            wait=self._backoff,
            retry=is_safe,
            sleep=self._pause,
            reraise=True,
        ):
            with trial:
                if session is not None:
                    operation = replace(operation, session=replace(session, attempt=trial.retry_state.attempt_number))
                limited = replace(operation, settings=operation.settings.within(left()))
                return await opened(await self._inner.handle(limited))
        raise AssertionError("the last attempt returns or raises")

    def _follow(self, operation: Operation) -> None:
        match operation:
            case op.StartTransaction(session=session):
                self._in_transaction.add(session)
            case op.CommitTransaction(session=session) | op.AbortTransaction(session=session):
                self._in_transaction.discard(session)
            case op.EndSession(session=session):
                self._in_transaction.discard(session)
            case _:
                pass
