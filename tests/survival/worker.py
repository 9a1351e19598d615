"""A process that consumes until it is told to stop, or killed.

`python -m tests.survival.worker URI DATABASE DELIVERY SECONDS INCREMENT`; the last two are the time to begin at.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import timedelta
from typing import Any

from bson import Timestamp

from llm_devops_mongodb import ChangeEvent, MongoClient, Session
from llm_devops_mongodb.consumers import ChangeStreamConsumer, ConsumerEvent, ConsumerEventKind
from tests.survival.job import FEW_SECONDS, Job

_log = logging.getLogger(__name__)


def _tell(event: ConsumerEvent) -> None:
    """Write what happens into the log, but not every checkpoint."""
    if event.kind is not ConsumerEventKind.CHECKPOINT_STORED:
        _log.warning("%d: %s %s", os.getpid(), event.kind, event.details.get("error", ""))


async def consume(uri: str, database: str, delivery: str, start: Timestamp) -> None:
    async with MongoClient.connect(
        uri,
        min_pool_size=0,
        heartbeat_frequency=timedelta(milliseconds=500),
        connect_timeout=timedelta(seconds=1),
        server_selection_timeout=timedelta(seconds=5),
    ) as client:
        job = Job(client.database(database))
        process = os.getpid()

        async def handle(event: ChangeEvent[dict[str, Any]]) -> None:
            await job.handle(event, process)

        async def handle_once(event: ChangeEvent[dict[str, Any]], session: Session) -> None:
            await job.handle_once(event, session, process)

        once = delivery == "exactly_once"
        consumer = ChangeStreamConsumer(
            job.written,
            handle_once if once else handle,
            name="job",
            delivery=delivery,
            start=start,
            concurrency=1 if once else 8,
            checkpoint_every=20,
            lease_duration=FEW_SECONDS,
            event_listeners=[_tell],
        )
        loop = asyncio.get_running_loop()
        stopping: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGTERM, lambda: stopping.add(loop.create_task(consumer.stop())))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await consumer.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    asyncio.run(consume(*sys.argv[1:4], Timestamp(*map(int, sys.argv[4:]))))
