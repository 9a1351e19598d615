"""`recordings verify`: is every byte as it was written, and can all of it be read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from llm_devops_mongodb.cli.files import RECORDING, is_being_recorded
from llm_devops_mongodb.cli.loading import Refusal, details_of, load
from llm_devops_mongodb.cli.plain_text import counted, moment_text, plain
from llm_devops_mongodb.simulation.cassette import write_recording
from llm_devops_mongodb.simulation.finishing import finished

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=RECORDING)
@click.option("--finish", is_flag=True, help="Make finished recordings of those whose process was killed.")
def verify(files: tuple[Path, ...], *, finish: bool) -> None:
    """Read recordings whole, and tell the place of what is damaged.

    Exits with 1 where one is damaged or not finished.
    """
    found = [_is_well(file, finish=finish) for file in files]
    if not all(found):
        raise click.exceptions.Exit(1)


def _is_well(file: Path, *, finish: bool) -> bool:
    try:
        recording = load(file)
        for interaction in recording.interactions:
            details_of(interaction, file)
    except Refusal as refusal:
        click.echo(plain(refusal.message))
        return False
    count = counted(len(recording.interactions), "interaction")
    if recording.is_finished:
        click.echo(f"{plain(file)}: whole, {count}, recorded {moment_text(recording.header.recorded_at)}")
        return True
    if is_being_recorded(file):
        click.echo(f"{plain(file)}: a process records to it now; {count} so far")
        return False
    if finish:
        whole = finished(recording)
        write_recording(file, whole.header, whole.interactions)
        click.echo(f"{plain(file)}: finished now, {count}")
        return True
    click.echo(f"{plain(file)}: not finished, for its process was killed; {count} are whole; --finish keeps them")
    return False
