"""A port of the loopback interface that stays ours while nobody listens on it."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A free port, held by a bound socket that does not listen.

    With SO_REUSEADDR on both sides a server can listen on the port all the same (Linux), but the system gives it to
    nobody else: not between choosing it and the server's start, and not while the server is down before a restart.

    Attributes:
        number: The port.
    """

    def __init__(self, number: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, number))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give the port back. Idempotent."""
        self._socket.close()
