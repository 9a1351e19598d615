from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.sample_recordings import Sample, packed, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Recordings


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return shop().write(tmp_path / "shop.jsonl")


def numbers_in(table: str) -> list[int]:
    return [int(line.split()[0]) for line in table.splitlines()[1:]]


def test_every_interaction_has_a_row(recordings: Recordings, sample: Path) -> None:
    shown = recordings("show", sample)

    assert shown.code == 0
    assert numbers_in(shown.out) == [1, 2, 3, 4, 5, 6, 7]
    rows = shown.out.splitlines()
    assert rows[3].split() == ["3", "+0.020", "s", "2", "ms", "find", "shop.orders", "c1", "2", "documents"]
    assert rows[4].endswith("WriteError 112")
    assert "c1 s1 t1" in rows[5]
    assert "7 of 7 interactions; recorded 2026-11-23 09:03:13 UTC" in shown.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--operation", "find_one"], [2]),
        (["--namespace", "shop.customers"], [6]),
        (["--namespace", "shop"], [1, 2, 3, 4, 6, 7]),
        (["--namespace", "sho"], []),
        (["--errors"], [4]),
    ],
)
def test_options_choose_rows(recordings: Recordings, sample: Path, options: list[str], expected: list[int]) -> None:
    assert numbers_in(recordings("show", sample, *options).out) == expected


def test_a_number_tells_everything(recordings: Recordings, sample: Path) -> None:
    shown = recordings("show", sample, "--number", 3).out

    assert "find shop.orders" in shown
    assert "part 1, took 1 ms: 2 documents" in shown
    assert 'total: Decimal128("12.50")' in shown
    assert shown.endswith("part 2, took 1 ms: end\nexhausted\n")


def test_an_error_is_told_whole(recordings: Recordings, sample: Path) -> None:
    shown = recordings("show", sample, "--number", 4).out

    assert 'message: "write conflict"' in shown
    assert "TransientTransactionError" in shown


def test_a_number_that_is_not_there_is_refused(recordings: Recordings, sample: Path) -> None:
    shown = recordings("show", sample, "--number", 99)

    assert shown.code == 2
    assert "no such interaction 99; it has 7" in shown.err


def test_programs_get_extended_json(recordings: Recordings, sample: Path) -> None:
    lines = [json.loads(line) for line in recordings("show", sample, "--json").out.splitlines()]

    assert [line["n"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert lines[1]["reply"]["document"]["lines"] == {"$numberInt": "3"}
    assert lines[2]["parts"][0]["documents"][0]["total"] == {"$numberDecimal": "12.50"}
    assert lines[2]["parts"][1]["end"] == "exhausted"
    assert lines[3]["error"]["code"] == 112


def test_a_recording_that_was_killed_is_shown(recordings: Recordings, tmp_path: Path) -> None:
    sample = Sample().add(
        request=packed({"filter": {"n": 1}}), reply={"kind": "document", "document": packed({"n": 7})}
    )
    path = sample.write(tmp_path / "killed.jsonl", state="recording")

    assert "not finished" in recordings("show", path).err
    assert "{ n: 7 }" in recordings("show", path, "--number", 1).out
    assert '{"$numberInt": "7"}' in recordings("show", path, "--json").out


def test_a_cancelled_operation_says_so(recordings: Recordings, tmp_path: Path) -> None:
    sample = Sample().add(cancelled=True)
    del sample.lines[0]["reply"]
    path = sample.write(tmp_path / "cancelled.jsonl")

    assert recordings("show", path, "--errors").out.splitlines()[1].endswith("cancelled")
    assert "nobody waited for the answer" in recordings("show", path, "--number", 1).out


def test_an_empty_recording_is_shown(recordings: Recordings, tmp_path: Path) -> None:
    shown = recordings("show", Sample().write(tmp_path / "empty.jsonl"))

    assert shown.code == 0
    assert "0 of 0 interactions" in shown.err


@pytest.mark.parametrize("options", [[], ["--number", "1"], ["--json"]])
def test_a_recording_cannot_command_the_terminal(recordings: Recordings, tmp_path: Path, options: list[str]) -> None:
    attack = "\x1b[2J\x07\x9b31m\u202e\r\n[red]"
    document = {attack: attack}
    sample = Sample().add(attack, attack, request={"filter": document}, error={"kind": attack, "message": attack})
    path = sample.write(tmp_path / "attack.jsonl")

    shown = recordings("show", path, *options).out

    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(shown)
    assert "[red]" in shown
