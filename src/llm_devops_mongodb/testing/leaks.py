"""What is open on a server and in the event loop: counted before and after, the difference is a leak."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.testing.administration import administrator

if TYPE_CHECKING:
    from llm_devops_mongodb.client import MongoClient

_LIMIT = timedelta(seconds=10)
_POLL_SECONDS = 0.02
# What members of a replica set call themselves when they connect to each other.
_MEMBERS = "^(NetworkInterface|MongoDB Internal)"


@dataclass(frozen=True, slots=True)
class ResourceCounts:
    """What is open; of a replica set, on its primary. What is used for counting is not counted.

    Attributes:
        cursors: Open cursors.
        sessions: Sessions that were used and not ended, the driver's own implicit ones included.
        transactions: Open transactions.
        connections: Connections of clients, those that watch the server included.
        tasks: Unfinished tasks of the running event loop.
    """

    cursors: int = 0
    sessions: int = 0
    transactions: int = 0
    connections: int = 0
    tasks: int = 0

    def since(self, before: ResourceCounts) -> ResourceCounts:
        """Return what came open since `before`; what was closed since counts as 0."""
        return ResourceCounts(*(max(0, now - then) for now, then in zip(astuple(self), astuple(before), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


async def count_resources(uri: str) -> ResourceCounts:
    """Count what is open now, over a connection that is closed again.

    Args:
        uri: The server; its user must be allowed `serverStatus`, `$currentOp` and to read the database `config`.
    """
    name = f"count-{secrets.token_hex(8)}"
    async with administrator(uri, within=_LIMIT, app_name=name) as client:
        admin = client.database("admin")
        # Ended sessions leave the collection, and new ones enter it, when the server's cache of them is refreshed.
        await admin.run_command({"refreshLogicalSessionCacheNow": 1})
        sessions = await _number(client, "config", "system.sessions", [{"$listSessions": {"allUsers": True}}])
        connections = await _number(client, "admin", 1, _connections_of_others(name))
        status = await admin.run_command({"serverStatus": 1})
    return ResourceCounts(
        cursors=int(status["metrics"]["cursor"]["open"]["total"]),
        sessions=sessions,
        transactions=int(status["transactions"]["currentOpen"]),
        connections=connections,
        tasks=len(asyncio.all_tasks()),
    )


async def leaked_since(before: ResourceCounts, uri: str, *, within: timedelta = timedelta(seconds=2)) -> ResourceCounts:
    """Return what came open since `before` and is still open; false where nothing is.

    What is closed in the background gets time: it counts again and again until nothing is left or the time is over.

    Args:
        before: An earlier `count_resources` of the same server.
        uri: The server.
        within: How long is waited.

    Example:
        ```python
        before = await count_resources(server.uri)
        await something()
        assert not await leaked_since(before, server.uri)
        ```
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + within.total_seconds()
    while True:
        leaked = (await count_resources(uri)).since(before)
        if not leaked or loop.time() >= end:
            return leaked
        await asyncio.sleep(_POLL_SECONDS)


def _connections_of_others(name: str) -> list[dict[str, Any]]:
    others = {"connectionId": {"$exists": True}, "appName": {"$ne": name}}
    no_member = {"clientMetadata.driver.name": {"$not": {"$regex": _MEMBERS}}}
    return [{"$currentOp": {"allUsers": True, "idleConnections": True}}, {"$match": {**others, **no_member}}]


async def _number(client: MongoClient, database: str, collection: str | int, pipeline: list[dict[str, Any]]) -> int:
    counted = [*pipeline, {"$count": "number"}]
    command: dict[str, Any] = {"aggregate": collection, "pipeline": counted, "cursor": {}}
    reply = await client.database(database).run_command(command)
    return sum(int(row["number"]) for row in reply["cursor"]["firstBatch"])
