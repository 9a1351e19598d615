from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm_devops_mongodb.errors import MongoError
from llm_devops_mongodb.testing import MongodNotFoundError, MongodStartError, find_mongod


def program(folder: Path, *, mode: int = 0o755) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mongod"
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


@pytest.fixture
def named(tmp_path):
    return program(tmp_path / "named")


@pytest.fixture
def on_path(tmp_path):
    return program(tmp_path / "path")


@pytest.fixture
def in_package(tmp_path):
    return program(tmp_path / "fiftyone" / "db" / "bin")


def test_the_named_program_comes_first(named, on_path, in_package):
    environment = {"MONGOD_BINARY": str(named), "PATH": str(on_path.parent)}

    assert find_mongod(environment, package_folders=[str(in_package.parents[2])]) == named


def test_the_program_on_the_path_comes_second(on_path, in_package):
    environment = {"PATH": str(on_path.parent)}

    assert find_mongod(environment, package_folders=[str(in_package.parents[2])]) == on_path


def test_an_empty_name_is_no_name(on_path):
    environment = {"MONGOD_BINARY": "", "PATH": str(on_path.parent)}

    assert find_mongod(environment, package_folders=[]) == on_path


def test_the_package_comes_last(tmp_path, in_package):
    environment = {"PATH": str(tmp_path / "nothing")}

    folders = [str(tmp_path / "elsewhere"), str(in_package.parents[2])]

    assert find_mongod(environment, package_folders=folders) == in_package


def test_by_default_the_environment_and_the_installed_package_are_searched():
    assert os.access(find_mongod(), os.X_OK)
    assert os.access(find_mongod({"PATH": ""}), os.X_OK)


def test_where_there_is_none_all_three_ways_are_told():
    with pytest.raises(MongodNotFoundError) as caught:
        find_mongod({}, package_folders=[])

    assert isinstance(caught.value, MongoError)
    for way in ("MONGOD_BINARY", "PATH", "llm-devops-mongodb[embedded]"):
        assert way in caught.value.message


def test_a_named_program_that_may_not_be_run_is_told(tmp_path, on_path):
    path = program(tmp_path / "locked", mode=0o644)

    with pytest.raises(MongodNotFoundError, match=r"MONGOD_BINARY.*not executable"):
        find_mongod({"MONGOD_BINARY": str(path), "PATH": str(on_path.parent)})


def test_a_named_program_that_is_missing_is_told(tmp_path, on_path):
    with pytest.raises(MongodNotFoundError, match=r"MONGOD_BINARY.*not a file"):
        find_mongod({"MONGOD_BINARY": str(tmp_path), "PATH": str(on_path.parent)})


def test_a_failed_start_carries_the_log_and_the_exit_status():
    error = MongodStartError("it ended", exit_status=48, log="Address already in use")

    assert (error.exit_status, error.log) == (48, "Address already in use")
    assert str(error) == "it ended\nAddress already in use"
    assert str(MongodStartError("it ended")) == "it ended"
