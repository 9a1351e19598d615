"""Fail points: faults that a server makes on purpose, for one client, and never longer than a block lasts.

Source: https://github.com/mongodb/mongo/wiki/The-failCommand-Fail-Point
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from llm_devops_mongodb import MongoClient

Fault = Mapping[str, Any]
"""What happens to a command, in the server's own words."""

CLOSED: Fault = {"closeConnection": True}
"""The connection is closed, and the command is not run."""

BLOCKED: Fault = {"blockConnection": True, "blockTimeMS": 30_000}
"""The command waits, longer than any test, and is then run unless it was killed meanwhile."""


def refused(code: int, *labels: str) -> Fault:
    """The command is not run and answered with an error; the server adds the labels of the code to the ones given."""
    return {"errorCode": code, **({"errorLabels": list(labels)} if labels else {})}


def unconfirmed(code: int) -> Fault:
    """The command is run and answered with an error of its write concern."""
    return {"writeConcernError": {"code": code, "errmsg": "the write concern was not met"}}


UNCONFIRMED_IN_TIME: Fault = {
    "writeConcernError": {
        "code": 64,
        "codeName": "WriteConcernFailed",
        "errmsg": "waiting for replication timed out",
        "errInfo": {"wtimeout": True},
    }
}
"""The command is run, and too few members have it when the time is over."""


class FailPoints:
    """Sets fail points for the commands of one client.

    Args:
        admin: Another client of the same server, whose commands never fail.
        app_name: The name of the client whose commands fail.
    """

    def __init__(self, admin: MongoClient, app_name: str) -> None:
        self._admin = admin.database("admin")
        self._app_name = app_name

    @asynccontextmanager
    async def on(self, command: str, fault: Fault, *, times: int | None = 1) -> AsyncGenerator[None]:
        """Have `command` fail.

        Args:
            command: The command's name.
            fault: How it fails.
            times: The first so many fail; None lets each fail.
        """
        data = {"failCommands": [command], "appName": self._app_name, **fault}
        async with self.named("failCommand", {"data": data}, times=times):
            try:
                yield
            finally:
                # The server waits for what it blocks before a fail point is off.
                await self.kill_operations()

    @asynccontextmanager
    async def named(
        self, name: str, settings: Mapping[str, Any] | None = None, *, times: int | None = None
    ) -> AsyncGenerator[None]:
        """Set the fail point `name`, for every client unless its settings say otherwise."""
        mode = "alwaysOn" if times is None else {"times": times}
        await self._admin.run_command({"configureFailPoint": name, "mode": mode, **(settings or {})})
        try:
            yield
        finally:
            await self._admin.run_command({"configureFailPoint": name, "mode": "off"})

    async def kill_operations(self) -> int:
        """End what the server is doing for the client, and return how many operations that were."""
        found = await self.operations()
        for operation in found:
            await self._admin.run_command({"killOp": 1, "op": operation})
        return len(found)

    async def operations(self) -> list[int]:
        """Return the numbers of the operations that the server is doing for the client."""
        found = await self._admin.aggregate(
            [
                {"$currentOp": {"allUsers": True}},
                {"$match": {"appName": self._app_name, "active": True}},
                # A watch on the server is no operation: it answers when something changes.
                {"$match": {"command.hello": {"$exists": False}, "command.isMaster": {"$exists": False}}},
                {"$project": {"opid": 1}},
            ]
        )
        return [operation["opid"] for operation in found]
