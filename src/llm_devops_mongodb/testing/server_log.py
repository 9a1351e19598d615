"""Reading a server's log: whether it listens, and why it ended.

The server writes a JSON object a line since 4.4, and plain text before its logging is set up.
https://www.mongodb.com/docs/manual/reference/log-messages/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LISTENING = "waiting for connections"
_EXCERPT_LINES = 10


class ServerLog:
    """The log of one server, in a file that outlives its restarts.

    Watching the log instead of the port tells this server from another one that took the port.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0

    def begin(self) -> None:
        """Mark the present end: only what is written from now on counts."""
        self._start = self.path.stat().st_size if self.path.exists() else 0

    def text(self) -> str:
        """Return what the server has written since `begin`."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(self._start)
            return file.read().decode(errors="replace")

    def says_listening(self) -> bool:
        """Tell whether the server listens on its port."""
        return _LISTENING in self.text().lower()

    def excerpt(self) -> str:
        """Return the errors of the log, or its last lines where it has none; at most ten lines."""
        lines = [line for line in self.text().splitlines() if line]
        telling = [line for line in lines if _severity(line) in {"E", "F", ""}]
        return "\n".join((telling or lines)[-_EXCERPT_LINES:])


def _severity(line: str) -> str:
    """Return the severity of a line, `""` for one that is not in the log's format."""
    try:
        return str(json.loads(line)["s"])
    except (ValueError, KeyError, TypeError):
        return ""
