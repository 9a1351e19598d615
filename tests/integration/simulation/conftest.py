"""A job that is recorded on the real server, and replayed where no server can be reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import MongoClient, MongoConfig, SimulationRecorder, SimulationReplayer, simulating
from llm_devops_mongodb.testing import MongoServer
from tests.offline import offline

Job = Callable[[MongoClient], Awaitable[Any]]
NOWHERE = MongoConfig(uri="mongodb://nobody.invalid:1")


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
        with offline() as refused:
            async with MongoClient.with_simulation(config, SimulationReplayer.load(self.path, **settings)) as client:
                answer = await job(client)
        assert refused == []
        return answer

    async def both(self, job: Job, **settings: Any) -> tuple[Any, Any]:
        """Record a job and replay it in strict order; return what each run gave."""
        recorded = await self.record(job, **settings)
        return recorded, await self.replay(job, config=NOWHERE.replace(**settings), strict=True)


@pytest.fixture
def studio(mongo_server: MongoServer, tmp_path: Path) -> Studio:
    """Records jobs on the server, and replays them."""
    return Studio(mongo_server.uri, tmp_path / "job.jsonl")
