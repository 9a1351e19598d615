"""Cassettes as they are read: whole, or refused with the place where they are not."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from llm_devops_mongodb.errors import SimulationError
from llm_devops_mongodb.simulation.cassette.content import FORMAT_VERSION, Footer, Header, Interaction, Part
from llm_devops_mongodb.simulation.cassette.lines import Place, is_whole, opened

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

_HEADER = msgspec.json.Decoder(Header)
_INTERACTION = msgspec.json.Decoder(Interaction)
_PART = msgspec.json.Decoder(Part)
_FOOTER = msgspec.json.Decoder(Footer)

# What a line begins with after its checksum tells what it is; its members are written in a fixed order.
_KIND = slice(18, 23)
_IS_PART = b'"of":'
_IS_FOOTER = b'"foot'
_VERSION = re.compile(rb'"format_version":\s*(\d+)')


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: a header, and interactions in the order in which they began.

    Attributes:
        header: How it was made.
        interactions: What was asked and answered.
        path: The file it was read from; None where it was read from none.
    """

    header: Header
    interactions: Sequence[Interaction]
    path: Path | None = None

    @property
    def is_finished(self) -> bool:
        """False where the process that recorded was killed, or still records."""
        return self.header.state == "finished"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a cassette.

        One that was not finished holds every operation that was; a last line that was cut off is passed over.

        Raises:
            SimulationError: It is not there, is none, is damaged or cut short, or of a newer format; it tells where.
        """
        file = Path(path)
        try:
            content = file.read_bytes()
        except FileNotFoundError as error:
            raise SimulationError(f"there is no recording {file}; record one, with simulation_mode='record'") from error
        except OSError as error:
            raise SimulationError(f"the recording {file} cannot be read: {error.strerror}") from error
        return cls.read(content, file)

    @classmethod
    def read(cls, content: bytes, path: Path | None = None) -> Self:
        """Read a cassette's content; see `load`.

        Args:
            content: The whole file.
            path: Its name, for errors.
        """
        lines = content.split(b"\n")
        header = _header(lines[0], Place(path, 1))
        is_finished = header.state == "finished"
        # What follows the last line's end: nothing, or a line that was being written when the process was killed.
        rest = lines.pop()
        if rest and is_finished:
            raise Place(path, len(lines) + 1).refuse("the recording is cut short in this line; restore it")
        if is_finished:
            _check_footer(lines, content, path)
        interactions = _interactions(lines, path)
        if is_finished and len(interactions) != _footer_of(lines[-1], Place(path, len(lines))).interactions:
            raise Place(path, len(lines)).refuse("there are not as many interactions as were written; restore it")
        return cls(header, interactions, path)


def _header(line: bytes, place: Place) -> Header:
    version = _VERSION.search(line)
    if version is not None and int(version[1]) > FORMAT_VERSION and is_whole(line):
        raise place.refuse(
            f"the recording has format version {int(version[1])}, and this version of llm-devops-mongodb reads up to "
            f"{FORMAT_VERSION}; upgrade it, or record anew"
        )
    return opened(line, _HEADER, place)


def _check_footer(lines: list[bytes], content: bytes, path: Path | None) -> None:
    place = Place(path, len(lines))
    if lines[-1][_KIND] != _IS_FOOTER:
        raise place.refuse("the recording is cut short after this line: its end is missing; restore it")
    footer = _footer_of(lines[-1], place)
    before = memoryview(content)[: len(content) - len(lines[-1]) - 1]
    if hashlib.sha256(before).hexdigest() != footer.sha256:
        # A line that is damaged tells more than the whole.
        for number, line in enumerate(lines, 1):
            if not is_whole(line):
                raise Place(path, number).refuse(
                    "the line is damaged: it does not have the checksum it was written with"
                )
        raise place.refuse("lines before this one were removed, added or moved; restore the recording")


def _footer_of(line: bytes, place: Place) -> Footer:
    return opened(line, _FOOTER, place)


def _interactions(lines: list[bytes], path: Path | None) -> list[Interaction]:
    found: dict[int, Interaction] = {}
    parts: dict[int, list[Part]] = {}
    for number, line in enumerate(lines[1:], 2):
        kind = line[_KIND]
        if kind == _IS_FOOTER:
            continue
        place = Place(path, number)
        if kind == _IS_PART:
            part = opened(line, _PART, place)
            parts.setdefault(part.of, []).append(part)
        else:
            interaction = opened(line, _INTERACTION, place)
            if interaction.number in found:
                raise place.refuse(f"interaction {interaction.number} is there twice")
            interaction.line = number
            found[interaction.number] = interaction
    for of, those in parts.items():
        if of not in found:
            raise Place(path, 1).refuse(f"a part of interaction {of} is there, and the interaction is not")
        found[of].parts = tuple(those)
    return [found[number] for number in sorted(found)]
