"""Frees what waits for an answer of a primary that hangs, once the deployment has another.

A primary that is stopped or cut off keeps its connections open and answers nothing. The driver notices by its
heartbeat, `connect_timeout` and `heartbeat_frequency` later, 20 s by default, and until then every operation that was
on its way there waits. The other members elect a new primary long before and report it at once. So the report is taken
for the notice: what still waits for the old one is cut off, and the driver sends it to the new one, as it does after
any broken connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pymongo.monitoring import TopologyListener

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient
    from pymongo.monitoring import TopologyClosedEvent, TopologyDescriptionChangedEvent, TopologyOpenedEvent

    Address = tuple[str, int | None]

_GRACE = 1.0
"""Seconds in which a primary that stepped down says so itself; what it has in hand it then answers or ends."""

_PRIMARY = "RSPrimary"
_SILENT = "Unknown"


class ReplacedPrimaries(TopologyListener):
    """Watches the deployment of one client, which is made after it and handed over by `watch`."""

    def __init__(self) -> None:
        self._client: AsyncMongoClient[Any] | None = None
        self._watches: dict[Address, asyncio.Task[None]] = {}

    def watch(self, client: AsyncMongoClient[Any]) -> None:
        """Begin to look after the connections of `client`."""
        self._client = client

    def opened(self, event: TopologyOpenedEvent) -> None:
        """Nothing to do yet."""

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        """Look for a primary of before that another has replaced and that has not said so itself."""
        before = event.previous_description.server_descriptions()
        now = event.new_description.server_descriptions()
        if not any(server.server_type_name == _PRIMARY for server in now.values()):
            return
        for address, server in before.items():
            replaced = now.get(address)
            if server.server_type_name == _PRIMARY and replaced is not None and replaced.server_type_name == _SILENT:
                self._watch_over(address)

    def closed(self, event: TopologyClosedEvent) -> None:
        """The client is closed, and its connections with it."""
        for watch in self._watches.values():
            watch.cancel()

    def _watch_over(self, address: Address) -> None:
        if address not in self._watches:
            watch = self._watches[address] = asyncio.create_task(self._cut_off_if_silent(address))
            watch.add_done_callback(lambda _: self._watches.pop(address, None))

    async def _cut_off_if_silent(self, address: Address) -> None:
        await asyncio.sleep(_GRACE)
        if self._client is None:
            return
        server = self._client.topology_description.server_descriptions().get(address)
        if server is not None and server.server_type_name == _SILENT:
            await cut_off(self._client, address)


async def cut_off(client: AsyncMongoClient[Any], address: Address) -> None:
    """Close the connections to `address`, those in use too: what waits there fails as by a broken connection.

    The driver does the same after a heartbeat that failed; it has no public name for it.
    """
    server = client._topology._servers.get(address)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if server is not None:
        await server.pool.reset(interrupt_connections=True)
