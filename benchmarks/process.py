"""Running a measurement in a process of its own."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import WrongResultError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]


async def output(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints, run at the root of the repository.

    Args:
        command: The program and its arguments.
        environment: Its environment; None is this process's.

    Raises:
        WrongResultError: The command failed; what it wrote to standard error is the message.
    """
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=ROOT, env=environment)
    printed, complaint = await process.communicate()
    if process.returncode:
        raise WrongResultError(complaint.decode())
    return printed.decode()
