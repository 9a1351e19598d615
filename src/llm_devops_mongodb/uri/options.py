"""The options of a connection string: a name each, and how its text is read.

The table holds the options of the MongoDB URI options specification and PyMongo's own. Readers return the option's
value or raise `ValueError` with what is right; they never repeat the text, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

OptionValue = bool | int | str | tuple[str, ...] | Mapping[str, str] | tuple[Mapping[str, str], ...]
"""What an option's text is read as."""

_INTEGER = re.compile(r"-?[0-9]{1,10}")
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class UriOption:
    """One option.

    Attributes:
        name: Its name in the specification's spelling.
        read: Reads its decoded text; `readPreferenceTags` decodes by itself.
        is_secret: Its value may hold a secret and is never shown.
        is_supported: The driver honours it. What it does not honour it would drop silently.
    """

    name: str
    read: Callable[[str], OptionValue]
    is_secret: bool = False
    is_supported: bool = True


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def _text(text: str) -> str:
    return text


def _whole(least: int, most: int = _MOST) -> Callable[[str], int]:
    bound = f"of at least {least}" if most == _MOST else f"from {least} to {most}"

    def read(text: str) -> int:
        if _INTEGER.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"must be a whole number {bound}")

    return read


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return read


def _some_of(*names: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if not set(found) <= set(names):
            raise ValueError(f"must be some of {', '.join(names)}, separated by commas")
        return found

    return read


def _pairs(text: str) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for entry in text.split(","):
        name, _, value = entry.partition(":")
        if not name or not value:
            raise ValueError("must be name:value pairs, separated by commas")
        pairs[name] = value
    return pairs


def read_tag_set(text: str) -> Mapping[str, str]:
    """Read one `readPreferenceTags`, still percent-encoded: a comma inside a tag is encoded.

    Raises:
        ValueError: It is not a list of name:value pairs.
    """
    # An empty set is the fallback that matches every member.
    if not text:
        return {}
    return {unquote_plus(name): unquote_plus(value) for name, value in _pairs(text).items()}


def _mechanism_properties(text: str) -> Mapping[str, str]:
    properties = _pairs(text)
    if not properties.keys() <= _MECHANISM_PROPERTIES:
        raise ValueError(f"its names must be among {', '.join(sorted(_MECHANISM_PROPERTIES))}")
    return properties


def _members(text: str) -> int | str:
    return _whole(0)(text) if _INTEGER.fullmatch(text) else text


def _staleness(text: str) -> int:
    # -1 says that there is no limit; shorter limits than 90 s are refused by the server selection specification.
    return -1 if text == "-1" else _whole(90)(text)


_MECHANISM_PROPERTIES = frozenset(
    {
        "AWS_SESSION_TOKEN",
        "CANONICALIZE_HOST_NAME",
        "ENVIRONMENT",
        "SERVICE_HOST",
        "SERVICE_NAME",
        "SERVICE_REALM",
        "TOKEN_RESOURCE",
    }
)
_MECHANISMS = (
    "DEFAULT",
    "GSSAPI",
    "MONGODB-AWS",
    "MONGODB-OIDC",
    "MONGODB-X509",
    "PLAIN",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
)
_READ_MODES = ("primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest")
_UUID_FORMS = ("standard", "unspecified", "pythonLegacy", "javaLegacy", "csharpLegacy")
_DATETIME_FORMS = ("DATETIME", "DATETIME_CLAMP", "DATETIME_MS", "DATETIME_AUTO")

_TABLE = (
    UriOption("appName", _text),
    UriOption("authMechanism", _one_of(*_MECHANISMS)),
    UriOption("authMechanismProperties", _mechanism_properties, is_secret=True),
    UriOption("authSource", _text),
    UriOption("compressors", _some_of("snappy", "zlib", "zstd")),
    UriOption("connect", _flag),
    UriOption("connectTimeoutMS", _whole(0)),
    UriOption("datetime_conversion", _one_of(*_DATETIME_FORMS)),
    UriOption("directConnection", _flag),
    UriOption("enableOverloadRetargeting", _flag),
    UriOption("fsync", _flag),
    UriOption("heartbeatFrequencyMS", _whole(500)),
    UriOption("journal", _flag),
    UriOption("loadBalanced", _flag),
    UriOption("localThresholdMS", _whole(0)),
    UriOption("maxAdaptiveRetries", _whole(0)),
    UriOption("maxConnecting", _whole(1)),
    UriOption("maxIdleTimeMS", _whole(1)),
    UriOption("maxPoolSize", _whole(0)),
    UriOption("maxStalenessSeconds", _staleness),
    UriOption("minPoolSize", _whole(0)),
    UriOption("proxyHost", _text, is_supported=False),
    UriOption("proxyPassword", _text, is_secret=True, is_supported=False),
    UriOption("proxyPort", _whole(1, 65535), is_supported=False),
    UriOption("proxyUsername", _text, is_secret=True, is_supported=False),
    UriOption("readConcernLevel", _text),
    UriOption("readPreference", _one_of(*_READ_MODES)),
    UriOption("readPreferenceTags", read_tag_set),
    UriOption("replicaSet", _text),
    UriOption("retryReads", _flag),
    UriOption("retryWrites", _flag),
    UriOption("serverMonitoringMode", _one_of("auto", "stream", "poll")),
    UriOption("serverSelectionTimeoutMS", _whole(0)),
    UriOption("serverSelectionTryOnce", _flag, is_supported=False),
    UriOption("socketTimeoutMS", _whole(0)),
    UriOption("srvAllowedHostsSuffix", _text),
    UriOption("srvMaxHosts", _whole(0)),
    UriOption("srvServiceName", _text),
    UriOption("ssl", _flag),
    UriOption("timeoutMS", _whole(0)),
    UriOption("tls", _flag),
    UriOption("tlsAllowInvalidCertificates", _flag),
    UriOption("tlsAllowInvalidHostnames", _flag),
    UriOption("tlsCAFile", _text),
    UriOption("tlsCertificateKeyFile", _text),
    UriOption("tlsCertificateKeyFilePassword", _text, is_secret=True),
    UriOption("tlsCRLFile", _text),
    UriOption("tlsDisableCertificateRevocationCheck", _flag, is_supported=False),
    UriOption("tlsDisableOCSPEndpointCheck", _flag),
    UriOption("tlsInsecure", _flag),
    UriOption("tz_aware", _flag),
    UriOption("unicode_decode_error_handler", _one_of("strict", "replace", "ignore")),
    UriOption("uuidRepresentation", _one_of(*_UUID_FORMS)),
    UriOption("w", _members),
    UriOption("waitQueueMultiple", _whole(0)),
    UriOption("waitQueueTimeoutMS", _whole(1)),
    UriOption("wTimeoutMS", _whole(0)),
    UriOption("zlibCompressionLevel", _whole(-1, 9)),
)
OPTIONS: Mapping[str, UriOption] = {option.name.casefold(): option for option in _TABLE}
"""Every known option by its name in lower case; names are matched in any case."""
