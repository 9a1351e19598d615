"""`recordings prune`: recordings that nothing uses any more, told, and removed where asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llm_devops_mongodb.cli.files import refuse_if_being_recorded
from llm_devops_mongodb.cli.loading import Refusal, load
from llm_devops_mongodb.cli.plain_text import as_utc, counted, moment_text, plain
from llm_devops_mongodb.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from typing import TextIO

    from llm_devops_mongodb.simulation.cassette import Recording


class _Age(click.ParamType["timedelta"]):
    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return parse_duration(value)
        except (ValueError, TypeError):
            self.fail("not an age: write 90d, 12h or 1w", param, ctx)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--used", type=click.File(encoding="utf-8"), metavar="LIST", help="A file, or -, with a path a line: keep these."
)
@click.option("--older-than", type=_Age(), metavar="AGE", help="Only those recorded so long ago, such as 90d.")
@click.option("--yes", is_flag=True, help="Remove them; without it they are only told.")
def prune(folder: Path, *, used: TextIO | None, older_than: timedelta | None, yes: bool) -> None:
    """Remove recordings (*.jsonl) in a folder that are not in use, or are old; with both, that are both.

    The paths of the list are relative to where the command runs, or to the folder. What is no recording, is damaged, or
    is being recorded stays.
    """
    if used is None and older_than is None:
        raise click.UsageError("Say what to remove: --used LIST, --older-than AGE, or both.")
    found = sorted(path for path in folder.rglob("*.jsonl") if path.is_file() and not path.is_symlink())
    kept = _in_use(used, folder, found) if used is not None else set[Path]()
    removed = 0
    for path, recording in _recordings(path for path in found if path.resolve() not in kept):
        recorded_at = as_utc(recording.header.recorded_at)
        if older_than is not None and datetime.now(UTC) - recorded_at < older_than:
            continue
        if yes:
            path.unlink()
        removed += 1
        click.echo(f"{'removed' if yes else 'would remove'} {plain(path)}, recorded {moment_text(recorded_at)}")
    more = "" if yes or not removed else "; with --yes they are removed"
    click.echo(f"{removed:,} of {counted(len(found), 'recording')}{more}", err=True)


def _in_use(used: TextIO, folder: Path, found: list[Path]) -> set[Path]:
    try:
        named = [line.strip() for line in used if line.strip()]
    except UnicodeDecodeError as error:
        raise Refusal("the list of recordings in use is not text") from error
    paths = {base.joinpath(name).resolve() for name in named for base in (Path(), folder)}
    # A list that was made elsewhere, or by a run that found nothing, would have everything removed.
    if found and not any(path.resolve() in paths for path in found):
        raise Refusal("none of the recordings in the list is in the folder; nothing is removed")
    return paths


def _recordings(paths: Iterator[Path]) -> Iterator[tuple[Path, Recording]]:
    for path in paths:
        try:
            refuse_if_being_recorded(path)
            yield path, load(path)
        except Refusal as refusal:
            click.echo(f"kept: {plain(refusal.message)}", err=True)
