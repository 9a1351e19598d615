"""What one test works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.deployment import Deployment
from tests.conformance.entities import EntityMap
from tests.conformance.fail_points import FailPoints
from tests.conformance.matching import Matcher
from tests.conformance.set_aside import SetAside
from tests.conformance.traces import Trace
from tests.conformance.verdicts import MismatchError


class Server:
    """What a test that is run live has beside its clients.

    Attributes:
        deployment: What is tested.
        fail_points: What the test has set.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.fail_points = FailPoints(deployment)


@dataclass(frozen=True, slots=True)
class Context:
    """What one test works with.

    Attributes:
        entities: What operations are done on.
        matcher: Compares values.
        trace: What the operations told.
        create: Makes an entity that a test describes.
        execute: Executes an operation that a test describes.
        live: The server; None in replay.
        set_aside: What is not checked in replay.
    """

    entities: EntityMap
    matcher: Matcher
    trace: Trace
    create: Callable[[Mapping[str, Any]], Awaitable[None]]
    execute: Callable[[Mapping[str, Any]], Awaitable[None]]
    live: Server | None = None
    set_aside: SetAside = field(default_factory=SetAside)

    @property
    def is_replay(self) -> bool:
        """Whether recorded answers are replayed, with no server and no driver."""
        return self.live is None

    @property
    def server(self) -> Server:
        """The server.

        Raises:
            MismatchError: There is none.
        """
        if self.live is None:
            raise MismatchError("it needs a server, and there is none in replay")
        return self.live
