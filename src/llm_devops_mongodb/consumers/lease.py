"""Holding a lease while a partition is at work."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from llm_devops_mongodb.consumers.errors import LeaseLostError
from llm_devops_mongodb.errors import MongoError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta
    from typing import Any

    from llm_devops_mongodb.consumers.checkpoint_store import LeasedCheckpointStore

R = TypeVar("R")

_OF_DURATION = 3
"""A lease is renewed so often while it lasts, and one that is another's is tried for as often."""

_RELEASE_SECONDS = 2.0


class Lease:
    """The lease of one partition.

    It is thought lost before the server thinks so: by the local clock, from when a renewal was asked for.

    Args:
        store: Gives the leases.
        name: The partition's name.
        owner: What this process is called.
        duration: How long a lease lasts that is not renewed.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 that shortens pauses, so that processes do not come at once.

    Attributes:
        fence: The fence while it is held.
    """

    def __init__(
        self,
        store: LeasedCheckpointStore,
        name: str,
        *,
        owner: str,
        duration: timedelta,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._duration = duration
        self._seconds = duration.total_seconds()
        self._clock = clock
        self._jitter = jitter
        self._held_until = 0.0
        self.fence: int = 0

    async def try_acquire(self) -> bool:
        """Take it, if it is free."""
        asked = self._clock()
        fence = await self._store.acquire(self._name, owner=self._owner, duration=self._duration)
        if fence is None:
            return False
        self.fence = fence
        self._held_until = asked + self._seconds
        return True

    def pause(self) -> float:
        """Seconds to wait before trying again."""
        return self._seconds / _OF_DURATION * (0.5 + self._jitter() / 2)

    async def while_held(self, work: Coroutine[Any, Any, R], *, leave: Callable[[], None]) -> R:
        """Do `work` while the lease is renewed, and give it up after.

        Args:
            work: What is to be done.
            leave: Asks the work to end, which may go on for a while after it was cancelled.

        Raises:
            LeaseLostError: It was lost, and the work was cancelled.
        """
        working = asyncio.ensure_future(work)
        renewing = asyncio.ensure_future(self._renewed())
        try:
            await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise LeaseLostError(f"the lease of {self._name!r} was lost; another process may have taken over")
        finally:
            if not working.done():
                leave()
            # To its end, whoever is cancelled again meanwhile: a lease that is not given up may be one that lasts.
            ending = asyncio.create_task(self._ended(working, renewing))
            await asyncio.wait((ending,))

    async def _ended(self, *tasks: asyncio.Future[Any]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._release()

    async def _renewed(self) -> None:
        """Renew it again and again; return once it is lost."""
        while self._clock() < self._held_until:
            await asyncio.sleep(self._seconds / _OF_DURATION)
            asked = self._clock()
            try:
                async with asyncio.timeout(max(self._held_until - asked, 0)):
                    is_held = await self._store.renew(
                        self._name, owner=self._owner, fence=self.fence, duration=self._duration
                    )
            except (MongoError, TimeoutError):
                continue
            if not is_held:
                return
            self._held_until = asked + self._seconds

    async def _release(self) -> None:
        with suppress(MongoError, TimeoutError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._store.release(self._name, owner=self._owner, fence=self.fence)
