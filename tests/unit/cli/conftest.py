from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from llm_devops_mongodb.cli.program import run


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Recordings = Callable[..., Outcome]


@pytest.fixture
def recordings(capsys: pytest.CaptureFixture[str]) -> Recordings:
    """Runs a command of `recordings`."""

    def ran(*arguments: object) -> Outcome:
        code = run(["recordings", *map(str, arguments)])
        return Outcome(code, *capsys.readouterr())

    return ran
