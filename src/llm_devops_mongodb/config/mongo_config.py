"""The configuration of a client: one frozen value that tells the whole truth, URI included."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from pydantic import Field, InstanceOf

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.config.environment import read_environment
from llm_devops_mongodb.config.fields import (
    AppName,
    Compressor,
    Compressors,
    CursorSecret,
    DatabaseName,
    HeartbeatFrequency,
    MinPoolSize,
    PositiveDuration,
    UuidRepresentation,
    default_min_pool_size,
)
from llm_devops_mongodb.config.model import ConfigModel, located
from llm_devops_mongodb.config.sections import (
    AuditConfig,
    QueryGuardConfig,
    RetryConfig,
    SimulationMode,
    TlsConfig,
    TracingConfig,
)
from llm_devops_mongodb.config.uri_settings import CARRIED_OPTIONS, read_uri_settings
from llm_devops_mongodb.errors import ConfigError, ConfigFault
from llm_devops_mongodb.security.secrets import SecretString  # noqa: TC001 - get_type_hints looks for it
from llm_devops_mongodb.security.uri import sanitize_uri_for_logging
from llm_devops_mongodb.table_files import read_table
from llm_devops_mongodb.uri.query import without_options

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class ConfigSettings(TypedDict, total=False):
    """What may be said about a configuration beside its URI; the forms that are accepted are wider than the fields."""

    default_database: str | None
    max_pool_size: int
    min_pool_size: int
    connect_timeout: timedelta | str
    server_selection_timeout: timedelta | str
    wait_queue_timeout: timedelta | str | None
    heartbeat_frequency: timedelta | str | None
    timeout: timedelta | str | None
    read_preference: ReadPreference | str | Mapping[str, Any] | None
    read_concern: ReadConcern | Literal["local", "available", "majority", "linearizable", "snapshot"] | None
    write_concern: WriteConcern | int | str | Mapping[str, Any] | None
    retry_reads: bool
    retry_writes: bool
    retry: RetryConfig | Mapping[str, Any] | bool
    transaction_retry_limit: timedelta | str
    compressors: Iterable[Compressor] | str
    app_name: str | None
    tls: TlsConfig | Mapping[str, Any] | bool
    simulation_mode: SimulationMode | Literal["disabled", "record", "replay"]
    simulation_path: str | os.PathLike[str] | None
    tz_aware: bool
    uuid_representation: UuidRepresentation
    validate_documents: bool
    max_namespace_bytes: int
    max_find_results: int | None
    cursor_secret: SecretString | str | None
    audit: AuditConfig | Mapping[str, Any] | bool
    tracing: TracingConfig | Mapping[str, Any] | bool
    query_guard: QueryGuardConfig | Mapping[str, Any] | bool


_SECTIONS: Mapping[str, Callable[[object], object]] = {
    "read_preference": ReadPreference.of,
    "write_concern": WriteConcern.of,
    "tls": TlsConfig.of,
    "retry": RetryConfig.of,
    "audit": AuditConfig.of,
    "tracing": TracingConfig.of,
    "query_guard": QueryGuardConfig.of,
}


class MongoConfig(ConfigModel, frozen=True):
    r"""Everything a client needs to know. What cannot work cannot be made.

    A field that is not given is taken from the URI where the URI says it, so the value tells what will happen; a field
    that is given wins over the URI. `repr` and `str` show the URI without its secrets; `model_dump` and `pickle` do not
    hide them.

    Durations are `timedelta`; text such as `10s`, `500ms` or `1m30s` is accepted too.

    Attributes:
        uri: The connection string.
        default_database: The database of `MongoClient.default_database()`; 1 to 63 bytes, none of `/\. "$` or NUL.
        max_pool_size: Connections to each server at most.
        min_pool_size: Connections to each server at least: 5, or `max_pool_size` where that is less.
        connect_timeout: How long connecting to a server, handshake included, may take.
        server_selection_timeout: How long to look for a suitable server.
        wait_queue_timeout: How long to wait for a free connection; None waits for ever.
        heartbeat_frequency: Pause between two looks at a server; None is the driver's 10 s.
        timeout: The limit of one operation: looking for a server, waiting for a connection, retries and a stream's
            whole life together; None sets none. Operations may be given their own.
        read_preference: Which members may answer; None is the primary.
        read_concern: None is the server's own.
        write_concern: None is the server's own, `w: "majority"` since 5.0.
        retry_reads: Read again once where the connection broke.
        retry_writes: Write again once where the connection broke and the server can tell that it is the same write.
        retry: Ask again, up to three times in all, what is safe to repeat; `True` stands for
            `RetryConfig(enabled=True)`.
        transaction_retry_limit: How long `with_transaction` tries again; `timeout`, where set, shortens it.
        compressors: Compression of what goes over the wire, in order of preference.
        app_name: Shown in the server's log; at most 128 bytes.
        tls: Encryption; on by default with `mongodb+srv://`.
        simulation_mode: Record operations, or answer them from a recording.
        simulation_path: The recording.
        tz_aware: Datetimes are read as UTC with their time zone instead of without.
        uuid_representation: How UUIDs are written: `standard` is binary subtype 4.
        validate_documents: Check documents, filters and pipelines before they are sent.
        max_namespace_bytes: The longest `database.collection`; servers from 4.4 take 255.
        max_find_results: How many documents `find` may collect before it raises; None sets no bound.
        cursor_secret: Signs the cursors of `find_page`; at least 16 bytes, hard to guess. None signs with random bytes,
            and then a cursor is good for the client that made it and no other. A configuration that holds one can be
            neither pickled nor hashed.
        audit: The audit log; `True` stands for `AuditConfig(enabled=True)`.
        tracing: Spans and metrics; `True` stands for `TracingConfig(enabled=True)`.
        query_guard: Notices slow queries while developing; `True` stands for `QueryGuardConfig(enabled=True)`.

    Raises:
        ConfigError: With every fault. It repeats no value.

    Example:
        >>> MongoConfig(uri="mongodb://localhost/shop?maxPoolSize=20", connect_timeout="2s").max_pool_size
        20
    """

    uri: str
    default_database: DatabaseName | None = None
    max_pool_size: int = Field(default=100, ge=1)
    min_pool_size: MinPoolSize = Field(default_factory=default_min_pool_size, ge=0)
    connect_timeout: PositiveDuration = timedelta(seconds=10)
    server_selection_timeout: PositiveDuration = timedelta(seconds=30)
    wait_queue_timeout: PositiveDuration | None = timedelta(seconds=10)
    heartbeat_frequency: HeartbeatFrequency | None = None
    timeout: PositiveDuration | None = None
    read_preference: InstanceOf[ReadPreference] | None = None
    read_concern: ReadConcern | None = None
    write_concern: InstanceOf[WriteConcern] | None = None
    retry_reads: bool = True
    retry_writes: bool = True
    retry: InstanceOf[RetryConfig] = Field(default_factory=RetryConfig)
    transaction_retry_limit: PositiveDuration = timedelta(seconds=120)
    compressors: Compressors = ()
    app_name: AppName | None = None
    tls: InstanceOf[TlsConfig] = Field(default_factory=TlsConfig)
    simulation_mode: SimulationMode = SimulationMode.DISABLED
    simulation_path: Path | None = None
    tz_aware: bool = True
    uuid_representation: UuidRepresentation = "standard"
    validate_documents: bool = True
    max_namespace_bytes: int = Field(default=120, ge=1, le=255)
    max_find_results: int | None = Field(default=None, ge=1)
    cursor_secret: CursorSecret | None = None
    audit: InstanceOf[AuditConfig] = Field(default_factory=AuditConfig)
    tracing: InstanceOf[TracingConfig] = Field(default_factory=TracingConfig)
    query_guard: InstanceOf[QueryGuardConfig] = Field(default_factory=QueryGuardConfig)

    if TYPE_CHECKING:

        def __init__(self, *, uri: str, **settings: Unpack[ConfigSettings]) -> None: ...

    @classmethod
    def from_env(cls, prefix: str = "MONGODB_", environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment: `MONGODB_URI`, `MONGODB_MAX_POOL_SIZE`, `MONGODB_TLS_CA_FILE` and so on.

        A variable that is not set leaves its field's default. One with the prefix that nearly spells a known name gives
        a `UserWarning`; others are left alone, as Kubernetes injects `MONGODB_SERVICE_HOST` and its like.

        Args:
            prefix: What the variables' names start with.
            environ: The environment; None is the process's own.

        Raises:
            ConfigError: With every fault, each naming its variable.
        """
        settings, variables = read_environment(cls, os.environ if environ is None else environ, prefix=prefix)
        return cls._read(settings, variables)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a TOML, JSON or YAML file, told by its suffix; YAML needs the extra `yaml`.

        Its keys are the fields' names; `tls`, `retry`, `audit`, `tracing`, `query_guard`, `read_preference` and
        `write_concern` may be tables. Relative paths in it are relative to the working directory.

        Raises:
            ConfigError: The file is missing or malformed, or the configuration has faults, unknown keys among them.
        """
        return cls._read(read_table(Path(path)), {"": f"in {path}"})

    def replace(self, *, uri: str | None = None, **changes: Unpack[ConfigSettings]) -> Self:
        """Return this configuration with some fields given anew, and everything checked anew.

        Args:
            uri: Another URI. It brings its own settings; fields that were given, not taken from the old one, stay.
            **changes: Fields.

        Raises:
            ConfigError: The result cannot exist.
        """
        settings: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        settings.update(changes)
        if uri is not None:
            settings["uri"] = uri
        return type(self)(**settings)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, but checking `update` as `replace` does."""
        return self.replace(**update) if update else super().model_copy(deep=deep)

    @property
    def driver_uri(self) -> str:
        """The URI without the options that fields of this value hold, so that nothing is said twice."""
        return without_options(self.uri, CARRIED_OPTIONS)

    @classmethod
    def _read(cls, settings: dict[str, Any], origins: Mapping[str, str]) -> Self:
        try:
            return cls(**settings)
        except ConfigError as error:
            faults = located(error.faults, origins)
        raise ConfigError.of(faults)

    def _try(self, settings: dict[str, Any]) -> list[ConfigFault]:
        fields = type(self).model_fields
        # None is how "not given" is written for the fields whose default it is.
        unsaid = {name for name, value in settings.items() if value is None and name in _optional(fields)}
        given = {name: value for name, value in settings.items() if name not in unsaid}
        said, faults = read_uri_settings(given.get("uri"))
        values = _merged(said, given)
        faults += _build_sections(values)
        faults += super()._try(values)
        if not faults:
            # What the URI said is not "set": `replace` with another URI must not keep it.
            self.model_fields_set.intersection_update(given)
        ranks = {name: rank for rank, name in enumerate(fields)}
        faults = located(faults, dict.fromkeys(said.keys() - given.keys(), "from the URI"))
        return sorted(faults, key=lambda fault: ranks.get(fault.field.partition(".")[0], len(ranks)))

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, sanitize_uri_for_logging(value) if name == "uri" else value


def _optional(fields: Mapping[str, FieldInfo]) -> set[str]:
    return {name for name, field in fields.items() if field.default is None}


def _merged(said: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given over what the URI said; of TLS, the parts that were given."""
    values = said | given
    tls = given.get("tls")
    if "tls" in said and isinstance(tls, (bool, Mapping)):
        values["tls"] = {**said["tls"], **({"enabled": tls} if isinstance(tls, bool) else tls)}
    return values


def _build_sections(values: dict[str, Any]) -> list[ConfigFault]:
    """Make the values that sections of `values` describe, in place; take faulty ones out and return their faults."""
    faults: list[ConfigFault] = []
    for name in _SECTIONS.keys() & values.keys():
        try:
            values[name] = _SECTIONS[name](values[name])
        except ConfigError as error:
            faults += error.faults
            del values[name]
    return faults
