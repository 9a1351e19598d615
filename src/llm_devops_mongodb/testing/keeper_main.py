"""The process that keeps servers: their parent, the owner of their folder, and the end of both.

Run as a script, by path and with nothing but the standard library, so that it starts in some 30 ms and needs no
installed package. It takes requests on its standard input and answers each on its standard output, one JSON value a
line. It ends on the request `stop`, when its input ends, when its own parent dies, or on SIGTERM; whichever comes
first, it kills every process it started and then removes the folder.

The end of the input alone would not do: a child that the parent forked holds the pipe open after the parent's death.
PR_SET_PDEATHSIG on this process would not do either: it fires when the *thread* that started it ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PR_SET_PDEATHSIG = 1
_ORPHAN_CHECK_MILLISECONDS = 500
_CHUNK_BYTES = 65536


def bound_to_this_process() -> None:  # pragma: no cover - runs between fork and exec, where nothing is measured
    """Have the kernel kill the calling process when its parent dies; Linux only, elsewhere nothing happens.

    Meant as a `preexec_fn`, which is safe in a process of one thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Kept:
    """The processes of one folder.

    Args:
        folder: Where they keep their files; removed by `end`.
        prepare: Called in each new process before it becomes the program.
    """

    def __init__(self, folder: str, *, prepare: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self._prepare = prepare
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def answer(self, request: Sequence[Any]) -> Any:
        """Carry out one request: `[name, *arguments]`."""
        match request:
            case ["start", command, log_file]:
                return self._start(command, log_file)
            case ["poll", pid]:
                return self._processes[pid].poll()
            case ["signal", pid, number]:
                return self._signal(self._processes[pid], number)
            case _:
                raise ValueError(f"not a request: {request!r}")

    def end(self) -> None:
        """Kill every process, wait for its end, and remove the folder."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, command: list[str], log_file: str) -> int:
        # A session of its own keeps the keys Ctrl-C and Ctrl-\ from the servers.
        with Path(log_file).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the command is this library's own
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self._prepare,  # noqa: PLW1509 - this process has one thread
            )
        self._processes[process.pid] = process
        return process.pid

    def _signal(self, process: subprocess.Popen[bytes], number: int) -> int | None:
        """Send a signal; where its effect is a certain one, answer when it has happened."""
        process.send_signal(number)
        if number == signal.SIGKILL:
            return process.wait()
        if number == signal.SIGSTOP and process.returncode is None:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return process.poll()


def requests(source: int, *, parent: int) -> Iterator[Any]:
    """Yield the requests read from the file descriptor `source` until it ends or the process `parent` is gone."""
    waiting = select.poll()
    waiting.register(source, select.POLLIN)
    buffered = b""
    while os.getppid() == parent:
        if not waiting.poll(_ORPHAN_CHECK_MILLISECONDS):
            continue
        chunk = os.read(source, _CHUNK_BYTES)
        if not chunk:
            return
        *lines, buffered = (buffered + chunk).split(b"\n")
        yield from map(json.loads, lines)


def serve(kept: Kept, *, source: int, target: int, parent: int) -> None:
    """Answer requests until `stop`, the end of the input or the parent's death; then end what is kept."""
    try:
        # A broken pipe says that nobody listens any more: the same as the end of the input.
        with contextlib.suppress(BrokenPipeError):
            _say(target, {"value": kept.folder})
            for request in requests(source, parent=parent):
                if request == ["stop"]:
                    break
                _say(target, _reply(kept, request))
    finally:
        kept.end()


def _say(target: int, reply: dict[str, Any]) -> None:
    os.write(target, json.dumps(reply).encode() + b"\n")


def _reply(kept: Kept, request: Any) -> dict[str, Any]:
    try:
        return {"value": kept.answer(request)}
    except (OSError, KeyError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _leave(number: int, _frame: object) -> NoReturn:  # pragma: no cover - runs in a process of its own
    raise SystemExit(128 + number)


def main() -> None:  # pragma: no cover - runs in a process of its own, without the packages that measure
    """Keep what the parent asks for; the one argument is the parent's process id."""
    signal.signal(signal.SIGTERM, _leave)
    kept = Kept(tempfile.mkdtemp(prefix="embedded-mongo-"), prepare=bound_to_this_process)
    serve(kept, source=sys.stdin.fileno(), target=sys.stdout.fileno(), parent=int(sys.argv[1]))


if __name__ == "__main__":
    main()
