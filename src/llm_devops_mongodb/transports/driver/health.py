"""What a health check asks and what the driver knows without asking."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ReadPreference

from llm_devops_mongodb.results import HealthStatus

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient

    from llm_devops_mongodb.results import PoolStatus


async def check_health(client: AsyncMongoClient[Any], *, pool: PoolStatus, budget: timedelta) -> HealthStatus:
    """Ask the deployment for its version and tell how it is.

    A deployment that answers but has no primary is unhealthy: it takes no writes.

    Raises:
        TimeoutError: No answer within `budget`.
        PyMongoError: The deployment could not answer.
    """
    started = time.perf_counter()
    async with asyncio.timeout(budget.total_seconds()):
        # `buildInfo` needs no rights; the connection it travels on has logged in where there are credentials.
        build = await client.admin.command("buildInfo", read_preference=ReadPreference.NEAREST)
    latency = timedelta(seconds=time.perf_counter() - started)
    status = describe(client, pool=pool)
    error = None if status.healthy else "the deployment has no primary and takes no writes"
    return replace(status, latency=latency, error=error, server_version=str(build["version"]))


def describe(client: AsyncMongoClient[Any], *, pool: PoolStatus) -> HealthStatus:
    """Return what the driver knows of the deployment without asking."""
    topology = client.topology_description
    servers = topology.server_descriptions().values()
    names = [server.replica_set_name for server in servers if server.replica_set_name]
    writable = [server for server in servers if server.is_writable]
    return HealthStatus(
        healthy=bool(writable),
        topology=topology.topology_type_name,
        set_name=topology.replica_set_name or next(iter(names), None),
        primary=_name(writable[0].address) if writable and writable[0].replica_set_name else None,
        members=tuple(sorted(_name(server.address) for server in servers)),
        pool=pool,
    )


def _name(address: tuple[str, int | None]) -> str:
    host, port = address
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
