"""Lines of a cassette: JSON objects that begin with a checksum of the rest."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from llm_devops_mongodb.errors import SimulationError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

_BEGIN = b'{"crc":"'
_DIGITS = 8
_AFTER = b'",'
_PREFIX = len(_BEGIN) + _DIGITS + len(_AFTER)


def sealed(body: bytes) -> bytes:
    """Return the line of a JSON object that is not empty, with its checksum and the line's end."""
    rest = body[1:]
    return b'%b%08x",%b\n' % (_BEGIN, zlib.crc32(rest), rest)


def is_whole(line: bytes) -> bool:
    """Tell whether a line, without its end, is as it was written."""
    digits = line[len(_BEGIN) : len(_BEGIN) + _DIGITS]
    return (
        line.startswith(_BEGIN)
        and line[len(_BEGIN) + _DIGITS : _PREFIX] == _AFTER
        and digits == b"%08x" % zlib.crc32(memoryview(line)[_PREFIX:])
    )


class Place:
    """Where in a file something is, for errors.

    Args:
        path: The file; None is one that has no name.
        line: The line, from 1.
    """

    def __init__(self, path: Path | None, line: int) -> None:
        self.path = path
        self.line = line

    def refuse(self, why: str, cause: Exception | None = None) -> SimulationError:
        """Return the error that says what is wrong here."""
        error = SimulationError(f"{self.path or 'the recording'}, line {self.line}: {why}")
        error.__cause__ = cause
        return error


def opened(line: bytes, decoder: msgspec.json.Decoder[T], place: Place) -> T:
    """Read a line, without its end.

    Raises:
        SimulationError: It was changed since it was written, or is none.
    """
    if not is_whole(line):
        raise place.refuse(
            "the line is damaged: it does not have the checksum it was written with"
            if line.startswith(_BEGIN)
            else "the line is not one of a recording"
        )
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise place.refuse("the line is not of this format", error) from error
