"""What answers while a test is replayed; this module loads the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from llm_devops_mongodb.errors import SimulationError
from llm_devops_mongodb.simulation import SimulationReplayer

if TYPE_CHECKING:
    from llm_devops_mongodb.simulation.tape import Question


class TestReplayer(SimulationReplayer):
    """Answers all clients of a test, one after the other or at once."""

    __test__ = False

    def check_complete(self) -> None:
        """Do nothing where a client is closed: the test may go on with another."""

    def check_test(self) -> None:
        """Refuse a recording of which the whole test did not ask for everything.

        Raises:
            SimulationMismatchError: It tells the first of what was not.
        """
        super().check_complete()


class SharedClients(SimulationReplayer):
    """What a client gets that a fixture of a class, module, package or session connects while a test is replayed.

    What it is asked belongs to no one test's recording, and it must not speak to a server.
    """

    def answer(self, question: Question) -> NoReturn:
        """Refuse.

        Raises:
            SimulationError: Always.
        """
        raise SimulationError(
            f"{question.operation} of a client that several tests share cannot be replayed: it is in no test's "
            "recording. Connect the client in the test, or in a fixture of scope 'function'"
        )
