"""What befalls the primary of a replica set, and its return."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from llm_devops_mongodb import MongoError
from llm_devops_mongodb.testing import EmbeddedMongo, Member
from llm_devops_mongodb.testing.administration import run_command

_PATIENCE_SECONDS = 40
_POLL_SECONDS = 0.05
_LIMIT = timedelta(seconds=5)
# The member is no candidate for the first, and waits for the others to have all its writes for the second.
_STEP_DOWN = {"replSetStepDown": 8, "secondaryCatchUpPeriodSecs": 5}


class Fault(StrEnum):
    """What befalls a primary."""

    KILLED = "killed"
    """Its process is gone at once, as in a power failure."""
    STEPPED_DOWN = "stepped down"
    """It gives its office up, and says so."""
    PAUSED = "paused"
    """Its connections stay open and nothing answers."""


@asynccontextmanager
async def befallen(server: EmbeddedMongo, fault: Fault) -> AsyncGenerator[None]:
    """Have `fault` befall the primary before the block, and every member take its part again after it."""
    primary = await server.primary()
    await _befall(server, primary, fault)
    try:
        yield
    finally:
        await _repair(server, primary, fault)
        await in_place(server)


async def in_place(server: EmbeddedMongo) -> None:
    """Wait until one member is the primary and every other one replicates from it."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await _is_written_by_all(server, await server.primary()):
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise AssertionError(f"not in place: {await _states(server)}") from error


async def _is_written_by_all(server: EmbeddedMongo, primary: Member) -> bool:
    # A member may be a secondary and still look for one to copy from. If that one hangs then, it waits for 30 s, a
    # constant of the server, and with it every write that asks for a majority.
    everywhere = {"w": len(server.members), "wtimeout": _LIMIT // timedelta(milliseconds=1)}
    note = {"appendOplogNote": 1, "data": {"said": "all here"}, "writeConcern": everywhere}
    try:
        reply = await run_command(server.uri_of(primary), note, within=_LIMIT)
    except MongoError:
        return False
    return "writeConcernError" not in reply


async def _states(server: EmbeddedMongo) -> list[str]:
    status = await server.run_command({"replSetGetStatus": 1})
    told = ("name", "stateStr", "syncSourceHost", "optimeDate", "infoMessage")
    return [", ".join(str(member.get(name)) for name in told) for member in status["members"]]


async def _befall(server: EmbeddedMongo, primary: Member, fault: Fault) -> None:
    match fault:
        case Fault.KILLED:
            primary.kill()
        case Fault.STEPPED_DOWN:
            await server.run_command(_STEP_DOWN)
        case Fault.PAUSED:
            primary.pause()
        case _:
            assert_never(fault)


async def _repair(server: EmbeddedMongo, member: Member, fault: Fault) -> None:
    match fault:
        case Fault.KILLED:
            await member.restart()
        case Fault.PAUSED:
            member.resume()
        case Fault.STEPPED_DOWN:
            # It may be elected again at once; else the next fault could leave nobody to elect for a while.
            await run_command(server.uri_of(member), {"replSetFreeze": 0}, within=_LIMIT)
        case _:
            assert_never(fault)
