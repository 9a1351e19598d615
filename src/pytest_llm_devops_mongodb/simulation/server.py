"""The server of a run in which some tests have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.testing.given import MongoServer
    from pytest_llm_devops_mongodb.simulation.run import SimulationRun

# The name tells why nothing answers, and is one that no machine may have: https://www.rfc-editor.org/rfc/rfc6761
NO_SERVER = "mongodb://no-server-while-a-test-is-replayed.invalid:1/"


class SharedServer:
    """The server of the run for tests that have one, started for the first of them.

    While a test is replayed it is an address where nobody listens: one fixture serves both, for what is set up once
    a run cannot be another for each test.
    """

    def __init__(self, run: SimulationRun, start: Callable[[], MongoServer]) -> None:
        self._run = run
        self._start = start
        self._server: MongoServer | None = None

    @property
    def uri(self) -> str:
        """The connection string."""
        return self.real.uri if self._run.has_server else NO_SERVER

    @property
    def real(self) -> MongoServer:
        """The server itself, started if it is not running."""
        if self._server is None:
            if self._run.current is None:
                self._server = self._start()
            else:
                # What is asked of the server to set it up is not the test's.
                with self._run.current.aside():
                    self._server = self._start()
        return self._server

    def __getattr__(self, name: str) -> Any:
        """Return what else the server has, such as the members of an `EmbeddedMongo`."""
        if not self._run.has_server:
            raise AttributeError(f"mongo_server has no {name!r}: there is no server while a test is replayed")
        return getattr(self.real, name)
