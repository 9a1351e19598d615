"""Processes that consume, and that are killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.survival.job import Job

_ROOT = Path(__file__).parents[2]
_STOP_SECONDS = 30


@dataclass
class Workers:
    """So many processes of one name.

    Attributes:
        uri: The deployment.
        job: What they do.
        delivery: How events are delivered.
        log: Where they write what they have to say.
        many: How many processes there are.
    """

    uri: str
    job: Job
    delivery: str
    log: IO[str]
    many: int = 1
    _processes: list[Process] = field(default_factory=list[Process])

    async def __aenter__(self) -> Self:
        for _ in range(self.many):
            self._processes.append(await self._started())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def kill(self, number: int | None) -> None:
        """Kill the process of that number, or any where it is none of these, and start another in its place."""
        place = next((place for place, each in enumerate(self._processes) if each.pid == number), 0)
        victim = self._processes[place]
        with suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)
        await victim.wait()
        self._processes[place] = await self._started()

    async def stop(self) -> list[int]:
        """Ask every process to stop, and return how each ended."""
        for process in self._processes:
            process.terminate()
        async with asyncio.timeout(_STOP_SECONDS):
            return [await process.wait() for process in self._processes]

    async def _started(self) -> Process:
        start = self.job.start
        assert start is not None
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.survival.worker", self.uri, self.job.database.name, self.delivery),
            *map(str, (start.time, start.inc)),
            cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.log,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return process
