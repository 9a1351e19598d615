"""The parts of a configuration that are values of their own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import AfterValidator, Field, ValidationInfo

from llm_devops_mongodb.config.fields import NamespacePatterns, PositiveDuration  # noqa: TC001 - pydantic reads the annotations
from llm_devops_mongodb.config.model import ConfigModel

_LOG = logging.getLogger("llm_devops_mongodb")


class SimulationMode(StrEnum):
    """Whether operations are recorded, or answered from a recording."""

    DISABLED = "disabled"
    RECORD = "record"
    REPLAY = "replay"


class ConfigSection(ConfigModel, frozen=True):
    """A part of a configuration that can be switched on and off.

    Attributes:
        enabled: Whether it is on.
    """

    enabled: bool = False

    @classmethod
    def of(cls, value: object) -> Self:
        """Return `value` as such a section.

        Args:
            value: One already, a mapping of its settings, or a boolean for `enabled` alone.

        Raises:
            ConfigError: It is none of these.
        """
        if isinstance(value, cls):
            return value
        table = cast("Mapping[object, object]", value) if isinstance(value, Mapping) else {"enabled": value}
        settings: dict[str, Any] = {str(name): setting for name, setting in table.items()}
        return cls(**settings)


def _usable(file: Path | None, info: ValidationInfo) -> Path | None:
    if file is not None and not info.data.get("enabled", True):
        raise ValueError("TLS is off; set tls.enabled, or leave the file out")
    if file is not None and not (os.access(file, os.R_OK) and file.is_file()):
        raise ValueError("no such file, or it cannot be read")
    return file


def _with_certificate(file: Path | None, info: ValidationInfo) -> Path | None:
    if file is not None and info.data.get("cert_file", file) is None:
        raise ValueError("a key needs its certificate; set tls.cert_file")
    return file


_TlsFile = Annotated[Path | None, AfterValidator(_usable)]
_KeyFile = Annotated[Path | None, AfterValidator(_usable), AfterValidator(_with_certificate)]


class TlsConfig(ConfigSection, frozen=True):
    """How connections are encrypted and whom they trust.

    Attributes:
        enabled: Use TLS.
        ca_file: PEM file of the authorities to trust; None trusts the system's.
        cert_file: PEM file of the client's certificate, with its key unless `key_file` is given.
        key_file: PEM file of the certificate's key.
        allow_invalid_certificates: Trust any certificate, so anyone on the way can read and change everything. Each
            such value logs a warning.
        allow_invalid_hostnames: Trust a certificate that was made for another host.

    Raises:
        ConfigError: A file is missing, or is given although TLS is off.
    """

    section: ClassVar[str] = "tls"

    ca_file: _TlsFile = None
    cert_file: _TlsFile = None
    key_file: _KeyFile = None
    allow_invalid_certificates: bool = False
    allow_invalid_hostnames: bool = False

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            enabled: bool = False,
            ca_file: str | os.PathLike[str] | None = None,
            cert_file: str | os.PathLike[str] | None = None,
            key_file: str | os.PathLike[str] | None = None,
            allow_invalid_certificates: bool = False,
            allow_invalid_hostnames: bool = False,
        ) -> None: ...

    def model_post_init(self, _context: Any, /) -> None:
        """Warn of a connection that proves nothing."""
        if self.enabled and (self.allow_invalid_certificates or self.allow_invalid_hostnames):
            _LOG.warning("TLS does not verify the server's certificate: for development only")


class AuditConfig(ConfigSection, frozen=True):
    """Whether a record of each operation is written to the audit log."""

    section: ClassVar[str] = "audit"


class TracingConfig(ConfigSection, frozen=True):
    """Whether operations make spans and metrics."""

    section: ClassVar[str] = "tracing"


class RetryConfig(ConfigSection, frozen=True):
    """Whether an operation that failed is asked again, beyond the driver's own single retry.

    Only what is safe is repeated: reads; writes of one document, outside of a caller's session, which the server knows
    again by their number and does once; and other writes that are known not to have been applied. Nothing is repeated
    inside a transaction, which `with_transaction` runs again as a whole, nor after a time limit. The limit of an
    operation holds for all attempts together.

    Attributes:
        enabled: Ask again. It needs the extra `retry`.
        max_attempts: Attempts of an operation at most, the first included.
        initial_delay: The pause before the second attempt; each later one is twice as long. Up to as much is added by
            chance, so that many clients do not come back at once.
        max_delay: The longest pause.
    """

    section: ClassVar[str] = "retry"

    max_attempts: int = Field(default=3, ge=2, le=10)
    initial_delay: PositiveDuration = timedelta(milliseconds=100)
    max_delay: PositiveDuration = timedelta(seconds=2)

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            enabled: bool = False,
            max_attempts: int = 3,
            initial_delay: timedelta | str = ...,
            max_delay: timedelta | str = ...,
        ) -> None: ...


class QueryGuardConfig(ConfigSection, frozen=True):
    """What the query guard looks for, and what it does where it finds it. For tests and development.

    Attributes:
        enabled: Watch the client's operations.
        mode: `"warn"` gives a `QueryGuardWarning` at the caller's line, `"raise"` a `QueryGuardError`.
        collection_scans: Tell a condition that the server answers by reading a whole collection.
        in_memory_sorts: Tell an order that the server makes by holding all matches, for want of an index in that order.
        unbounded_finds: Tell a `find` without a limit that collects more than `max_documents`.
        max_documents: How many documents such a `find` may collect.
        repeated_queries: Tell the same query, whatever its values, made again and again in a loop.
        repeats: How often it may be made from one line within `window`.
        window: How long the repetitions are counted together.
        ignore: Namespaces to leave alone, such as `app.jobs`; `*` stands for anything, as in `admin.*`.
    """

    section: ClassVar[str] = "query_guard"

    mode: Literal["warn", "raise"] = "warn"
    collection_scans: bool = True
    in_memory_sorts: bool = True
    unbounded_finds: bool = True
    max_documents: int = Field(default=1000, ge=1)
    repeated_queries: bool = True
    repeats: int = Field(default=10, ge=1)
    window: PositiveDuration = timedelta(seconds=1)
    ignore: NamespacePatterns = ()

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            enabled: bool = False,
            mode: Literal["warn", "raise"] = "warn",
            collection_scans: bool = True,
            in_memory_sorts: bool = True,
            unbounded_finds: bool = True,
            max_documents: int = 1000,
            repeated_queries: bool = True,
            repeats: int = 10,
            window: timedelta | str = ...,
            ignore: Iterable[str] | str = (),
        ) -> None: ...
