"""Fail points: what makes a server fail on purpose, and is taken away again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.deployment import Deployment
from tests.conformance.entities import ClientEntity, SessionEntity
from tests.conformance.verdicts import MismatchError


class FailPoints:
    """The fail points that one test has set.

    Args:
        deployment: Where they are set.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._set: list[tuple[str, tuple[str, int | None] | None]] = []

    async def set_by(self, client: ClientEntity, command: Mapping[str, Any]) -> None:
        """Set one through the client of the test, so that it is on the server which that one writes to."""
        self._set.append((command["configureFailPoint"], None))
        # Set-up, and so the driver's own way: an operation of the library would be part of the test.
        await client.client.driver.admin.command(dict(command))

    async def set_where_pinned(self, session: SessionEntity, command: Mapping[str, Any]) -> None:
        """Set one on the mongos to which a session is pinned.

        Raises:
            MismatchError: It is pinned to none.
        """
        address = session.live._pinned_address
        if address is None:
            raise MismatchError("the session is pinned to no server")
        self._set.append((command["configureFailPoint"], address))
        await self._deployment.set_fail_point(command, address)

    async def clear(self) -> None:
        """Take all of them away."""
        while self._set:
            name, address = self._set.pop()
            await self._deployment.set_fail_point({"configureFailPoint": name, "mode": "off"}, address)
