"""How patiently a transaction is tried again."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How `with_transaction` tries again, by the drivers' convenient-API rules.

    Source: https://github.com/mongodb/specifications/blob/master/source/transactions-convenient-api

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
        # The longest pause is reached at attempt 13; far later the power is no number any more.
        return self.jitter() * min(0.005 * 1.5 ** min(attempt - 1, 20), 0.5)
