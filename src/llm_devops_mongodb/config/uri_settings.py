"""What a connection string says about the fields of a configuration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from llm_devops_mongodb.errors import ConfigError, ConfigFault
from llm_devops_mongodb.uri import MongoUri, parse_uri
from llm_devops_mongodb.uri.options import OPTIONS

_AS_THEY_ARE = {
    "appName": "app_name",
    "compressors": "compressors",
    "maxPoolSize": "max_pool_size",
    "minPoolSize": "min_pool_size",
    "readConcernLevel": "read_concern",
    "retryReads": "retry_reads",
    "retryWrites": "retry_writes",
    "tz_aware": "tz_aware",
    "uuidRepresentation": "uuid_representation",
}
_MILLISECONDS = {
    "connectTimeoutMS": "connect_timeout",
    "heartbeatFrequencyMS": "heartbeat_frequency",
    "serverSelectionTimeoutMS": "server_selection_timeout",
    "timeoutMS": "timeout",
    "waitQueueTimeoutMS": "wait_queue_timeout",
}
_READ_PREFERENCE = {"readPreference": "mode", "readPreferenceTags": "tag_sets"}
_WRITE_CONCERN = {"w": "w", "journal": "journal"}
_TLS = {
    "tls": "enabled",
    "tlsCAFile": "ca_file",
    "tlsCertificateKeyFile": "cert_file",
    "tlsAllowInvalidCertificates": "allow_invalid_certificates",
    "tlsAllowInvalidHostnames": "allow_invalid_hostnames",
}

CARRIED_OPTIONS = frozenset(
    {
        *_AS_THEY_ARE,
        *_MILLISECONDS,
        *_READ_PREFERENCE,
        "maxStalenessSeconds",
        *_WRITE_CONCERN,
        "wTimeoutMS",
        *_TLS,
        "ssl",
        "tlsInsecure",
    }
)
"""The options that a configuration holds in fields of its own."""


def read_uri_settings(uri: object) -> tuple[dict[str, Any], list[ConfigFault]]:
    """Return the fields that `uri` says something about, in the forms that a configuration accepts.

    Args:
        uri: A connection string; anything else says nothing.

    Returns:
        The settings, and what is wrong with the URI.
    """
    if not isinstance(uri, str):
        return {}, []
    try:
        read = parse_uri(uri)
    except ConfigError as error:
        return {}, [*error.faults]
    unsupported = [name for name in read.options if not OPTIONS[name.casefold()].is_supported]
    return _settings_of(read), [ConfigFault("uri", f"the driver does not know option {name}") for name in unsupported]


def _settings_of(uri: MongoUri) -> dict[str, Any]:
    options = uri.options
    settings: dict[str, Any] = {
        **_renamed(uri, _AS_THEY_ARE),
        **{field: timedelta(milliseconds=number) for field, number in _renamed(uri, _MILLISECONDS).items()},
    }
    # 0 is the URI's word for no limit.
    if options.get("timeoutMS") == 0:
        del settings["timeout"]
    sections = {"read_preference": _reads(uri), "write_concern": _writes(uri), "tls": _tls(uri)}
    settings |= {name: section for name, section in sections.items() if section}
    if uri.database is not None:
        settings["default_database"] = uri.database
    return settings


def _renamed(uri: MongoUri, names: dict[str, str]) -> dict[str, Any]:
    return {field: uri.options[option] for option, field in names.items() if option in uri.options}


def _reads(uri: MongoUri) -> dict[str, Any]:
    settings = _renamed(uri, _READ_PREFERENCE)
    limit: Any = uri.options.get("maxStalenessSeconds", -1)
    if limit >= 0:
        settings["max_staleness"] = timedelta(seconds=limit)
    return {"mode": "primary", **settings} if settings else {}


def _writes(uri: MongoUri) -> dict[str, Any]:
    settings = _renamed(uri, _WRITE_CONCERN)
    limit: Any = uri.options.get("wTimeoutMS", 0)
    if limit > 0:
        settings["timeout"] = timedelta(milliseconds=limit)
    # Where only the journal or the limit is told, how many members acknowledge stays the server's own choice.
    return {"w": None, **settings} if settings else {}


def _tls(uri: MongoUri) -> dict[str, Any]:
    settings = _renamed(uri, _TLS)
    if uri.is_srv:
        settings.setdefault("enabled", True)
    if "tlsInsecure" in uri.options:
        is_insecure = uri.options["tlsInsecure"]
        settings |= {"allow_invalid_certificates": is_insecure, "allow_invalid_hostnames": is_insecure}
    return settings
