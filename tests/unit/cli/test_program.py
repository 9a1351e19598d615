from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from llm_devops_mongodb.cli.plain_text import duration_text, plain
from llm_devops_mongodb.cli.program import run
from tests.sample_recordings import Sample, busy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Recordings

ENTRY = "from llm_devops_mongodb.cli.entry import main; main()"


def started(*arguments: object, before: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{before}{ENTRY}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("missing", ["click", "rich", "jinja2"])
def test_a_missing_extra_is_named(missing: str) -> None:
    ended = started("recordings", before=f"import sys; sys.modules[{missing!r}] = None; ")

    assert ended.returncode == 2
    assert ended.stderr == (
        f"llm-devops-mongodb: {missing} is missing; the command line needs the extra cli: "
        "pip install 'llm-devops-mongodb[cli]'\n"
    )


def test_another_missing_module_is_an_error_of_its_own() -> None:
    ended = started("recordings", before="import sys; sys.modules['bson'] = None; ")

    assert "ModuleNotFoundError" in ended.stderr


def test_the_process_ends_with_the_code(tmp_path: Path) -> None:
    path = Sample().add().write(tmp_path / "sample.jsonl")

    assert started("recordings", "verify", path).returncode == 0
    assert started("recordings", "verify", tmp_path / "none.jsonl").returncode == 2


def test_who_reads_only_the_beginning_sees_no_traceback(tmp_path: Path) -> None:
    path = busy(3000).write(tmp_path / "busy.jsonl")
    line = f'"{sys.executable}" -c "{ENTRY}" recordings show "{path}" --json | head -1'

    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)

    assert ended.stdout.startswith('{"n": 1,')
    assert ended.stderr == ""


def test_the_commands_are_told(recordings: Recordings) -> None:
    told = recordings("--help")

    assert told.code == 0
    for command in ("show", "verify", "diff", "scrub", "prune", "report"):
        assert f"\n  {command} " in told.out


def test_no_command_is_wrong_use(recordings: Recordings, capsys: pytest.CaptureFixture[str]) -> None:
    assert recordings().code == 2
    assert run([]) == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["shew"],
        ["show"],
        ["show", "nowhere.jsonl"],
        ["show", "{file}", "--number", "0"],
        ["show", "{file}", "--nmber", "1"],
        ["show", "{folder}"],
        ["show", "{text}"],
        ["show", "{bytes}"],
        ["show", "{newer}"],
        ["diff", "{file}"],
        ["diff", "{file}", "{text}"],
        ["report", "{text}"],
        ["report", "{file}", "-o", "{file}/page.html"],
        ["scrub", "{text}", "--check"],
        ["prune", "{file}", "--older-than", "1d"],
        ["prune", "{folder}", "--used", "nowhere.txt"],
    ],
)
def test_bad_input_is_refused_in_one_line(recordings: Recordings, tmp_path: Path, arguments: list[str]) -> None:
    places = {name: tmp_path / name for name in ("file", "text", "bytes", "newer", "folder")}
    Sample().add().write(places["file"])
    places["text"].write_text("not a recording, with s3cret\n")
    places["bytes"].write_bytes(bytes(range(256)))
    Sample(header={"format_version": 99}).write(places["newer"])
    places["folder"].mkdir()

    ended = recordings(*(argument.format(**places) for argument in arguments))

    assert ended.code == 2
    assert ended.err.startswith("llm-devops-mongodb: ")
    assert ended.err.count("\n") == 1
    assert "s3cret" not in ended.err + ended.out


def test_an_interrupted_command_ends_quietly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("llm_devops_mongodb.cli.show.load", interrupted)

    assert run(["recordings", "show", str(Sample().add().write(tmp_path / "sample.jsonl"))]) == 130


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0000005, "0 µs"), (0.00042, "420 µs"), (0.0125, "12.5 ms"), (2.0, "2 s"), (90, "1.5 min")]
)
def test_durations_have_three_figures(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_plain_text_shows_what_it_hides() -> None:
    assert plain("a\tb\x1b[0m\ufeff") == "a\\u0009b\\u001b[0m\\ufeff"
