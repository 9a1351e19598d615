"""The plugin's fixtures that pytest-asyncio runs: one for each scope an event loop may have.

Each belongs to one test; what differs is the event loop. pytest-asyncio takes it from the fixture, not from the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest_asyncio

from pytest_llm_devops_mongodb.guard_setting import query_guard_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from llm_devops_mongodb.testing.connections import Connection
    from llm_devops_mongodb.testing.given import MongoServer

LoopScope = Literal["function", "class", "module", "package", "session"]


def _fixture(loop_scope: LoopScope) -> object:
    @pytest_asyncio.fixture(loop_scope=loop_scope, name=f"_mongo_connection_{loop_scope}")
    async def connection(mongo_server: MongoServer, pytestconfig: pytest.Config) -> AsyncIterator[Connection]:
        from llm_devops_mongodb.testing.connections import connection_to

        async with connection_to(mongo_server, query_guard=query_guard_of(pytestconfig)) as opened:
            yield opened

    return connection


on_the_functions_loop: object = _fixture("function")
on_the_classes_loop: object = _fixture("class")
on_the_modules_loop: object = _fixture("module")
on_the_packages_loop: object = _fixture("package")
on_the_sessions_loop: object = _fixture("session")
