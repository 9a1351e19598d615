"""A driver that soon looks again for a server that failed: half of the suites' time went into waiting for that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo import common

_PAUSE = 0.02


@contextmanager
def impatient() -> Iterator[None]:
    """Shorten the least pause between two looks at a server, which the driver fixes at half a second.

    It has effect for monitors that poll: one that streams waits for the server.
    """
    usual = common.MIN_HEARTBEAT_INTERVAL
    common.MIN_HEARTBEAT_INTERVAL = _PAUSE
    try:
        yield
    finally:
        common.MIN_HEARTBEAT_INTERVAL = usual
