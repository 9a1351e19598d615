"""The driver's listeners, which hand each event to a recorder under the format's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import decode_all
from pymongo import monitoring

from tests.conformance.bson_types import plain
from tests.conformance.recording import EventRecorder, Observed

# https://github.com/mongodb/specifications/blob/master/source/command-logging-and-monitoring, "Security"
_SENSITIVE = frozenset(
    {
        *("authenticate", "saslstart", "saslcontinue", "getnonce", "createuser", "updateuser"),
        *("copydbgetnonce", "copydbsaslstart", "copydb"),
    }
)
_GREETINGS = frozenset({"hello", "ismaster"})
_FAIL_POINT = "configureFailPoint"


def listeners_of(recorder: EventRecorder) -> list[Any]:
    """Return the listeners that tell `recorder` everything."""
    kinds = (_Commands, _Pools, _Heartbeats, _Servers, _Topologies)
    return [kind(recorder) for kind in kinds]


class _Listener:
    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder


class _Commands(_Listener, monitoring.CommandListener):
    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._keep("commandStartedEvent", event, {"command": event.command})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._keep("commandSucceededEvent", event, {"reply": event.reply})

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._keep("commandFailedEvent", event, {})

    def _keep(self, name: str, event: Any, documents: Mapping[str, Any]) -> None:
        if not self._recorder.wants(name) or self._is_left_out(event, documents):
            return
        fields = {
            "commandName": event.command_name,
            "databaseName": event.database_name,
            "hasServiceId": event.service_id is not None,
            "hasServerConnectionId": (event.server_connection_id or 0) > 0,
        }
        fields |= {key: _readable(document) for key, document in documents.items()}
        self._recorder.keep(Observed(name, "command", fields))

    def _is_left_out(self, event: Any, documents: Mapping[str, Any]) -> bool:
        command = event.command_name
        # The driver empties a greeting that carries credentials, and only such a one.
        is_secret = command.lower() in _SENSITIVE or (
            command.lower() in _GREETINGS and not all(dict(document) for document in documents.values())
        )
        is_ignored = command == _FAIL_POINT or command in self._recorder.ignored
        return is_ignored or (is_secret and not self._recorder.with_sensitive)


class _Pools(_Listener, monitoring.ConnectionPoolListener):
    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        self._keep("poolCreatedEvent")

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None:
        self._keep("poolReadyEvent")

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        has_service_id = event.service_id is not None
        self._keep(
            "poolClearedEvent", hasServiceId=has_service_id, interruptInUseConnections=event.interrupt_connections
        )

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None:
        self._keep("poolClosedEvent")

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:
        self._keep("connectionCreatedEvent")

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None:
        self._recorder.ready += 1
        self._keep("connectionReadyEvent")

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        self._keep("connectionClosedEvent", reason=event.reason)

    def connection_check_out_started(self, event: monitoring.ConnectionCheckOutStartedEvent) -> None:
        self._keep("connectionCheckOutStartedEvent")

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        self._keep("connectionCheckOutFailedEvent", reason=event.reason)

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        self._recorder.checked_out += 1
        self._keep("connectionCheckedOutEvent")

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:
        self._recorder.checked_out -= 1
        self._keep("connectionCheckedInEvent")

    def _keep(self, name: str, **fields: Any) -> None:
        self._recorder.keep(Observed(name, "cmap", fields))


class _Heartbeats(_Listener, monitoring.ServerHeartbeatListener):
    def started(self, event: monitoring.ServerHeartbeatStartedEvent) -> None:
        self._recorder.keep(Observed("serverHeartbeatStartedEvent", "sdam", {"awaited": event.awaited}))

    def succeeded(self, event: monitoring.ServerHeartbeatSucceededEvent) -> None:
        self._recorder.keep(Observed("serverHeartbeatSucceededEvent", "sdam", {"awaited": event.awaited}))

    def failed(self, event: monitoring.ServerHeartbeatFailedEvent) -> None:
        self._recorder.keep(Observed("serverHeartbeatFailedEvent", "sdam", {"awaited": event.awaited}))


class _Servers(_Listener, monitoring.ServerListener):
    def opened(self, event: monitoring.ServerOpeningEvent) -> None:
        self._recorder.keep(Observed("serverOpeningEvent", "sdam"))

    def description_changed(self, event: monitoring.ServerDescriptionChangedEvent) -> None:
        fields = {
            "previousDescription": {"type": event.previous_description.server_type_name},
            "newDescription": {"type": event.new_description.server_type_name},
        }
        self._recorder.keep(Observed("serverDescriptionChangedEvent", "sdam", fields))

    def closed(self, event: monitoring.ServerClosedEvent) -> None:
        self._recorder.keep(Observed("serverClosedEvent", "sdam"))


class _Topologies(_Listener, monitoring.TopologyListener):
    def opened(self, event: monitoring.TopologyOpenedEvent) -> None:
        self._recorder.keep(Observed("topologyOpeningEvent", "sdam"))

    def description_changed(self, event: monitoring.TopologyDescriptionChangedEvent) -> None:
        fields = {
            "previousDescription": {"type": event.previous_description.topology_type_name},
            "newDescription": {"type": event.new_description.topology_type_name},
        }
        self._recorder.keep(Observed("topologyDescriptionChangedEvent", "sdam", fields))

    def closed(self, event: monitoring.TopologyClosedEvent) -> None:
        self._recorder.keep(Observed("topologyClosedEvent", "sdam"))


def _readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command or a reply as BSON values; a batch that the driver was told to leave raw is read."""
    copy = dict(document)
    if isinstance(cursor := copy.get("cursor"), Mapping):
        copy["cursor"] = {key: _batch(value) if key.endswith("Batch") else value for key, value in cursor.items()}
    read: dict[str, Any] = plain(copy)
    return read


def _batch(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(part, bytes) for part in value):
        return decode_all(b"".join(value))
    return value
