"""What tests of three members do to single ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from llm_devops_mongodb.testing import EmbeddedMongo, Member
from llm_devops_mongodb.testing.administration import run_command

_LIMIT = timedelta(seconds=10)


async def secondaries(server: EmbeddedMongo) -> list[Member]:
    """Return the members that are not the primary."""
    primary = await server.primary()
    return [member for member in server.members if member is not primary]


async def on_member(server: EmbeddedMongo, member: Member, command: Mapping[str, Any]) -> dict[str, Any]:
    """Run a command on one member, whatever its state."""
    return await run_command(server.uri_of(member), command, within=_LIMIT)


@asynccontextmanager
async def replication_stopped(server: EmbeddedMongo) -> AsyncGenerator[None]:
    """Have the secondaries fetch nothing from the primary in the block, or from its successor."""
    members = await secondaries(server)
    switch = {"configureFailPoint": "stopReplProducer"}
    before = [await on_member(server, member, {**switch, "mode": "alwaysOn"}) for member in members]
    for member, answer in zip(members, before, strict=True):
        reached = {"timesEntered": answer["count"] + 1, "maxTimeMS": 10_000}
        await on_member(server, member, {"waitForFailPoint": "stopReplProducer", **reached})
    try:
        yield
    finally:
        for member in members:
            await on_member(server, member, {**switch, "mode": "off"})
