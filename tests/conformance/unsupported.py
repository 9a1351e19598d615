"""What this library leaves out on purpose, each with the reason: a case that needs it is skipped.

This is the one place that says so. Whatever else is missing makes a case fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.verdicts import UnsupportedError

_GRIDFS = "GridFS buckets are not in this version"
_ENCRYPTION = "client-side field level encryption is not in this library"
_SEARCH = "Atlas Search indexes are not in this library; Database.run_command makes them"
_CURSOR_COMMAND = (
    "run_command returns the server's reply; a command's cursor is read by find_stream or aggregate_stream"
)
_OWN_COMMAND = "no method of its own; Database.run_command sends"

ENTITIES: Mapping[str, str] = {
    "bucket": _GRIDFS,
    "clientEncryption": _ENCRYPTION,
}

OPERATIONS: Mapping[tuple[str, str], str] = {
    ("client", "listDatabaseNames"): "list_databases tells the names",
    ("client", "listDatabaseObjects"): "databases are listed by description only",
    ("client", "appendMetadata"): "what the driver tells the server of itself is fixed when the client connects",
    ("database", "listCollectionObjects"): "collections are listed by name and by description only",
    ("database", "dropDatabase"): f"{_OWN_COMMAND} dropDatabase",
    ("database", "createCommandCursor"): _CURSOR_COMMAND,
    ("database", "runCursorCommand"): _CURSOR_COMMAND,
    ("collection", "count"): "drivers have no count helper any more: count_documents and estimated_document_count",
    ("collection", "mapReduce"): "the server has deprecated it; aggregate takes its place",
    ("collection", "listIndexNames"): "list_indexes tells the names",
    ("collection", "createIndexes"): "create_index makes one index at a time",
    ("collection", "dropIndexes"): "an index is dropped by its name: dropping all at once is refused",
    ("collection", "createSearchIndex"): _SEARCH,
    ("collection", "createSearchIndexes"): _SEARCH,
    ("collection", "dropSearchIndex"): _SEARCH,
    ("collection", "listSearchIndexes"): _SEARCH,
    ("collection", "updateSearchIndex"): _SEARCH,
    ("session", "getSnapshotTime"): "the time of a snapshot session is the driver's own affair",
}

ARGUMENTS: Mapping[str, str] = {
    "rawData": "no such option; it is about what lies beneath a time series, on servers from 8.2",
    "timeoutMode": "a stream's limit is its whole life's; a tailable one's is that of each request",
    "defaultTimeoutMS": "a limit is set on the client, a handle or an operation, not on a session",
    "snapshotTime": "the time of a snapshot session is the driver's own affair",
    "verboseResults": "a bulk write's result holds counts and upserted ids, not a result for each write",
    "hedge": "the server has deprecated hedged reads",
    "disableMD5": _GRIDFS,
}

CLIENT_SETTINGS: Mapping[str, str] = {
    "serverApi": "the configuration has no Stable API setting",
    "autoEncryptOpts": _ENCRYPTION,
}

EXPECTATIONS: Mapping[str, str] = {
    "expectLogMessages": "the driver's own log messages are not this library's",
    "expectTracingMessages": "tracing is not in this version",
}

EVENTS: Mapping[str, str] = {
    "connectionPendingResponseStarted": "the driver beneath has no such event",
    "connectionPendingResponseSucceeded": "the driver beneath has no such event",
    "connectionPendingResponseFailed": "the driver beneath has no such event",
}


def refuse_operation(kind: str, name: str) -> None:
    """Refuse an operation that this library leaves out.

    Raises:
        UnsupportedError: It does.
    """
    if (reason := OPERATIONS.get((kind, name))) is not None:
        raise UnsupportedError(f"{kind}.{name}: {reason}")


def refuse_in(table: Mapping[str, str], given: Mapping[str, Any]) -> None:
    """Refuse the first thing given that `table` lists, unless it is given as false.

    Raises:
        UnsupportedError: There is one.
    """
    for name, value in given.items():
        if name in table and value is not False:
            raise UnsupportedError(f"{name}: {table[name]}")
