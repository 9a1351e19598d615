"""The commands put together, and how they end: 0 is well, 1 is a finding, 2 is wrong use or bad input."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from llm_devops_mongodb.cli.diff import diff
from llm_devops_mongodb.cli.plain_text import plain
from llm_devops_mongodb.cli.prune import prune
from llm_devops_mongodb.cli.report import report
from llm_devops_mongodb.cli.scrub import scrub
from llm_devops_mongodb.cli.show import show
from llm_devops_mongodb.cli.verify import verify
from llm_devops_mongodb.errors import MongoError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = "llm-devops-mongodb"
_FINDING = 1
_WRONG_USE = 2
_INTERRUPTED = 130


@click.group(_NAME, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=_NAME)
def program() -> None:
    """Tools of the MongoDB layer."""


@program.group()
def recordings() -> None:
    """Look at, check, compare and keep recordings of the simulation mode."""


for _command in (show, verify, diff, scrub, prune, report):
    recordings.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code. What cannot be done is told in one line on standard error.
    """
    try:
        outcome = program.main(list(arguments), prog_name=_NAME, standalone_mode=False)
    except (click.ClickException, click.Abort, MongoError, OSError) as error:
        return _ended_by(error)
    return outcome if isinstance(outcome, int) else 0


def _ended_by(error: Exception) -> int:
    match error:
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return _WRONG_USE
        case click.ClickException():
            return _refused(_told(error), error.exit_code)
        case MongoError():
            return _refused(error.message)
        case BrokenPipeError():
            # Who read has enough; what is left in the buffer must not fail again when the process ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _FINDING
        case OSError():
            return _refused(f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}")
        case _:
            return _INTERRUPTED


def _told(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message} See {error.ctx.command_path} --help."
    return message


def _refused(message: str, code: int = _WRONG_USE) -> int:
    click.echo(f"{_NAME}: {plain(' '.join(message.split()))}", err=True)
    return code
