"""Cassettes: what is written comes back, and what is not whole is refused with the place."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_devops_mongodb import SimulationError, SimulationRecorder
from llm_devops_mongodb.simulation.cassette import Recording, write_recording
from llm_devops_mongodb.simulation.cassette.lines import sealed
from tests.unit.simulation.recordings import DONE, NOTHING, found, recording, things


@pytest.fixture
async def cassette(tmp_path: Path) -> Path:
    """A finished recording of three operations."""
    path = tmp_path / "three.jsonl"
    async with recording(SimulationRecorder(path), DONE, found(n=1), NOTHING) as client:
        await things(client).insert_one({"_id": 1})
        await things(client).find_one({"_id": 1})
        await things(client).find_one({"_id": 2})
    return path


def test_the_file_is_lines_of_json_in_the_order_of_the_operations(cassette: Path) -> None:
    header, *lines, footer = [json.loads(line) for line in cassette.read_text().splitlines()]

    assert (header["format_version"], header["state"]) == (1, "finished")
    assert [(line["n"], line["operation"], line["namespace"]) for line in lines] == [
        (1, "insert_one", "shop.things"),
        (2, "find_one", "shop.things"),
        (3, "find_one", "shop.things"),
    ]
    assert lines[1]["request"] == {"filter": {"_id": {"$numberInt": "1"}}}
    assert lines[1]["reply"] == {"kind": "document", "document": {"n": {"$numberInt": "1"}}}
    assert (footer["footer"], footer["interactions"]) == (True, 3)


def test_what_is_read_is_written_as_the_same_bytes(cassette: Path, tmp_path: Path) -> None:
    recorded = Recording.load(cassette)
    write_recording(tmp_path / "again.jsonl", recorded.header, recorded.interactions)

    assert (tmp_path / "again.jsonl").read_bytes() == cassette.read_bytes()


def test_a_file_that_is_cut_anywhere_is_refused(cassette: Path) -> None:
    whole = cassette.read_bytes()
    for length in range(len(whole)):
        cassette.write_bytes(whole[:length])
        with pytest.raises(SimulationError, match=r"three\.jsonl, line \d"):
            Recording.load(cassette)


def test_a_changed_byte_is_refused_with_its_line(cassette: Path) -> None:
    whole = cassette.read_bytes()
    chance = random.Random(7)
    for position in chance.sample([index for index, byte in enumerate(whole) if byte != ord("\n")], 300):
        changed = bytearray(whole)
        changed[position] ^= 1 << chance.randrange(7)
        cassette.write_bytes(changed)
        line = whole[:position].count(b"\n") + 1
        # A line may be cut in two by the change.
        with pytest.raises(SimulationError, match=rf"line ({line}|{line + 1}|5|6):"):
            Recording.load(cassette)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda lines: [*lines[:2], *lines[3:]], id="removed"),
        pytest.param(lambda lines: [*lines[:2], *lines[1:]], id="doubled"),
        pytest.param(lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], id="swapped"),
    ],
)
def test_lines_that_were_moved_are_refused(cassette: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    cassette.write_bytes(b"".join(change(cassette.read_bytes().splitlines(keepends=True))))

    with pytest.raises(SimulationError, match="removed, added or moved"):
        Recording.load(cassette)


def test_a_newer_format_is_refused_with_what_to_do(cassette: Path) -> None:
    header, *lines = cassette.read_bytes().splitlines(keepends=True)
    newer = json.loads(header) | {"format_version": 2, "what_is_new": [1]}
    del newer["crc"]
    cassette.write_bytes(b"".join([sealed(json.dumps(newer).encode()), *lines]))

    with pytest.raises(SimulationError, match=r"line 1: the recording has format version 2.*upgrade"):
        Recording.load(cassette)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}", b"[]", b"\xff\xfe", b"!!python/object", b'{"crc":"00000000",}\n', b"null\n" * 3]
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.jsonl").write_bytes(content)

    with pytest.raises(SimulationError, match="line 1"):
        Recording.load(tmp_path / "odd.jsonl")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"there is no recording .*simulation_mode='record'"):
        Recording.load(tmp_path / "none.jsonl")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="cannot be read"):
        Recording.load(tmp_path)


def test_members_that_are_not_known_are_passed_over(cassette: Path) -> None:
    header, line, *_ = cassette.read_bytes().splitlines(keepends=True)
    unfinished = json.loads(header) | {"state": "recording", "later": 1}
    more = json.loads(line) | {"later": {"a": 1}}
    cassette.write_bytes(b"".join(sealed(json.dumps(_unsealed(each)).encode()) for each in (unfinished, more)))

    assert [each.operation for each in Recording.load(cassette).interactions] == ["insert_one"]


def _unsealed(line: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in line.items() if name != "crc"}
