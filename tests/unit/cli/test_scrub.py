from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_devops_mongodb.simulation.cassette import Recording
from tests.sample_recordings import Sample, packed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Recordings

SECRETS = ("hunter2-secret", "ada@example.test")


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    document = {"name": "Ada", "login": {"password": SECRETS[0]}, "email": SECRETS[1]}
    sample = Sample(header={"redacted_fields": []})
    sample.add("insert_one", request={"document": document}, reply={"kind": "insert", "acknowledged": True})
    sample.add(request={"filter": {"email": SECRETS[1]}}, reply={"kind": "document", "document": document})
    sample.add("find", request={"filter": {}}, reply={"kind": "cursor"}).part(1, documents=[document])
    return sample.part(2, end="exhausted").write(tmp_path / "leaking.jsonl")


def test_sensitive_fields_are_replaced_in_place(recordings: Recordings, leaking: Path) -> None:
    scrubbed = recordings("scrub", leaking, "--field", "email", "--in-place")

    assert scrubbed.code == 0
    assert scrubbed.out == f"{leaking}: 7 values replaced\n"
    assert not any(secret in leaking.read_text() for secret in SECRETS)
    assert recordings("verify", leaking).code == 0
    assert "email" in Recording.load(leaking).header.redacted_fields


def test_the_same_secret_has_the_same_placeholder(recordings: Recordings, leaking: Path) -> None:
    recordings("scrub", leaking, "--field", "email", "--in-place")

    inserted, asked, _ = Recording.load(leaking).interactions
    assert inserted.request["document"]["email"] == asked.request["filter"]["email"]


def test_scrubbing_again_replaces_nothing(recordings: Recordings, leaking: Path) -> None:
    recordings("scrub", leaking, "--field", "email", "--in-place")

    again = recordings("scrub", leaking, "--field", "email", "--check")

    assert (again.code, again.out) == (0, f"{leaking}: 0 values would be replaced\n")


def test_what_would_be_replaced_is_told(recordings: Recordings, leaking: Path) -> None:
    before = leaking.read_bytes()

    checked = recordings("scrub", leaking, "--check")

    assert checked.code == 1
    assert checked.out == f"{leaking}: 3 values would be replaced\n"
    assert leaking.read_bytes() == before


def test_the_result_may_go_elsewhere(recordings: Recordings, leaking: Path, tmp_path: Path) -> None:
    before = leaking.read_bytes()

    assert recordings("scrub", leaking, "--output", tmp_path / "new" / "clean.jsonl").code == 0

    assert leaking.read_bytes() == before
    assert SECRETS[0] not in (tmp_path / "new" / "clean.jsonl").read_text()


def test_several_go_into_a_folder(recordings: Recordings, leaking: Path, tmp_path: Path) -> None:
    other = Sample().add().write(tmp_path / "other.jsonl")

    recordings("scrub", leaking, other, "--output", tmp_path / "clean")

    assert sorted(path.name for path in (tmp_path / "clean").iterdir()) == ["leaking.jsonl", "other.jsonl"]


def test_a_killed_recording_is_scrubbed_and_finished(recordings: Recordings, tmp_path: Path) -> None:
    request = packed({"filter": {"password": SECRETS[0]}})
    path = Sample().add(request=request).write(tmp_path / "killed.jsonl", state="recording")

    assert recordings("scrub", path, "--in-place").code == 0

    assert Recording.load(path).is_finished
    assert Recording.load(path).interactions[0].request["filter"]["password"] != SECRETS[0]


@pytest.mark.parametrize("options", [[], ["--in-place", "--check"], ["--in-place", "--output", "x.jsonl"]])
def test_where_to_write_must_be_said_once(recordings: Recordings, leaking: Path, options: list[str]) -> None:
    before = leaking.read_bytes()

    scrubbed = recordings("scrub", leaking, *options)

    assert scrubbed.code == 2
    assert "one of --in-place, --output PATH, --check" in scrubbed.err
    assert leaking.read_bytes() == before


def test_two_files_are_not_written_to_one(recordings: Recordings, leaking: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    other = Sample().add().write(tmp_path / "deep" / "leaking.jsonl")

    assert recordings("scrub", leaking, other, "--output", tmp_path / "clean").code == 2
    assert recordings("scrub", leaking, other, "--output", other).code == 2
