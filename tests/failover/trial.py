"""Work that goes on while the primary fails again and again, and how long it stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.faults import Fault, befallen

Step = Callable[[], Awaitable[bool]]
"""Does one piece of work, and tells whether it succeeded."""

_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.02
_AFTER_A_FAILURE_SECONDS = 0.01
# A worker's first success after a fault may be of a piece of work that was done before it.
_STEADY = 3


@dataclass(frozen=True, slots=True)
class Standstill:
    """How long nothing succeeded around one fault, in seconds.

    Attributes:
        fault: What befell the primary.
        of_all: Of all workers: none of them succeeded.
        of_one: Of the one worker that stood still for longest.
    """

    fault: Fault
    of_all: float
    of_one: float

    def __str__(self) -> str:
        return f"{self.fault} {self.of_all:.2f} s (one worker {self.of_one:.2f} s)"


class Trial:
    """Workers that repeat their steps, beside the faults that befall the primary.

    Args:
        server: The replica set.
        steps: One for each worker.
    """

    def __init__(self, server: EmbeddedMongo, steps: Sequence[Step]) -> None:
        self._server = server
        self._steps = steps
        self._successes: list[list[float]] = [[] for _ in steps]
        self._is_over = False

    async def endure(self, faults: Iterable[Fault]) -> list[Standstill]:
        """Work through every fault, one after the other, each with its repair; return a standstill for each."""
        standstills: list[Standstill] = []
        async with asyncio.timeout(None) as patience, asyncio.TaskGroup() as workers:
            for number, step in enumerate(self._steps):
                workers.create_task(self._work(number, step))
            for fault in faults:
                patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_SECONDS)
                standstills.append(await self._endure(fault))
            self._is_over = True
        return standstills

    async def _endure(self, fault: Fault) -> Standstill:
        await self._steady_since(time.monotonic())
        began = time.monotonic()
        async with befallen(self._server, fault):
            await self._steady_since(time.monotonic())
            ended = time.monotonic()
        return Standstill(
            fault,
            of_all=_longest_pause(sorted(moment for own in self._successes for moment in own), began, ended),
            of_one=max(_longest_pause(own, began, ended) for own in self._successes),
        )

    async def _steady_since(self, moment: float) -> None:
        """Wait until every worker has succeeded a few times since `moment`."""
        while not all(len(own) >= _STEADY and own[-_STEADY] > moment for own in self._successes):
            await asyncio.sleep(_POLL_SECONDS)

    async def _work(self, number: int, step: Step) -> None:
        while not self._is_over:
            if await step():
                self._successes[number].append(time.monotonic())
            else:
                await asyncio.sleep(_AFTER_A_FAILURE_SECONDS)


def _longest_pause(moments: Sequence[float], began: float, ended: float) -> float:
    """Return the longest time between two successes of which a part lies between `began` and `ended`."""
    return max(later - earlier for earlier, later in pairwise(moments) if later > began and earlier < ended)
