"""Both type checkers conclude what the files beside this one say, and refuse what they mark."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RIGHT, WRONG = HERE / "right.py", HERE / "wrong.py"

Finding = tuple[str, int, str]
"""A file's name, a line, and what was found there."""


def output_of(*command: str) -> str:
    # Type checkers exit with 1 where they find something, with more where they could not check.
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=HERE, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def mypy(directory: Path) -> Iterator[Finding]:
    settings = directory / "mypy.ini"
    # Errors in the package itself are for the check of the package.
    settings.write_text("[mypy]\nstrict = True\n[mypy-llm_devops_mongodb.*]\nfollow_imports = silent\n")
    text = output_of(
        *("mypy", "--config-file", str(settings), "--cache-dir", str(directory), "--no-error-summary"),
        *("--hide-error-context", "--no-pretty", str(RIGHT), str(WRONG)),
    )
    for line in text.splitlines():
        if found := re.match(r"(?:.*[/\\])?(\w+\.py):(\d+): error: (.*)", line):
            yield found[1], int(found[2]), found[3]


def pyright(directory: Path) -> Iterator[Finding]:
    settings = directory / "pyrightconfig.json"
    settings.write_text(
        json.dumps(
            {
                "typeCheckingMode": "strict",
                "pythonVersion": f"{sys.version_info.major}.{sys.version_info.minor}",
                # What only strict style asks for would stand beside the faults that are marked.
                "reportUnusedVariable": False,
                "reportUnusedExpression": False,
                "reportUnusedCoroutine": False,
            }
        )
    )
    text = output_of(
        "pyright", "--project", str(settings), "--pythonpath", sys.executable, "--outputjson", *map(str, (RIGHT, WRONG))
    )
    for finding in json.loads(text)["generalDiagnostics"]:
        if finding["severity"] == "error":
            yield Path(finding["file"]).name, finding["range"]["start"]["line"] + 1, finding["message"]


@pytest.fixture(scope="module", params=[mypy, pyright], ids=lambda checker: checker.__name__)
def findings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What one of the checkers finds in both files."""
    return list(request.param(tmp_path_factory.mktemp("typing")))


@pytest.mark.timeout(300)
def test_what_is_right_is_accepted(findings: list[Finding]) -> None:
    assert [finding for finding in findings if finding[0] == RIGHT.name] == []


@pytest.mark.timeout(300)
def test_what_is_wrong_is_refused_and_nothing_else(findings: list[Finding]) -> None:
    lines = WRONG.read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("  # error")}
    found = {number: message for name, number, message in findings if name == WRONG.name}
    assert sorted(marked - found.keys()) == [], "not refused"
    assert {number: found[number] for number in sorted(found.keys() - marked)} == {}, "refused unmarked"
