"""What a change stream survives, and how patiently it tries again."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import (
    ClientStateError,
    HistoryLostError,
    MongoConnectionError,
    MongoError,
    OperationTimeoutError,
    ResumeTokenError,
    TlsError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

RESUMABLE = "ResumableChangeStreamError"
"""The label by which a server says that a stream may go on."""

_NOT_RESUMABLE = "NonResumableChangeStreamError"
_CURSOR_NOT_FOUND = 43
_FATAL = (ClientStateError, TlsError, HistoryLostError, ResumeTokenError)
_FIRST = 0.1
_LONGEST = 5.0


def is_resumable(error: MongoError) -> bool:
    """Tell whether a stream that met `error` may be opened again where it was.

    Besides what the drivers' specification names it is what may be asked again: opening it is a read.
    """
    if isinstance(error, _FATAL) or _NOT_RESUMABLE in error.labels:
        return False
    return (
        isinstance(error, (MongoConnectionError, OperationTimeoutError))
        or error.code == _CURSOR_NOT_FOUND
        or RESUMABLE in error.labels
        or error.is_retryable
    )


def is_too_late(error: MongoError) -> bool:
    """Tell whether a request took longer than it may, which is told. A server's limit is none where it may go on."""
    return isinstance(error, OperationTimeoutError) and RESUMABLE not in error.labels


class Outage:
    """The failures since a stream last went well. The first attempt to go on is made at once, others after pauses.

    Args:
        limit: How long it may last; None is no limit.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 that shortens each pause.
        pause: Waits seconds.
    """

    def __init__(
        self,
        limit: timedelta | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limit = None if limit is None else limit.total_seconds()
        self._clock = clock
        self._jitter = jitter
        self._pause = pause
        self._failures = 0
        self._since = 0.0

    def is_over(self) -> None:
        """The stream goes well."""
        self._failures = 0

    def met(self) -> bool:
        """Count a failure; False where the outage has lasted too long: then it begins anew."""
        if not self._failures:
            self._since = self._clock()
        self._failures += 1
        if self._limit is None or self._clock() - self._since <= self._limit:
            return True
        self._failures = 0
        return False

    async def wait(self) -> None:
        """Wait before the next attempt: 100 ms that double up to 5 s, shortened by chance."""
        if self._failures > 1:
            await self._pause(self._jitter() * min(_FIRST * 2 ** min(self._failures - 2, 10), _LONGEST))
