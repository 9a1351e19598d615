"""Sharing partitions out among processes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import MongoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from llm_devops_mongodb.consumers.checkpoint_store import LeasedCheckpointStore
    from llm_devops_mongodb.consumers.partition import Partition

_OF_DURATION = 3
_LEAVE_SECONDS = 2.0


class Shares:
    """How many partitions this process may have, by how many processes there are.

    Args:
        store: Knows the processes.
        group: The consumer's name.
        owner: What this process is called.
        duration: How long a process counts that says nothing more.
        partitions: All of them.
    """

    def __init__(
        self,
        store: LeasedCheckpointStore,
        group: str,
        *,
        owner: str,
        duration: timedelta,
        partitions: Sequence[Partition],
    ) -> None:
        self._store = store
        self._group = group
        self._owner = owner
        self._duration = duration
        self._partitions = partitions
        self._share = len(partitions)
        self._held: list[Partition] = []

    def take(self, partition: Partition) -> bool:
        """Count `partition` as had, if there is room for it."""
        if len(self._held) >= self._share:
            return False
        self._held.append(partition)
        return True

    def give_back(self, partition: Partition) -> None:
        """Count it as had no more."""
        with suppress(ValueError):
            self._held.remove(partition)

    async def keep(self) -> None:
        """Say again and again that this process is there, and have partitions stop that are another's share."""
        seconds = self._duration.total_seconds() / _OF_DURATION
        try:
            while True:
                with suppress(MongoError):
                    await self.count()
                await asyncio.sleep(seconds)
        finally:
            with suppress(MongoError, TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._store.leave(self._group, owner=self._owner)

    async def count(self) -> None:
        """Find out the share of this process."""
        owners = list(await self._store.join(self._group, owner=self._owner, duration=self._duration))
        place = owners.index(self._owner) if self._owner in owners else len(owners)
        each, rest = divmod(len(self._partitions), max(len(owners), 1))
        self._share = each + (place < rest)
        for partition in self._held[self._share :]:
            partition.stop()
