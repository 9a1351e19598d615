"""`recordings report`: a recording as one page that needs no network."""

from __future__ import annotations

from pathlib import Path

import click

from llm_devops_mongodb.cli.files import RECORDING, write_text
from llm_devops_mongodb.cli.loading import Refusal, load
from llm_devops_mongodb.cli.plain_text import plain
from llm_devops_mongodb.cli.report.page import page_of

__all__ = ["page_of", "report"]

_SUFFIXES = {".html", ".htm"}
_TO = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=RECORDING)
@click.option("-o", "--output", type=_TO, metavar="FILE.html", help="Where to; beside the recording by default.")
def report(file: Path, *, output: Path | None) -> None:
    """Make one HTML page of a recording: time line, statistics, filters, requests, replies, errors.

    It opens without network. It holds everything the recording holds: whoever sees the one sees the other.
    """
    target = output or file.with_suffix(".html")
    if target.suffix.lower() not in _SUFFIXES:
        raise Refusal(f"{target}: a report is a file *.html")
    write_text(target, page_of(load(file)))
    click.echo(plain(target))
