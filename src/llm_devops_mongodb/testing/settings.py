"""How an embedded server is set up: values with defaults that make it small and quick."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from llm_devops_mongodb.testing.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from llm_devops_mongodb.testing.certificates import Certificate, CertificateAuthority

_PARAMETERS: Mapping[str, object] = {
    # Fail points (`configureFailPoint`) and other commands for tests.
    "enableTestCommands": 1,
    # Without diagnostic data nothing is written while nothing happens.
    "diagnosticDataCollectionEnabled": False,
    # SIGTERM would otherwise let a member of several linger for 15 s, in the hope that clients go elsewhere.
    "shutdownTimeoutMillisForSignaledShutdown": 0,
    # Documents expire within 2 s, not within 60 s.
    "ttlMonitorSleepSecs": 1,
}


class ServerOptions(TypedDict, total=False):
    """The keyword arguments of `EmbeddedMongo` that go to `ServerSettings`, where they are told."""

    oplog_size: int
    cache_size: float
    set_parameters: Mapping[str, object]
    arguments: Sequence[str]
    election_timeout: timedelta
    heartbeat_interval: timedelta
    replica_set: str
    binary: Path | None
    start_timeout: timedelta


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How every member of an embedded server is set up.

    Attributes:
        oplog_size: The size of the oplog in megabytes; 1 is the least.
        cache_size: The storage engine's cache in gigabytes; 0.25 is the least.
        set_parameters: Server parameters besides this module's own; a value of None takes one of those away.
            https://www.mongodb.com/docs/manual/reference/parameters/
        arguments: Further arguments of the command line, such as `("--syncdelay", "1")`.
        election_timeout: How long a member waits for a lost primary. The server's own default is 10 s.
        heartbeat_interval: How often members ask each other. The server's own default is 2 s.
        replica_set: The name of the replica set.
        binary: The server program; None finds one (`find_mongod`).
        start_timeout: The limit of a start or restart, until the server takes writes.
    """

    oplog_size: int = 16
    cache_size: float = 0.25
    set_parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    arguments: Sequence[str] = ()
    election_timeout: timedelta = timedelta(milliseconds=500)
    heartbeat_interval: timedelta = timedelta(milliseconds=100)
    replica_set: str = "rs0"
    binary: Path | None = None
    start_timeout: timedelta = timedelta(seconds=30)

    def command_line(self, binary: Path, port: int, *, folder: Path, security: Sequence[str] = ()) -> list[str]:
        """Return the command that starts one member.

        Args:
            binary: The server program.
            port: The member's port on the loopback interface.
            folder: Its data folder.
            security: The arguments for authentication and TLS.
        """
        # A log of the storage engine that is not allocated ahead and kept in small files takes 9 MB, not 300 MB.
        small_log = "log=(prealloc=false,file_max=8MB)"
        parameters = {**_PARAMETERS, **self.set_parameters}
        return [
            *(str(binary), "--port", str(port), "--bind_ip", LOOPBACK, "--nounixsocket"),
            *("--dbpath", str(folder), "--replSet", self.replica_set, "--oplogSize", str(self.oplog_size)),
            *("--wiredTigerCacheSizeGB", str(self.cache_size), "--wiredTigerEngineConfigString", small_log),
            *(part for name, value in parameters.items() if value is not None for part in _parameter(name, value)),
            *security,
            *self.arguments,
        ]

    def replica_set_config(self, addresses: Sequence[str]) -> dict[str, object]:
        """Return the configuration for `replSetInitiate`.

        Source: https://www.mongodb.com/docs/manual/reference/replica-configuration/
        """
        return {
            "_id": self.replica_set,
            "members": [{"_id": number, "host": address} for number, address in enumerate(addresses)],
            "settings": {
                "electionTimeoutMillis": self.election_timeout // timedelta(milliseconds=1),
                "heartbeatIntervalMillis": self.heartbeat_interval // timedelta(milliseconds=1),
            },
        }


@dataclass(frozen=True, slots=True)
class ServerTls:
    """TLS of an embedded server that demands it of every client.

    Attributes:
        authority: Whose certificates are trusted, by the server and by clients that use the server's `ca_file`.
        server_certificate: The server's own; None has `authority` issue one. It must hold for 127.0.0.1.
        require_client_certificate: False admits clients that show no certificate.
    """

    authority: CertificateAuthority
    server_certificate: Certificate | None = None
    require_client_certificate: bool = True


def _parameter(name: str, value: object) -> tuple[str, str]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "--setParameter", f"{name}={text}"
