"""Consumers whose process is killed at any moment, while the primary dies too, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from llm_devops_mongodb import MongoConnectionError
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.faults import Fault, befallen
from tests.survival.conftest import Trial
from tests.survival.job import Job
from tests.survival.workers import Workers

_POLL_SECONDS = 0.1

R = TypeVar("R")


async def test_nothing_is_lost_however_often_a_consumer_is_killed(  # noqa: PLR0917
    server: EmbeddedMongo,
    job: Job,
    trial: Trial,
    tell: Callable[[str], None],
    tmp_path: Path,
    delivery: str,
    processes: int,
) -> None:
    began = time.monotonic()
    with (tmp_path / "workers.log").open("w") as log:
        async with (
            asyncio.timeout(trial.patience),
            Workers(server.uri, job, delivery, log, many=processes) as workers,
        ):
            async with asyncio.TaskGroup() as group:
                group.create_task(job.write())
                group.create_task(_kill_workers(workers, job, trial))
                group.create_task(_kill_primaries(server, job, trial))
            await _until(job.handled, job.events)
            endings = await workers.stop()

    again = await job.check(once=delivery == "exactly_once")
    tell(
        f"{job.events} events, {trial.kills} kills of a consumer, {trial.failovers} of the primary: "
        f"0 lost, {again} handled again, {time.monotonic() - began:.0f} s"
    )
    assert endings == [0] * processes, (tmp_path / "workers.log").read_text()


async def _kill_workers(workers: Workers, job: Job, trial: Trial) -> None:
    """Kill whoever handled the latest event, at moments that chance chooses."""
    for moment in _moments(trial.kills, trial.events):
        await _until(job.effects.estimated_document_count, moment)
        await workers.kill(await _answered(job.latest_process))


async def _kill_primaries(server: EmbeddedMongo, job: Job, trial: Trial) -> None:
    for moment in _moments(trial.failovers, trial.events):
        await _until(job.effects.estimated_document_count, moment)
        async with befallen(server, Fault.KILLED):
            await asyncio.sleep(random.random())


def _moments(many: int, events: int) -> list[int]:
    """Numbers of effects, spread by chance over the first nine tenths."""
    return sorted(random.sample(range(1, events * 9 // 10), k=many))


async def _until(count: Callable[[], Awaitable[int]], least: int) -> None:
    while await _answered(count) < least:
        await asyncio.sleep(_POLL_SECONDS)


async def _answered(ask: Callable[[], Awaitable[R]]) -> R:
    while True:
        try:
            return await ask()
        except MongoConnectionError:
            await asyncio.sleep(_POLL_SECONDS)
