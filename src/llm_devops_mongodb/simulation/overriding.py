"""One recorder or replayer for every client of a process, for tests of programs that connect by themselves."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from llm_devops_mongodb.simulation.replayer import SimulationReplayer

if TYPE_CHECKING:
    from collections.abc import Generator

    from llm_devops_mongodb.simulation.recorder import SimulationRecorder


class Unchanged:
    """Nothing is overridden."""


UNCHANGED: Final = Unchanged()
_overrides: list[SimulationRecorder | SimulationReplayer | None] = []


@contextmanager
def simulating(simulation: SimulationRecorder | SimulationReplayer | None) -> Generator[None]:
    """Have every client that connects in a block use one recorder or replayer, whatever its configuration is.

    It is for tests, and holds for the whole process, all its threads and event loops. Who made the recorder finishes
    it: a client that is closed does not. A strict replay is over when the block is.

    Args:
        simulation: The recorder, the replayer, or None: clients speak to their deployments, and nothing is recorded.

    Raises:
        SimulationMismatchError: At the end of the block: the replay is strict, and not everything that was recorded
            was asked for.

    Example:
        ```python
        with simulating(SimulationReplayer.load("orders.jsonl")):
            await run_the_program()
        ```
    """
    _overrides.append(simulation)
    try:
        yield
    finally:
        _overrides.pop()
    if isinstance(simulation, SimulationReplayer) and simulation.strict:
        simulation.check_complete()


def override() -> SimulationRecorder | SimulationReplayer | Unchanged | None:
    """Return what the innermost `simulating` under way gave; `UNCHANGED` where there is none."""
    return _overrides[-1] if _overrides else UNCHANGED
