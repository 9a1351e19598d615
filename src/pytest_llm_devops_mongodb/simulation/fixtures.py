"""The fixtures of simulation; the client, the database and the server of `plugin` are built on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pytest_llm_devops_mongodb.simulation.run import TEST, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_llm_devops_mongodb.simulation.simulated_test import SimulatedTest


@pytest.fixture(scope="session")
def mongo_simulation_clock() -> Callable[[], datetime]:
    """The clock by which recordings are old; a project's own fixture of this name takes its place."""
    return lambda: datetime.now(UTC)


@pytest.fixture(autouse=True, name="_mongo_simulation")
def simulation(request: pytest.FixtureRequest) -> Iterator[SimulatedTest | None]:
    """The block in which everything that a marked test asks goes to its recording; None for other tests."""
    test = request.node.stash.get(TEST, None)
    if test is None:
        yield None
        return
    clock = request.getfixturevalue("mongo_simulation_clock")
    test.begin(request.node, settings=run_of(request.config).settings, clock=clock)
    with test:
        yield test
