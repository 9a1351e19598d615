"""The connection of one test: a client on the test's event loop, and the databases it was given."""

from __future__ import annotations

import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from llm_devops_mongodb.testing.administration import administrator
from llm_devops_mongodb.testing.given import GivenServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llm_devops_mongodb.client import MongoClient
    from llm_devops_mongodb.database import Database
    from llm_devops_mongodb.testing.given import MongoServer

_NAME_BYTES = 50  # with what makes the name unique 63, the server's limit, is not reached
_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and the names of the databases to drop when its test is over."""

    client: MongoClient
    databases: list[str] = field(default_factory=list[str])

    def database_for(self, test_name: str) -> Database:
        """Return a database that no other test has; it is dropped when the connection closes."""
        self.databases.append(database_name(test_name))
        return self.client.database(self.databases[-1])


def database_name(test_name: str) -> str:
    """Return a name for a test's database: the test's own in small letters, and what makes it unique.

    Small letters because the server refuses two names that differ only in case. Not by `random`: it is seeded anew
    for every test by plugins that shuffle.
    """
    return f"{re.sub('[^a-z0-9]+', '_', test_name.lower())[:_NAME_BYTES].strip('_')}_{secrets.token_hex(4)}"


@asynccontextmanager
async def connection_to(server: MongoServer, *, query_guard: str | None = None) -> AsyncGenerator[Connection]:
    """Connect, and when the test is over close and then drop the databases that were handed out.

    Args:
        server: What to connect to.
        query_guard: `warn` or `raise` has the client's queries watched.
    """
    from llm_devops_mongodb.client import MongoClient

    guard = {"enabled": query_guard is not None, **({} if query_guard is None else {"mode": query_guard})}
    connection = Connection(await MongoClient.connect(server.uri, query_guard=guard))
    try:
        yield connection
    finally:
        # Another client drops: the test may have closed its own, or left it in a state that the test was about.
        await connection.client.close()
        if connection.databases:
            await _drop(server, connection.databases)


async def _drop(server: MongoServer, databases: list[str]) -> None:
    async with administrator(server.uri, within=_LIMIT) as client:
        if not isinstance(server, GivenServer):
            # A transaction that the test left open would hold up the drop for a minute. On a server that others use
            # too this would end theirs as well.
            await client.database("admin").run_command({"killAllSessions": []})
        for name in databases:
            await client.database(name).run_command({"dropDatabase": 1})
