"""The plugin's fixtures that pytest-asyncio runs: one for each scope an event loop may have.

Each belongs to one test; what differs is the event loop. pytest-asyncio takes it from the fixture, not from the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest_asyncio

from pytest_llm_devops_mongodb.connecting import connection_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from llm_devops_mongodb.testing.connections import Connection
    from pytest_llm_devops_mongodb.simulation.simulated_test import SimulatedTest

LoopScope = Literal["function", "class", "module", "package", "session"]


def _fixture(loop_scope: LoopScope) -> object:
    @pytest_asyncio.fixture(loop_scope=loop_scope, name=f"_mongo_connection_{loop_scope}")
    async def connection(
        request: pytest.FixtureRequest, _mongo_simulation: SimulatedTest | None
    ) -> AsyncIterator[Connection]:
        async with connection_for(request, _mongo_simulation) as opened:
            yield opened

    return connection


on_the_functions_loop: object = _fixture("function")
on_the_classes_loop: object = _fixture("class")
on_the_modules_loop: object = _fixture("module")
on_the_packages_loop: object = _fixture("package")
on_the_sessions_loop: object = _fixture("session")
