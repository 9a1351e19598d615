"""`recordings diff`: what was added, removed, moved or changed between two recordings."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import click

from llm_devops_mongodb.cli.comparing import GeneratedIds, changes, compared
from llm_devops_mongodb.cli.differences import matched
from llm_devops_mongodb.cli.files import RECORDING
from llm_devops_mongodb.cli.loading import details_of, load_finished
from llm_devops_mongodb.cli.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llm_devops_mongodb.cli.comparing import Change
    from llm_devops_mongodb.cli.differences import Match
    from llm_devops_mongodb.simulation.cassette import Interaction, Recording

_MOST_CHANGES = 10
_SIGNS = {"removed": "-", "added": "+", "moved": ">", "changed": "~", "asked otherwise": "~"}
_COLOURS = {"-": "red", "+": "green", ">": "cyan", "~": "yellow"}


@click.command()
@click.argument("before", type=RECORDING)
@click.argument("after", type=RECORDING)
@click.option("--dates", is_flag=True, help="Dates in documents count too.")
def diff(before: Path, after: Path, *, dates: bool) -> None:
    """Compare two recordings: by what was asked and in which order, times and generated ids aside.

    - removed, + added, > moved, ~ asked or answered otherwise. Exits with 1 where they differ, as diff(1) does.
    """
    comparison = _Comparison(_Side.of(before), _Side.of(after), dates=dates)
    counts = Counter[str]()
    for match in matched(comparison.before.recording.interactions, comparison.after.recording.interactions):
        kind, found = comparison.judged(match)
        counts[kind] += 1
        if kind != "same":
            _print(match, _SIGNS[kind], found)
    differing = {kind: number for kind, number in counts.items() if kind != "same"}
    told = ", ".join(f"{number:,} {kind}" for kind, number in differing.items())
    click.echo(f"{told or 'no difference'}; {counts['same']:,} the same", err=True)
    if differing:
        raise click.exceptions.Exit(1)


class _Side(NamedTuple):
    recording: Recording
    path: Path
    ids: GeneratedIds

    @classmethod
    def of(cls, path: Path) -> _Side:
        recording = load_finished(path)
        return cls(recording, path, GeneratedIds(recording.interactions))

    def compared(self, interaction: Interaction) -> dict[str, object]:
        return compared(interaction, details_of(interaction, self.path), self.ids)


class _Comparison:
    def __init__(self, before: _Side, after: _Side, *, dates: bool) -> None:
        self.before = before
        self.after = after
        self._dates = dates

    def judged(self, match: Match) -> tuple[str, list[Change]]:
        """Return how the match is told, and what differs within it; not more than is shown."""
        found = list(islice(self._changes(match), _MOST_CHANGES + 1))
        # Recordings of which other fields were replaced have other fingerprints for the same request.
        if match.kind in ("same", "asked otherwise") and not found:
            return "same", found
        return ("changed" if match.kind == "same" else match.kind), found

    def _changes(self, match: Match) -> Iterator[Change]:
        if match.before is None or match.after is None:
            return iter(())
        return changes(self.before.compared(match.before), self.after.compared(match.after), dates=self._dates)


def _print(match: Match, sign: str, found: list[Change]) -> None:
    interaction = match.after or match.before
    if interaction is None:  # pragma: no cover  # a match has at least one side
        return
    numbers = [str(side.number) for side in (match.before, match.after) if side is not None]
    what = f"{plain(interaction.operation)} {plain(interaction.namespace or '')}".rstrip()
    click.secho(f"{sign} {' → '.join(numbers):>11}  {what}", fg=_COLOURS[sign])
    for change in found[:_MOST_CHANGES]:
        click.echo(f"                 {change.path}: {change.before} → {change.after}")
    if len(found) > _MOST_CHANGES:
        click.echo("                 …")
