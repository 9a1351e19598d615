"""The way to the process that keeps the servers: start, ask, signal, and the certain end of all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.testing.mongod import MongodStartError

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

_SCRIPT = Path(__file__).with_name("keeper_main.py")


class Keeper:
    """A private folder and the processes in it, none of which outlives this process or this object's `close`.

    The processes are children of a small process between (`keeper_main.py`), so they end with this process however it
    ends, SIGKILL included, and they depend on no thread and no event loop of it. Every call waits for its answer, a
    fraction of a millisecond; opening takes some 40 ms, closing as long as the kill does (10 to 50 ms).

    Not for use from several threads at once.

    Attributes:
        folder: Where the processes keep their files; readable by this user alone.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this package's own script
            [sys.executable, "-I", "-S", str(_SCRIPT), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.folder: Path = Path(self._answer())

    @property
    def pid(self) -> int:
        """The process between."""
        return self._process.pid

    def start(self, command: Sequence[str], *, log_file: Path) -> int:
        """Start a program and return its process id; what it prints is appended to `log_file`.

        Raises:
            MongodStartError: The program cannot be run.
        """
        pid = self._ask("start", list(command), str(log_file))
        return int(pid)

    def exit_status(self, pid: int) -> int | None:
        """Return the exit status of a process started here, negative for a signal, or None while it runs."""
        status: int | None = self._ask("poll", pid)
        return status

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process started here; nothing happens if it has ended.

        SIGKILL and SIGSTOP have taken effect when this returns.
        """
        self._ask("signal", pid, number)

    def close(self) -> None:
        """Kill every process, remove the folder, and return when both are gone. Idempotent."""
        if self._process.returncode is not None:
            return
        # Said, not only shown by closing the pipe: a forked child of this process may hold the pipe open.
        self._process.communicate(b'["stop"]\n')
        # Nothing is left to remove, unless the process between was killed itself.
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _ask(self, *request: Any) -> Any:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            raise MongodStartError("the server is stopped")
        # Where nobody reads, there is no answer either.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(json.dumps(request).encode() + b"\n")
        return self._answer()

    def _answer(self) -> Any:
        pipe = self._process.stdout
        line = pipe.readline() if pipe else b""
        if not line:
            raise MongodStartError("the process that keeps the servers is gone, and the servers with it")
        reply = json.loads(line)
        if "error" in reply:
            raise MongodStartError(reply["error"])
        return reply["value"]
