"""The plugin's fixture that anyio's pytest plugin runs; on asyncio, the one backend the driver knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llm_devops_mongodb.guard_setting import query_guard_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from llm_devops_mongodb.testing.connections import Connection
    from llm_devops_mongodb.testing.given import MongoServer


@pytest.fixture(name="_mongo_connection_anyio")
async def connection(mongo_server: MongoServer, pytestconfig: pytest.Config) -> AsyncIterator[Connection]:
    """The connection of a test that anyio runs."""
    from llm_devops_mongodb.testing.connections import connection_to

    async with connection_to(mongo_server, query_guard=query_guard_of(pytestconfig)) as opened:
        yield opened
