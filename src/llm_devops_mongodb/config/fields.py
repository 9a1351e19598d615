"""The rules that fields of a configuration follow, as pydantic field types."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, InstanceOf, ValidationInfo

from llm_devops_mongodb.durations import Duration
from llm_devops_mongodb.security.secrets import SecretString

Compressor = Literal["snappy", "zlib", "zstd"]
"""The compressions that the driver knows."""

UuidRepresentation = Literal["standard", "unspecified", "pythonLegacy", "javaLegacy", "csharpLegacy"]
"""The ways to write a UUID, as the URI options specification names them."""

_NOT_IN_DATABASE = frozenset('/\\. "$\0')
_MAX_DATABASE_BYTES = 63
_MAX_APP_NAME_BYTES = 128
_LEAST_HEARTBEAT = timedelta(milliseconds=500)
_MIN_POOL_SIZE = 5
_LEAST_SECRET_BYTES = 16


def default_min_pool_size(earlier: dict[str, Any]) -> int:
    """Return 5, or the greatest size of the pool where that is less."""
    max_pool_size: int = earlier.get("max_pool_size", _MIN_POOL_SIZE)
    return min(_MIN_POOL_SIZE, max_pool_size)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be positive")
    return value


def _database(name: str) -> str:
    if not name:
        raise ValueError("must not be empty")
    if _size(name) > _MAX_DATABASE_BYTES or _NOT_IN_DATABASE & set(name):
        raise ValueError(
            f"must have at most {_MAX_DATABASE_BYTES} bytes and none of '/', '\\', '.', ' ', '\"', '$', NUL"
        )
    return name


def _app_name(name: str) -> str:
    if _size(name) > _MAX_APP_NAME_BYTES:
        raise ValueError(f"must have at most {_MAX_APP_NAME_BYTES} bytes")
    return name


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _not_above_max(size: int, info: ValidationInfo) -> int:
    if size > info.data.get("max_pool_size", size):
        raise ValueError("min_pool_size cannot exceed max_pool_size")
    return size


def _not_too_frequent(interval: timedelta) -> timedelta:
    if interval < _LEAST_HEARTBEAT:
        raise ValueError("must be at least 500ms")
    return interval


def _separated(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _hidden(value: object) -> object:
    return SecretString(value) if isinstance(value, str) else value


def _hard_to_guess(secret: SecretString) -> SecretString:
    if _size(secret.expose_secret()) < _LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {_LEAST_SECRET_BYTES} bytes")
    return secret


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
DatabaseName = Annotated[str, AfterValidator(_database)]
AppName = Annotated[str, AfterValidator(_app_name)]
MinPoolSize = Annotated[int, AfterValidator(_not_above_max)]
HeartbeatFrequency = Annotated[PositiveDuration, AfterValidator(_not_too_frequent)]
CursorSecret = Annotated[InstanceOf[SecretString], BeforeValidator(_hidden), AfterValidator(_hard_to_guess)]
Compressors = Annotated[tuple[Compressor, ...], BeforeValidator(_separated)]
NamespacePatterns = Annotated[tuple[str, ...], BeforeValidator(_separated)]
