"""What replay does not check, each with the reason: it needs the server or the driver, and there is neither.

This is the one place that says so. Whatever else cannot be done without them makes a case fail in replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

INITIAL_DATA = "initialData"
OUTCOME = "outcome"
EVENTS = "expectEvents"
TRANSACTION_STATE = "the driver's state of a transaction"
SERVER_REPLY = "errorResponse and errorContains of the server's text"
_FAIL_POINTS = "fail points"
_COUNTED_EVENTS = "waitForEvent and assertEventCount"
_CONNECTIONS = "connections in use or made in advance"
_LSIDS = "logical ids of sessions"
_SERVER_SESSIONS = "dirty and pinned sessions"
_THERE = "collections and indexes that are there"
_TOPOLOGY = "topology"
POOL_FILLED = _CONNECTIONS

REASONS: Mapping[str, str] = {
    INITIAL_DATA: "there is no server to fill; its answers are recorded",
    OUTCOME: "there is no server that holds anything in the end",
    EVENTS: "the driver publishes events, and there is none",
    SERVER_REPLY: "the driver's error holds the server's reply; this library's error is compared with the live one",
    TRANSACTION_STATE: "there is no driver; whether the session has a transaction open is compared",
    _FAIL_POINTS: "there is no server to fail; the errors it answered are recorded",
    _COUNTED_EVENTS: "the driver publishes events, and there is none",
    _CONNECTIONS: "there are no connections",
    _LSIDS: "no command is sent that could carry one",
    _SERVER_SESSIONS: "the driver keeps the server's sessions, and there is none",
    _THERE: "there is no server to look at",
    _TOPOLOGY: "there are no members to know",
}
"""Why each kind of check is set aside."""

OPERATIONS: Mapping[str, str] = {
    "failPoint": _FAIL_POINTS,
    "targetedFailPoint": _FAIL_POINTS,
    "waitForEvent": _COUNTED_EVENTS,
    "assertEventCount": _COUNTED_EVENTS,
    "assertNumberConnectionsCheckedOut": _CONNECTIONS,
    "assertSameLsidOnLastTwoCommands": _LSIDS,
    "assertDifferentLsidOnLastTwoCommands": _LSIDS,
    "assertSessionDirty": _SERVER_SESSIONS,
    "assertSessionNotDirty": _SERVER_SESSIONS,
    "assertSessionPinned": _SERVER_SESSIONS,
    "assertSessionUnpinned": _SERVER_SESSIONS,
    "assertCollectionExists": _THERE,
    "assertCollectionNotExists": _THERE,
    "assertIndexExists": _THERE,
    "assertIndexNotExists": _THERE,
    "recordTopologyDescription": _TOPOLOGY,
    "assertTopologyType": _TOPOLOGY,
    "waitForPrimaryChange": _TOPOLOGY,
}
"""The test runner's operations that are set aside, and as what."""


class SetAside:
    """Counts what one case had set aside.

    Attributes:
        counts: How often, by kind.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, kind: str, times: int = 1) -> None:
        """Count what is not checked; it must have its reason."""
        if times:
            self.counts[kind] += times * bool(REASONS[kind])
