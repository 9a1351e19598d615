from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_devops_mongodb.file_lock import FileLock
from llm_devops_mongodb.simulation.cassette import Recording
from tests.sample_recordings import Sample, packed, shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Recordings


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    sample = Sample()
    for number in range(3):
        reply = {"kind": "document", "document": packed({"n": number})}
        sample.add(request=packed({"filter": {"n": number}}), reply=reply)
        del sample.lines[-1]["fingerprint"]
        del sample.lines[-1]["introduces"]
    return sample.write(tmp_path / "killed.jsonl", state="recording")


def test_a_whole_recording_is_well(recordings: Recordings, tmp_path: Path) -> None:
    path = shop().write(tmp_path / "shop.jsonl")

    verified = recordings("verify", path)

    assert verified.code == 0
    assert verified.out == f"{path}: whole, 7 interactions, recorded 2026-11-23 09:03:13 UTC\n"


def test_damage_is_told_with_its_place(recordings: Recordings, tmp_path: Path) -> None:
    path = shop().write(tmp_path / "shop.jsonl")
    lines = path.read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"find", b"fund")
    path.write_bytes(b"\n".join(lines))

    verified = recordings("verify", path)

    assert verified.code == 1
    assert f"{path}, line 4: the line is damaged" in verified.out


def test_a_recording_that_was_cut_off_is_told(recordings: Recordings, tmp_path: Path) -> None:
    path = shop().write(tmp_path / "shop.jsonl")
    path.write_bytes(path.read_bytes()[:-100])

    assert recordings("verify", path).code == 1


def test_every_file_is_looked_at(recordings: Recordings, tmp_path: Path) -> None:
    good = shop().write(tmp_path / "good.jsonl")
    bad = tmp_path / "bad.jsonl"
    bad.write_text("no recording\n")

    verified = recordings("verify", bad, good)

    assert verified.code == 1
    assert [line.split(":")[0].split(",")[0] for line in verified.out.splitlines()] == [str(bad), str(good)]


@pytest.mark.parametrize(
    "reply",
    [
        {"kind": "document", "document": {"_id": {"$oid": "no"}}},
        {"kind": "document", "document": {"$bson": "AAAA"}},
        {"kind": "document", "document": {"n": {"$numberInt": "x"}}},
    ],
)
def test_what_has_its_checksum_and_cannot_be_read_is_told(
    recordings: Recordings, tmp_path: Path, reply: dict[str, object]
) -> None:
    path = Sample().add().add(reply=reply).write(tmp_path / "odd.jsonl")

    verified = recordings("verify", path)

    assert verified.code == 1
    assert "line 3: what the interaction holds cannot be read" in verified.out


def test_a_killed_recording_is_told(recordings: Recordings, killed: Path) -> None:
    verified = recordings("verify", killed)

    assert verified.code == 1
    assert "not finished, for its process was killed; 3 interactions are whole" in verified.out
    assert not Recording.load(killed).is_finished


def test_a_killed_recording_is_finished(recordings: Recordings, killed: Path) -> None:
    assert recordings("verify", "--finish", killed).code == 0

    found = Recording.load(killed)
    assert found.is_finished
    assert [interaction.reply for interaction in found.interactions][2] == {"kind": "document", "document": {"n": 2}}
    assert all(len(interaction.fingerprint) == 16 for interaction in found.interactions)
    assert recordings("verify", killed).code == 0


def test_a_line_that_was_being_written_is_left_out(recordings: Recordings, killed: Path) -> None:
    killed.write_bytes(killed.read_bytes()[:-20])

    assert recordings("verify", "--finish", killed).out == f"{killed}: finished now, 2 interactions\n"


def test_a_recording_under_way_is_not_finished(recordings: Recordings, killed: Path) -> None:
    lock = FileLock.taken(killed.with_name(f".{killed.name}.lock"))
    assert lock is not None
    before = killed.read_bytes()

    verified = recordings("verify", "--finish", killed)
    lock.release()

    assert verified.code == 1
    assert "a process records to it now; 3 interactions so far" in verified.out
    assert killed.read_bytes() == before
