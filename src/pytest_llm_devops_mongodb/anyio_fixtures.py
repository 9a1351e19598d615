"""The plugin's fixture that anyio's pytest plugin runs; on asyncio, the one backend the driver knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llm_devops_mongodb.connecting import connection_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from llm_devops_mongodb.testing.connections import Connection
    from pytest_llm_devops_mongodb.simulation.simulated_test import SimulatedTest


@pytest.fixture(name="_mongo_connection_anyio")
async def connection(
    request: pytest.FixtureRequest, _mongo_simulation: SimulatedTest | None
) -> AsyncIterator[Connection]:
    """The connection of a test that anyio runs."""
    async with connection_for(request, _mongo_simulation) as opened:
        yield opened
