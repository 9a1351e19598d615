"""One server process of an embedded server: its state, its faults and its return."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from llm_devops_mongodb.testing.mongod import MongodStartError
from llm_devops_mongodb.testing.ports import LOOPBACK, ReservedPort
from llm_devops_mongodb.testing.server_log import ServerLog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from llm_devops_mongodb.testing.keeper import Keeper

POLL_SECONDS = 0.005
_PORT_IS_TAKEN = 48  # the server's exit status, https://www.mongodb.com/docs/manual/reference/exit-codes/
_OTHER_PORTS = 5


class Member:
    """One server process, with a port and a data folder that it keeps over restarts.

    Args:
        keeper: The keeper of the process.
        folder: The data folder; made here.
        command: Gives the command line for a port.
        joined: Waits until this member takes its part in the replica set.
        reserve_port: Gives a free port.

    Attributes:
        host: The address it listens on.
        pid: Its process id, or of the last process if it is not running; 0 before the first start.
        is_paused: True between `pause` and `resume`.
        log: Its log.
    """

    def __init__(
        self,
        keeper: Keeper,
        *,
        folder: Path,
        command: Callable[[int], Sequence[str]],
        joined: Callable[[Member], Awaitable[None]],
        reserve_port: Callable[[], ReservedPort] = ReservedPort,
    ) -> None:
        folder.mkdir(mode=0o700)
        self.host = LOOPBACK
        self.pid: int = 0
        self.is_paused: bool = False
        self.log: ServerLog = ServerLog(folder / "log")
        self._keeper = keeper
        self._command = command
        self._joined = joined
        self._reserve_port = reserve_port
        self._reservation = reserve_port()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._reservation.number

    @property
    def address(self) -> str:
        """`host:port`, the member's name in the replica set."""
        return f"{self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """True while the process exists, paused or not."""
        return bool(self.pid) and self._keeper.exit_status(self.pid) is None

    def kill(self) -> None:
        """End the process by SIGKILL, as a power failure does; it is gone when this returns."""
        self._keeper.signal(self.pid, signal.SIGKILL)

    def pause(self) -> None:
        """Stop the process by SIGSTOP: connections stay open, nothing answers. In effect when this returns."""
        self._keeper.signal(self.pid, signal.SIGSTOP)
        self.is_paused = True

    def resume(self) -> None:
        """Let a paused process go on."""
        self._keeper.signal(self.pid, signal.SIGCONT)
        self.is_paused = False

    def terminate(self) -> None:
        """Ask the process by SIGTERM to shut down cleanly; `wait` tells when it has."""
        self._keeper.signal(self.pid, signal.SIGTERM)

    async def wait(self) -> int:
        """Wait for the end of the process and return its exit status, negative for a signal."""
        while True:
            status = self._keeper.exit_status(self.pid)
            if status is not None:
                return status
            await asyncio.sleep(POLL_SECONDS)

    async def restart(self) -> None:
        """Start the process again, on the same port and data; one that still runs is killed first.

        Returns when the member is a primary or secondary again.

        Raises:
            MongodStartError: The process ended instead; tells why.
        """
        if self.is_running:
            self.kill()
        self.launch()
        await self.listening()
        await self._joined(self)

    def launch(self) -> None:
        """Start the process; `listening` tells when it takes connections."""
        self.log.begin()
        self.is_paused = False
        self.pid = self._keeper.start(self._command(self.port), log_file=self.log.path)

    async def listening(self, *, may_change_port: bool = False) -> None:
        """Wait until the process takes connections.

        Args:
            may_change_port: True launches it again on another port where somebody else took its port.

        Raises:
            MongodStartError: The process ended instead; tells why.
        """
        other_ports = _OTHER_PORTS if may_change_port else 0
        while (status := await self._exit_before_listening()) == _PORT_IS_TAKEN and other_ports:
            other_ports -= 1
            self._reservation.close()
            self._reservation = self._reserve_port()
            self.launch()
        if status is not None:
            message = f"the server ended with exit status {status}"
            raise MongodStartError(message, exit_status=status, log=self.log.excerpt())

    def release(self) -> None:
        """Give the port back."""
        self._reservation.close()

    async def _exit_before_listening(self) -> int | None:
        while (status := self._keeper.exit_status(self.pid)) is None:
            if self.log.says_listening():
                return None
            await asyncio.sleep(POLL_SECONDS)
        return status
