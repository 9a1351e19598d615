from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def jobs() -> Any:
    return yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]


@pytest.fixture
def commands(jobs: Any) -> str:
    return "\n".join(step["run"] for job in jobs.values() for step in job["steps"] if "run" in step)


@pytest.fixture
def services() -> Any:
    return yaml.safe_load((ROOT / "docker/docker-compose.rs.yml").read_text(encoding="utf-8"))["services"]


@pytest.fixture
def advertised() -> list[str]:
    founding = (ROOT / "docker/rs0.js").read_text(encoding="utf-8")
    return re.findall(r'host: "(.+?)"', founding)


def test_every_python_that_is_promised_is_tested(jobs: Any) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))

    assert jobs["test"]["strategy"]["matrix"]["python"] == promised
    assert project["requires-python"] == f">={promised[0]}"


def test_every_make_target_of_the_workflow_exists(commands: str) -> None:
    targets = re.findall(r"\bmake (\S+)", commands)

    made = subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, capture_output=True, text=True, check=False)

    assert {"check", "test"} <= set(targets)
    assert made.returncode == 0, made.stderr


def test_each_member_listens_on_the_port_it_advertises(services: Any, advertised: list[str]) -> None:
    members = [service for name, service in services.items() if name.startswith("mongo")]

    assert [f"localhost:{member['command'].removeprefix('--port=')}" for member in members] == advertised
    assert {member["network_mode"] for member in members} == {"service:rs0"}


def test_the_host_reaches_each_member_under_the_name_it_advertises(services: Any, advertised: list[str]) -> None:
    ports = [name.removeprefix("localhost:") for name in advertised]

    assert services["rs0"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]


def test_the_workflow_connects_to_the_advertised_members(commands: str, advertised: list[str]) -> None:
    assert f"mongodb://{','.join(advertised)}/?replicaSet=rs0" in commands
