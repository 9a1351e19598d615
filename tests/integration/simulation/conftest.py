"""A job that is recorded on the real server, and replayed where no server can be reached."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import MongoClient, MongoConfig, SimulationRecorder, SimulationReplayer, simulating
from llm_devops_mongodb.testing import MongoServer

Job = Callable[[MongoClient], Awaitable[Any]]
NOWHERE = MongoConfig(uri="mongodb://nobody.invalid:1")

_offline: list[bool] = []
_hooked: list[bool] = []


def _refuse_sockets(event: str, _: tuple[Any, ...]) -> None:
    if _offline and event.startswith("socket.") and event != "socket.__new__":
        raise AssertionError(f"a replay reached for the network: {event}")


@contextmanager
def no_network() -> Generator[None]:
    """Refuse every use of a socket in a block."""
    if not _hooked:
        # An audit hook stays for as long as the process.
        sys.addaudithook(_refuse_sockets)
        _hooked.append(True)
    _offline.append(True)
    try:
        yield
    finally:
        _offline.pop()


class Studio:
    """Records jobs, and replays them."""

    def __init__(self, uri: str, path: Path) -> None:
        self.uri = uri
        self.path = path

    async def record(self, job: Job, **settings: Any) -> Any:
        """Run a job on the server, and record it."""
        recorder = SimulationRecorder(self.path)
        with simulating(recorder):
            async with MongoClient.connect(self.uri, **settings) as client:
                answer = await job(client)
        await recorder.finish()
        return answer

    async def replay(self, job: Job, *, config: MongoConfig = NOWHERE, **settings: Any) -> Any:
        """Run a job from the recording; the network is not there."""
        with no_network():
            async with MongoClient.with_simulation(config, SimulationReplayer.load(self.path, **settings)) as client:
                return await job(client)

    async def both(self, job: Job, **settings: Any) -> tuple[Any, Any]:
        """Record a job and replay it in strict order; return what each run gave."""
        recorded = await self.record(job, **settings)
        return recorded, await self.replay(job, config=NOWHERE.replace(**settings), strict=True)


@pytest.fixture
def studio(mongo_server: MongoServer, tmp_path: Path) -> Studio:
    """Records jobs on the server, and replays them."""
    return Studio(mongo_server.uri, tmp_path / "job.jsonl")
