"""Where reads go and how sure reads and writes must be: values, independent of any driver.

ReadPreference   which members of a replica set may answer
ReadConcern      how durable what is read must be
WriteConcern     how durable a write must be before it is acknowledged
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal, cast

from llm_devops_mongodb.durations import parse_duration
from llm_devops_mongodb.errors import ConfigError, ConfigFault
from llm_devops_mongodb.spelling import hint

ReadMode = Literal["primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"]
"""The modes of a read preference, as the server writes them."""

Tags = tuple[tuple[str, str], ...]
"""One tag set as sorted pairs, so that equal sets are equal values."""

_MEMBER_NAMES: dict[ReadMode, str] = {
    "primary": "PRIMARY",
    "primaryPreferred": "PRIMARY_PREFERRED",
    "secondary": "SECONDARY",
    "secondaryPreferred": "SECONDARY_PREFERRED",
    "nearest": "NEAREST",
}
_MODES: dict[str, ReadMode] = {mode.casefold(): mode for mode in _MEMBER_NAMES}
_LEAST_STALENESS = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, repr=False)
class ReadPreference:
    """Which members may answer reads: one of the five members, or `tagged`.

    Attributes:
        mode: The mode, as the server writes it.
        tags: The tag sets as sorted pairs; `tag_sets` shows them as dictionaries.
        max_staleness: How far behind the primary a secondary may be; at least 90 s (the server selection
            specification), None is no limit.

    Raises:
        ConfigError: The mode is unknown, the limit too short, or the primary is combined with either.

    Example:
        >>> ReadPreference.tagged([{"dc": "east"}, {}], mode="secondary")
        ReadPreference.tagged([{'dc': 'east'}, {}], mode='secondary')
    """

    PRIMARY: ClassVar[ReadPreference]
    PRIMARY_PREFERRED: ClassVar[ReadPreference]
    SECONDARY: ClassVar[ReadPreference]
    SECONDARY_PREFERRED: ClassVar[ReadPreference]
    NEAREST: ClassVar[ReadPreference]

    mode: ReadMode = "primary"
    tags: tuple[Tags, ...] = ()
    max_staleness: timedelta | None = None

    def __post_init__(self) -> None:
        faults: list[ConfigFault] = []
        if self.mode not in _MEMBER_NAMES:
            faults.append(ConfigFault("read_preference.mode", f"must be one of {', '.join(_MEMBER_NAMES)}"))
        if self.mode == "primary" and (self.tags or self.max_staleness is not None):
            faults.append(ConfigFault("read_preference", "the primary takes neither tags nor max_staleness"))
        if self.max_staleness is not None and self.max_staleness < _LEAST_STALENESS:
            faults.append(ConfigFault("read_preference.max_staleness", "must be at least 90s"))
        if faults:
            raise ConfigError.of(faults)

    @classmethod
    def tagged(
        cls,
        tag_sets: Iterable[Mapping[str, str]],
        *,
        mode: ReadMode = "nearest",
        max_staleness: timedelta | None = None,
    ) -> ReadPreference:
        """Prefer members that carry all tags of the first set, else of the second, and so on.

        Args:
            tag_sets: Tag names and values; an empty set matches every member, so put it last as a fallback.
            mode: Any but `primary`.
            max_staleness: As the attribute.
        """
        return cls(mode, tuple(_tags(tag_set) for tag_set in tag_sets), max_staleness)

    @classmethod
    def of(cls, value: object) -> ReadPreference:
        """Return `value` as a read preference.

        Args:
            value: One already, a mode in any spelling (`secondaryPreferred`, `secondary_preferred`), or a mapping of
                `mode`, `tag_sets` and `max_staleness`.

        Raises:
            ConfigError: It is none of these.
        """
        if isinstance(value, ReadPreference):
            return value
        settings = _settings_of(value, "read_preference", known=("mode", "tag_sets", "max_staleness"))
        tag_sets = _listed(settings.get("tag_sets") or [])
        return cls.tagged(
            tag_sets,
            mode=_mode(settings.get("mode", "nearest" if tag_sets else "primary")),
            max_staleness=_duration(settings.get("max_staleness"), "read_preference.max_staleness"),
        )

    @property
    def tag_sets(self) -> tuple[dict[str, str], ...]:
        """The tag sets, in order of preference."""
        return tuple(dict(tags) for tags in self.tags)

    def with_max_staleness(self, limit: timedelta | None) -> ReadPreference:
        """Return this preference with another limit of staleness."""
        return ReadPreference(self.mode, self.tags, limit)

    def __repr__(self) -> str:
        staleness = "" if self.max_staleness is None else repr(self.max_staleness)
        if self.tags:
            limit = f", max_staleness={staleness}" if staleness else ""
            return f"ReadPreference.tagged({list(self.tag_sets)}, mode={self.mode!r}{limit})"
        member = f"ReadPreference.{_MEMBER_NAMES[self.mode]}"
        return f"{member}.with_max_staleness({staleness})" if staleness else member


ReadPreference.PRIMARY = ReadPreference("primary")
ReadPreference.PRIMARY_PREFERRED = ReadPreference("primaryPreferred")
ReadPreference.SECONDARY = ReadPreference("secondary")
ReadPreference.SECONDARY_PREFERRED = ReadPreference("secondaryPreferred")
ReadPreference.NEAREST = ReadPreference("nearest")


class ReadConcern(StrEnum):
    """How durable what is read must be; the values are the server's own."""

    LOCAL = "local"
    AVAILABLE = "available"
    MAJORITY = "majority"
    LINEARIZABLE = "linearizable"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class WriteConcern:
    """How durable a write must be before it is acknowledged.

    Attributes:
        w: A number of members, `"majority"`, or the name of a custom concern; 0 does not wait for anything and learns
            of no error. None leaves it to the server, where only `journal` or `timeout` is to be said.
        journal: Wait until it is in the on-disk journal.
        timeout: Give up waiting after this; the write itself is not undone. None waits for ever.

    Raises:
        ConfigError: A field is of another kind, negative or empty, or `w=0` is combined with `journal`.
    """

    w: int | str | None = 1
    journal: bool = False
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        found = _write_faults(self.w, self.journal, self.timeout)
        if faults := [ConfigFault(f"write_concern.{field}", message) for field, message in found]:
            raise ConfigError.of(faults)

    @classmethod
    def of(cls, value: object) -> WriteConcern:
        """Return `value` as a write concern.

        Args:
            value: One already, a `w` (`2`, `"2"`, `"majority"`, a name), or a mapping of `w`, `journal`, `timeout`.

        Raises:
            ConfigError: It is none of these.
        """
        if isinstance(value, WriteConcern):
            return value
        settings = _settings_of(value, "write_concern", known=("w", "journal", "timeout"))
        w = settings.get("w", 1)
        return cls(
            w=int(w) if isinstance(w, str) and w.lstrip("-").isdecimal() else w,
            journal=settings.get("journal", False),
            timeout=_duration(settings.get("timeout"), "write_concern.timeout"),
        )


def _write_faults(w: Any, journal: Any, timeout: timedelta | None) -> Iterator[tuple[str, str]]:
    if isinstance(w, bool) or not isinstance(w, (int, str, type(None))):
        yield "w", "must be a number of members, 'majority' or the name of a custom concern"
    elif w == "":
        yield "w", "must not be empty"
    elif isinstance(w, int) and w < 0:
        yield "w", "must not be negative"
    if not isinstance(journal, bool):
        yield "journal", "must be true or false"
    elif journal and w == 0:
        yield "journal", "w=0 does not wait, so it cannot wait for the journal"
    if timeout is not None and timeout <= timedelta(0):
        yield "timeout", "must be positive"


def _settings_of(value: Any, section: str, *, known: tuple[str, ...]) -> dict[str, Any]:
    """Read a mapping of settings, or a lone value as the first of them."""
    if not isinstance(value, Mapping):
        return {known[0]: value}
    settings: dict[str, Any] = {str(name): setting for name, setting in cast("Mapping[object, Any]", value).items()}
    if unknown := [name for name in settings if name not in known]:
        faults = [ConfigFault(f"{section}.{name}", f"unknown setting{hint(name, known)}") for name in unknown]
        raise ConfigError.of(faults)
    return settings


def _mode(value: object) -> ReadMode:
    """Return the mode that `value` spells, or `value` as text, which the constructor refuses."""
    return _MODES.get(str(value).replace("_", "").casefold(), cast("ReadMode", str(value)))


def _listed(value: Any) -> list[Any]:
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else [value]


def _duration(value: object, field: str) -> timedelta | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise ConfigError(field, str(error)) from None


def _tags(tag_set: Any) -> Tags:
    entries: list[Any] = [*tag_set.items()] if isinstance(tag_set, Mapping) else [(None, None)]
    if all(isinstance(part, str) for entry in entries for part in entry):
        return tuple(sorted(entries))
    raise ConfigError("read_preference.tag_sets", "each must be a mapping of names to text")
