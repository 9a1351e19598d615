"""What a client sent to the server, told by the driver's own events: each attempt is one command."""

from __future__ import annotations

import asyncio

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

_POLL_SECONDS = 0.002
_PATIENCE_SECONDS = 10
# What a server answers that is no primary, or no longer one.
_NOT_PRIMARY = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})


class Attempts(CommandListener):
    """The commands of one client, in the order they were sent.

    Attributes:
        connections: For each command by its name, the server's numbers of the connections it was sent on.
        doubtful: How many commands ended without an answer, or with one that makes the driver doubt the connection:
            it ends the session of such a command neither then nor when the client is closed.
    """

    def __init__(self) -> None:
        self.connections: dict[str, list[int | None]] = {}
        self.doubtful = 0

    def of(self, command: str) -> int:
        """Return how many times `command` was sent."""
        return len(self.connections.get(command, ()))

    async def until(self, command: str, times: int = 1) -> None:
        """Wait until `command` was sent that many times."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self.of(command) < times:
                await asyncio.sleep(_POLL_SECONDS)

    def started(self, event: CommandStartedEvent) -> None:
        self.connections.setdefault(event.command_name, []).append(event.server_connection_id)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: CommandFailedEvent) -> None:
        # A failure that the server tells has its code; one that the driver finds has the name of its class.
        self.doubtful += event.failure.get("code") in {None, *_NOT_PRIMARY}
