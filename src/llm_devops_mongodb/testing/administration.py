"""Connections that administer a server: few, short and apart from the ones under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from llm_devops_mongodb.client import Connecting

EXTERNAL = "$external"
"""A database of the server that holds users alone, and whose name the client takes for a mistake."""


def administrator(uri: str, *, within: timedelta, **options: Any) -> Connecting:
    """Return a client of one connection, to be used as an async context manager.

    Args:
        uri: Where to connect.
        within: The limit for finding the server.
        options: Further fields of the client's configuration.
    """
    # Here and not above: the client is heavy to import, and this is imported where only a server is started.
    from llm_devops_mongodb.client import MongoClient

    return MongoClient.connect(uri, server_selection_timeout=within, min_pool_size=0, max_pool_size=1, **options)


async def run_command(
    uri: str, document: Mapping[str, Any], *, database: str = "admin", within: timedelta
) -> dict[str, Any]:
    """Connect, run one command and disconnect.

    Args:
        uri: Where to connect.
        document: The command.
        database: The database it runs on; `$external`, where users of X.509 are kept, included.
        within: The limit for finding the server.

    Returns:
        The server's reply.

    Raises:
        MongoError: The server was not found within the limit, or refused.
    """
    async with administrator(uri, within=within) as client:
        if database == EXTERNAL:
            return await client.driver.get_database(EXTERNAL).command(dict(document))
        return await client.database(database).run_command(document)
