"""`recordings show`: a table of what was recorded, or everything of one interaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llm_devops_mongodb.cli.files import RECORDING
from llm_devops_mongodb.cli.json_lines import as_json_line
from llm_devops_mongodb.cli.loading import Refusal, details_of, load
from llm_devops_mongodb.cli.outline import Outline, start_of
from llm_devops_mongodb.cli.plain_text import counted, duration_text, moment_text, plain, plain_lines
from llm_devops_mongodb.cli.shell_text import shell_text
from llm_devops_mongodb.cli.table import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_devops_mongodb.cli.loading import Details
    from llm_devops_mongodb.simulation.cassette import Interaction, Recording


@click.command()
@click.argument("file", type=RECORDING)
@click.option("--operation", metavar="NAME", help="Only this operation, such as find_one.")
@click.option("--namespace", metavar="NS", help="Only this namespace: database.collection, or a database.")
@click.option("--errors", is_flag=True, help="Only what failed.")
@click.option("--number", type=click.IntRange(min=1), metavar="N", help="Everything of interaction N.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each interaction, documents as Extended JSON.")
def show(
    file: Path, *, operation: str | None, namespace: str | None, errors: bool, number: int | None, as_json: bool
) -> None:
    """Show what a recording holds."""
    recording = load(file)
    chosen = [
        interaction
        for interaction in recording.interactions
        if number in (None, interaction.number)
        and operation in (None, interaction.operation)
        and (namespace is None or _is_in(interaction.namespace, namespace))
    ]
    if number is not None and not chosen:
        raise Refusal(f"{file} has no such interaction {number}; it has {len(recording.interactions)}")
    described = _described(recording, chosen, errors=errors)
    if as_json:
        for interaction, details, _ in described:
            click.echo(as_json_line(interaction, details))
    elif number is not None:
        for interaction, details, outline in described:
            click.echo(everything(interaction, details, outline))
    else:
        outlines = [outline for _, _, outline in described]
        print_table(outlines)
        _tell_whole(recording, len(outlines))


def _is_in(namespace: str | None, asked: str) -> bool:
    return namespace is not None and (namespace == asked or namespace.startswith(f"{asked}."))


def _described(
    recording: Recording, chosen: Sequence[Interaction], *, errors: bool
) -> Iterator[tuple[Interaction, Details, Outline]]:
    start = start_of(recording)
    for interaction in chosen:
        details = details_of(interaction, recording.path or Path())
        outline = Outline.of(interaction, details, start)
        if outline.error or not errors:
            yield interaction, details, outline


def _tell_whole(recording: Recording, shown: int) -> None:
    header = recording.header
    whole = counted(len(recording.interactions), "interaction")
    click.echo(f"{shown:,} of {whole}; recorded {moment_text(header.recorded_at)}", err=True)
    if not recording.is_finished:
        click.echo("not finished: its process was killed, or still records", err=True)


def everything(interaction: Interaction, details: Details, outline: Outline) -> str:
    """Return everything of an interaction as text."""
    lines = [
        f"interaction {outline.number}, line {interaction.line}",
        f"{outline.operation} {outline.namespace}".rstrip(),
        f"began {outline.since_start:+.6f} s, took {duration_text(outline.took)}, {outline.place}",
        f"fingerprint {plain(interaction.fingerprint) or 'none yet'}",
    ]
    return "\n".join(
        [*lines, *(f"\n{title}\n{plain_lines(text)}" for title, text in sections_of(interaction, details))]
    )


def sections_of(interaction: Interaction, details: Details) -> Iterator[tuple[str, str]]:
    """Yield the request, the reply or the error, and the parts of a stream: each with a title, as text."""
    yield "request", shell_text(details.request)
    if interaction.is_cancelled:
        yield "cancelled", "nobody waited for the answer"
    if details.reply is not None:
        yield "reply", shell_text(details.reply)
    if details.error is not None:
        yield "error", shell_text(details.error)
    for part in details.parts:
        title = f"part {part.part.part}, took {duration_text(part.part.took.total_seconds())}"
        if part.error is not None:
            yield f"{title}: error", shell_text(part.error)
        elif part.documents is not None:
            yield f"{title}: {counted(len(part.documents), 'document')}", shell_text(list(part.documents))
        else:
            yield f"{title}: end", str(part.part.end)
