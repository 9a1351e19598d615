"""`recordings scrub`: secrets replaced in recordings that were made without care."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llm_devops_mongodb.cli.files import RECORDING, refuse_if_being_recorded
from llm_devops_mongodb.cli.loading import Refusal, details_of, load
from llm_devops_mongodb.cli.plain_text import counted, plain
from llm_devops_mongodb.security.redaction import DEFAULT_SENSITIVE_FIELDS
from llm_devops_mongodb.simulation.cassette import write_recording
from llm_devops_mongodb.simulation.scrubbing import scrubbed
from llm_devops_mongodb.validation.values import is_array, is_mapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.cli.loading import Details
    from llm_devops_mongodb.simulation.cassette import Recording

_TO = click.Path(path_type=Path)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=RECORDING)
@click.option("--field", "fields", metavar="NAME", multiple=True, help="A sensitive field; may be given again.")
@click.option("--in-place", is_flag=True, help="Replace the files.")
@click.option("--output", type=_TO, metavar="PATH", help="Write there: a file, or for several a folder.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where something would be replaced.")
def scrub(
    files: tuple[Path, ...], *, fields: tuple[str, ...], in_place: bool, output: Path | None, check: bool
) -> None:
    """Replace the values of sensitive fields by placeholders of the same type.

    The usual ones are replaced anyway: password, secret, token and their like.
    """
    if [in_place, output is not None, check].count(True) != 1:
        raise click.UsageError("Say where to write: one of --in-place, --output PATH, --check.")
    targets = [_target(file, output, is_one_of_many=len(files) > 1) for file in files]
    _refuse_collisions(targets)
    total = 0
    for file, target in zip(files, targets, strict=True):
        refuse_if_being_recorded(file)
        refuse_if_being_recorded(target)
        recording = load(file)
        clean = scrubbed(recording, [*DEFAULT_SENSITIVE_FIELDS, *fields])
        replaced = _replaced(recording, clean, file)
        total += replaced
        if not check:
            write_recording(target, clean.header, clean.interactions)
        click.echo(f"{plain(file)}: {counted(replaced, 'value')} {'would be ' if check else ''}replaced")
    if check and total:
        raise click.exceptions.Exit(1)


def _target(file: Path, output: Path | None, *, is_one_of_many: bool) -> Path:
    if output is None:
        return file
    if not is_one_of_many and not output.is_dir():
        return output
    if output.is_file():
        raise Refusal(f"{output} is a file; several recordings need a folder")
    return output / file.name


def _refuse_collisions(targets: Sequence[Path]) -> None:
    if len({target.resolve() for target in targets}) < len(targets):
        raise Refusal("two of the recordings would be written to one file")


def _replaced(before: Recording, after: Recording, file: Path) -> int:
    pairs = zip(before.interactions, after.interactions, strict=True)
    return sum(_differing(_values(details_of(one, file)), _values(details_of(other, file))) for one, other in pairs)


def _values(details: Details) -> list[Any]:
    parts = [[part.documents and list(part.documents), part.error] for part in details.parts]
    return [details.request, details.reply, details.error, parts]


def _differing(before: Any, after: Any) -> int:
    """Return how many values differ; a member that came or went is one."""
    if is_mapping(before) and is_mapping(after):
        return sum(_differing(before.get(name), after.get(name)) for name in {**before, **after})
    if is_array(before) and is_array(after) and len(before) == len(after):
        return sum(_differing(*pair) for pair in zip(before, after, strict=True))
    return int(type(before) is not type(after) or before != after)
