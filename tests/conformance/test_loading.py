"""Finding and reading test files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bson import Int64

from tests.conformance.loading import LoadingError, NotUnifiedError, find_files, load, version_of

_TEST = {"description": "a test", "operations": []}


def _written(folder: Path, **content: object) -> Path:
    path = folder / "file.json"
    path.write_text(json.dumps({"description": "a file", "schemaVersion": "1.0", "tests": [_TEST], **content}))
    return path


@pytest.mark.parametrize("version", ["1.0", "1.9", "1.28", "1.28.3", "1"])
def test_every_schema_up_to_the_newest_is_read(tmp_path: Path, version: str) -> None:
    assert load(_written(tmp_path, schemaVersion=version)).tests == [_TEST]


@pytest.mark.parametrize("version", ["1.29", "1.100", "2.0", "0.9", "new", 1.0])
def test_another_schema_is_refused(tmp_path: Path, version: object) -> None:
    with pytest.raises(LoadingError, match="schema"):
        load(_written(tmp_path, schemaVersion=version))


def test_values_are_extended_json(tmp_path: Path) -> None:
    data = [{"collectionName": "c", "databaseName": "d", "documents": [{"_id": {"$numberLong": "1"}}]}]

    found = load(_written(tmp_path, initialData=data)).initial_data[0]["documents"][0]["_id"]

    assert type(found) is Int64


def test_json_of_another_format_is_told_from_a_broken_file(tmp_path: Path) -> None:
    other, broken = tmp_path / "other.json", tmp_path / "broken.json"
    other.write_text('{"tests": []}')
    broken.write_text("{")

    with pytest.raises(NotUnifiedError):
        load(other)
    with pytest.raises(LoadingError):
        load(broken)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"tests": None}, id="no tests"),
        pytest.param({"tests": [{"description": "x"}]}, id="a test without operations"),
        pytest.param({"tests": [{**_TEST, "expectWonders": []}]}, id="an unknown key in a test"),
        pytest.param({"wonders": 1}, id="an unknown key in the file"),
        pytest.param({"initialData": [{"$oid": "short"}]}, id="no Extended JSON"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    with pytest.raises(LoadingError):
        load(_written(tmp_path, **content))


def test_files_are_found_beneath_directories_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.json", "b/1.json", "a.json", "b/notes.md"):
        (tmp_path / name).write_text("{}")

    assert [path.name for path in find_files([tmp_path / "b", tmp_path / "a.json"])] == ["1.json", "2.json", "a.json"]


def test_a_place_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_files([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("text", "version"),
    [("6", (6, 0, 0)), ("4.4", (4, 4, 0)), ("4.9.0-alpha4-271-g7d5cf02", (4, 9, 0)), ("4.2.99", (4, 2, 99))],
)
def test_versions_have_three_numbers(text: str, version: tuple[int, int, int]) -> None:
    assert version_of(text) == version
