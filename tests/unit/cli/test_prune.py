from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from llm_devops_mongodb.file_lock import FileLock
from tests.sample_recordings import Sample

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Recordings

OLD = {"recorded_at": "2020-01-01T00:00:00Z"}
NEW = {"recorded_at": "2999-01-01T00:00:00Z"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recordings"
    (made / "deep").mkdir(parents=True)
    Sample(header=OLD).add().write(made / "old.jsonl")
    Sample(header=NEW).add().write(made / "new.jsonl")
    Sample(header=OLD).add().write(made / "deep" / "old.jsonl")
    return made


@pytest.fixture
def used(folder: Path) -> Path:
    path = folder.parent / "used.txt"
    path.write_text("new.jsonl\n\nold.jsonl\n")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jsonl"))


def test_nothing_is_removed_without_yes(recordings: Recordings, folder: Path) -> None:
    pruned = recordings("prune", folder, "--older-than", "90d")

    assert pruned.code == 0
    assert pruned.out.count("would remove") == 2
    assert "2 of 3 recordings; with --yes they are removed" in pruned.err
    assert names_in(folder) == ["deep/old.jsonl", "new.jsonl", "old.jsonl"]


def test_old_recordings_are_removed(recordings: Recordings, folder: Path) -> None:
    recordings("prune", folder, "--older-than", "90d", "--yes")

    assert names_in(folder) == ["new.jsonl"]


def test_what_is_not_used_is_removed(recordings: Recordings, folder: Path, used: Path) -> None:
    recordings("prune", folder, "--used", used, "--yes")

    assert names_in(folder) == ["new.jsonl", "old.jsonl"]


def test_the_list_may_come_from_another_program(
    recordings: Recordings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{folder / 'deep' / 'old.jsonl'}\n"))

    recordings("prune", folder, "--used", "-", "--yes")

    assert names_in(folder) == ["deep/old.jsonl"]


def test_with_both_only_what_is_unused_and_old_is_removed(recordings: Recordings, folder: Path, used: Path) -> None:
    used.write_text("old.jsonl\n")

    recordings("prune", folder, "--used", used, "--older-than", "90d", "--yes")

    assert names_in(folder) == ["new.jsonl", "old.jsonl"]


@pytest.mark.parametrize("content", ["", "elsewhere/old.jsonl\n"])
def test_a_list_that_names_none_of_them_is_refused(
    recordings: Recordings, folder: Path, used: Path, content: str
) -> None:
    used.write_text(content)

    pruned = recordings("prune", folder, "--used", used, "--yes")

    assert pruned.code == 2
    assert "nothing is removed" in pruned.err
    assert len(names_in(folder)) == 3


def test_a_list_that_is_no_text_is_refused(recordings: Recordings, folder: Path, used: Path) -> None:
    used.write_bytes(b"\xff\xfe")

    assert recordings("prune", folder, "--used", used, "--yes").code == 2


def test_what_to_remove_must_be_said(recordings: Recordings, folder: Path) -> None:
    assert recordings("prune", folder, "--yes").code == 2
    assert recordings("prune", folder, "--older-than", "90", "--yes").code == 2
    assert len(names_in(folder)) == 3


def test_what_is_no_recording_stays(recordings: Recordings, folder: Path) -> None:
    (folder / "notes.jsonl").write_text('{"a": 1}\n')
    damaged = folder / "old.jsonl"
    damaged.write_bytes(damaged.read_bytes()[:-5])

    pruned = recordings("prune", folder, "--older-than", "90d", "--yes")

    assert names_in(folder) == ["new.jsonl", "notes.jsonl", "old.jsonl"]
    assert pruned.err.count("kept: ") == 2


def test_what_is_being_recorded_stays(recordings: Recordings, folder: Path) -> None:
    lock = FileLock.taken(folder / ".old.jsonl.lock")
    assert lock is not None

    pruned = recordings("prune", folder, "--older-than", "90d", "--yes")
    lock.release()

    assert "old.jsonl" in names_in(folder)
    assert "a process records to it now" in pruned.err


def test_a_link_is_not_followed(recordings: Recordings, folder: Path, tmp_path: Path) -> None:
    outside = Sample(header=OLD).add().write(tmp_path / "outside.jsonl")
    (folder / "link.jsonl").symlink_to(outside)

    recordings("prune", folder, "--older-than", "90d", "--yes")

    assert outside.exists()
    assert "link.jsonl" in names_in(folder)
