"""Running a measurement in a process of its own."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from benchmarks.harness import WrongResultError

ROOT = Path(__file__).parents[1]


async def output(*command: str) -> str:
    """What a command prints, run at the root of the repository.

    Raises:
        WrongResultError: The command failed; what it wrote to standard error is the message.
    """
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=ROOT)
    printed, complaint = await process.communicate()
    if process.returncode:
        raise WrongResultError(complaint.decode())
    return printed.decode()
