"""Text that a recording or a file's name brings, made harmless: it may be an attack on the terminal that shows it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Control characters, those that turn the direction of text or cannot be seen, line separators, halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_LINES = re.compile("[^\\n]+")
_MILLISECOND = 0.001
_SECOND = 1.0
_MINUTE = 60.0


def plain(text: object) -> str:
    """Return the text with every character that does more than show itself written as its number."""
    return _UNSAFE.sub(_numbered, str(text))


def plain_lines(text: str) -> str:
    """Return the text as `plain` does, with its line ends."""
    return _LINES.sub(lambda line: plain(line[0]), text)


def duration_text(seconds: float) -> str:
    """Return a duration for people, with three figures."""
    if seconds < _MILLISECOND:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < _SECOND:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s" if seconds < _MINUTE else f"{seconds / _MINUTE:.1f} min"


def moment_text(at: datetime) -> str:
    """Return a moment for people, in UTC."""
    return f"{as_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def as_utc(at: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is taken to be in UTC, as recordings are."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _numbered(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
