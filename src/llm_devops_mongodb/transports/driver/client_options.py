"""The configuration as the arguments of the driver's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.transports.driver.arguments import milliseconds

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from llm_devops_mongodb.config import MongoConfig, TlsConfig
    from llm_devops_mongodb.security.credentials import MongoCredentials


def client_options(
    config: MongoConfig, *, credentials: MongoCredentials | None, certificate_key_file: Path | None
) -> dict[str, Any]:
    """Return the keyword arguments of `AsyncMongoClient`; what is not given leaves the matter to the URI.

    Args:
        config: The configuration.
        credentials: Credentials that take the place of the URI's.
        certificate_key_file: The one file that holds the client's certificate and its key.
    """
    options: dict[str, Any] = {
        "minPoolSize": config.min_pool_size,
        "maxPoolSize": config.max_pool_size,
        "connectTimeoutMS": _milliseconds(config.connect_timeout),
        "serverSelectionTimeoutMS": _milliseconds(config.server_selection_timeout),
        "waitQueueTimeoutMS": _milliseconds(config.wait_queue_timeout),
        "heartbeatFrequencyMS": _milliseconds(config.heartbeat_frequency),
        "retryReads": config.retry_reads,
        "retryWrites": config.retry_writes,
        "compressors": ",".join(config.compressors) or None,
        "appname": config.app_name,
        **_concerns(config),
        **_tls(config.tls, certificate_key_file),
        **_credentials(credentials),
    }
    return {name: value for name, value in options.items() if value is not None}


def _concerns(config: MongoConfig) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if (reads := config.read_preference) is not None:
        options["readPreference"] = reads.mode
        if reads.tag_sets:
            options["readPreferenceTags"] = [
                ",".join(f"{name}:{value}" for name, value in tags.items()) for tags in reads.tag_sets
            ]
        if reads.max_staleness is not None:
            options["maxStalenessSeconds"] = round(reads.max_staleness.total_seconds())
    if config.read_concern is not None:
        options["readConcernLevel"] = str(config.read_concern)
    if (writes := config.write_concern) is not None:
        options |= {"w": writes.w, "journal": writes.journal or None, "wTimeoutMS": _milliseconds(writes.timeout)}
    return options


def _tls(tls: TlsConfig, certificate_key_file: Path | None) -> dict[str, Any]:
    if not tls.enabled:
        # Said out loud, because `mongodb+srv` turns it on.
        return {"tls": False}
    return {
        "tls": True,
        "tlsCAFile": None if tls.ca_file is None else str(tls.ca_file),
        "tlsCertificateKeyFile": None if certificate_key_file is None else str(certificate_key_file),
        "tlsAllowInvalidCertificates": tls.allow_invalid_certificates or None,
        "tlsAllowInvalidHostnames": tls.allow_invalid_hostnames or None,
    }


def _credentials(credentials: MongoCredentials | None) -> dict[str, Any]:
    if credentials is None:
        return {}
    return {
        # The driver refuses even an empty password for X.509 and OIDC.
        "username": credentials.username or None,
        "password": credentials.password.expose_secret() or None,
        "authSource": credentials.auth_source,
        "authMechanism": str(credentials.mechanism),
    }


def _milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)
