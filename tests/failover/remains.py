"""What a client leaves on the members of a replica set: cursors, transactions, and sessions it used."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from llm_devops_mongodb import MongoClient
from llm_devops_mongodb.testing import EmbeddedMongo

_MANY = 10_000
# What a server answers that is no primary, or no longer one.
_NOT_PRIMARY = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})
_CURSORS: list[dict[str, Any]] = [
    {"$currentOp": {"allUsers": True, "idleCursors": True}},
    {"$match": {"type": "idleCursor", "ns": {"$ne": "local.oplog.rs"}}},
]


class SessionsUsed(CommandListener):
    """Notes each session that a client sends a command in.

    The driver discards a session whose connection broke or whose server was no primary; the server ends it after half
    an hour (https://github.com/mongodb/specifications/blob/master/source/sessions/driver-sessions.md). Those are not
    looked for. They are told apart by name and not by number: a primary that is killed forgets which sessions of
    others have ended.
    """

    def __init__(self) -> None:
        self._of_requests: dict[int, UUID] = {}
        self._discarded: set[UUID] = set()

    def started(self, event: CommandStartedEvent) -> None:
        if "lsid" in event.command:
            self._of_requests[event.request_id] = event.command["lsid"]["id"].as_uuid()

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: CommandFailedEvent) -> None:
        # A failure that the server tells has its code; one that the driver finds has the name of its class.
        if event.request_id in self._of_requests and event.failure.get("code") in {None, *_NOT_PRIMARY}:
            self._discarded.add(self._of_requests[event.request_id])

    async def open_on(self, server: EmbeddedMongo) -> int:
        """Return how many sessions of the client, closed meanwhile, the primary still has."""
        ended = set(self._of_requests.values()) - self._discarded
        async with MongoClient.connect(server.uri, min_pool_size=0) as client:
            # The collection is brought up to date every five minutes, and on demand.
            await client.database("admin").run_command({"refreshLogicalSessionCacheNow": 1})
            # By a command, for the collection is the server's own and has no handle.
            pipeline = [{"$listSessions": {"allUsers": True}}]
            command = {"aggregate": "system.sessions", "pipeline": pipeline, "cursor": {"batchSize": _MANY}}
            reply = await client.database("config").run_command(command)
        return len(ended & {one["_id"]["id"] for one in reply["cursor"]["firstBatch"]})


async def cursors_and_transactions(server: EmbeddedMongo) -> int:
    """Return how many cursors and transactions are open on the members, those by which they replicate apart.

    On every member and not on the primary alone: the one of before may hold what its clients did not close.
    """
    number = 0
    for member in server.members:
        async with MongoClient.connect(server.uri_of(member), min_pool_size=0) as client:
            admin = client.database("admin")
            number += len(await admin.aggregate(_CURSORS))
            number += int((await admin.run_command({"serverStatus": 1}))["transactions"]["currentOpen"])
    return number
