"""Recordings as the commands take them: read whole, or refused in one line that tells where and never what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from llm_devops_mongodb.cli.plain_text import as_utc
from llm_devops_mongodb.errors import SimulationError
from llm_devops_mongodb.simulation.cassette import Recording
from llm_devops_mongodb.simulation.documents import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llm_devops_mongodb.simulation.cassette import Interaction, Part


class Refusal(click.ClickException):
    """What was asked cannot be done; nothing was changed."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Details:
    """What an interaction asked and was answered, read.

    Attributes:
        request: The arguments by their names.
        reply: What was answered; None where there was no answer.
        error: The error that was answered; None where there was none.
        parts: What its stream gave.
    """

    request: dict[str, Any]
    reply: dict[str, Any] | None
    error: dict[str, Any] | None
    parts: Sequence[PartDetails]


@dataclass(frozen=True, slots=True)
class PartDetails:
    """What a stream gave at once.

    Attributes:
        part: The part.
        documents: The documents of a batch; None where it is none.
        error: The error that ended the stream; None where none did.
    """

    part: Part
    documents: Sequence[dict[str, Any]] | None
    error: dict[str, Any] | None


def load(path: Path) -> Recording:
    """Read a recording.

    Raises:
        Refusal: It is none, damaged, or cannot be read.
    """
    try:
        recording = Recording.load(path)
    except SimulationError as error:
        raise Refusal(error.message) from error
    _check_times(recording, path)
    return recording


def _check_times(recording: Recording, path: Path) -> None:
    """Refuse times that no clock tells: what computes with them should not have to."""
    place = 1
    try:
        as_utc(recording.header.recorded_at)
        for interaction in recording.interactions:
            place = interaction.line
            _ = as_utc(interaction.at) + interaction.took
            for part in interaction.parts:
                _ = as_utc(part.at) + part.took
    except (OverflowError, ValueError) as error:
        raise Refusal(f"{path}, line {place}: a time is no time") from error


def load_finished(path: Path) -> Recording:
    """Read a recording that is finished.

    Raises:
        Refusal: As for `load`, or it is not finished.
    """
    recording = load(path)
    if not recording.is_finished:
        raise Refusal(f"{path} is not finished; `recordings verify --finish` makes a finished recording of it")
    return recording


def details_of(interaction: Interaction, path: Path) -> Details:
    """Read everything of an interaction.

    Raises:
        Refusal: A line has the checksum it was written with, and holds what is no document.
    """
    try:
        return Details(
            interaction.request,
            interaction.reply,
            interaction.error,
            [PartDetails(part, part.documents if part.is_batch else None, part.error) for part in interaction.parts],
        )
    except UNREADABLE as error:
        raise Refusal(f"{path}, line {interaction.line}: what the interaction holds cannot be read") from error
