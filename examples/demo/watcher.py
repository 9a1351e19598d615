"""A process of the demo: it keeps a journal of every change of a price, until it is stopped or killed.

`python -m examples.demo.watcher DATABASE SECONDS INCREMENT`, from that time on, with the deployment's URI in
`DEMO_MONGODB_URI`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import Any

from bson import Timestamp

from llm_devops_mongodb import ChangeEvent, MongoClient, Session
from llm_devops_mongodb.consumers import ChangeStreamConsumer

URI = "DEMO_MONGODB_URI"
NAME = "journal"
LEASE = timedelta(seconds=1)


async def keep_journal(database: str, start: Timestamp) -> None:
    """Write one line into the journal for every change, in the transaction that also notes how far it is."""
    async with MongoClient.connect(os.environ[URI], min_pool_size=0) as client:
        journal = client.collection(database, "journal")

        async def note(event: ChangeEvent[dict[str, Any]], session: Session) -> None:
            update = event.update_description
            line = {
                "model": event.document_key,
                "changed": None if update is None else update.updated_fields,
                "by": os.getpid(),
            }
            await journal.insert_one(line, session=session)

        consumer = ChangeStreamConsumer(
            client.collection(database, "models"),
            note,
            name=NAME,
            delivery="exactly_once",
            start=start,
            lease_duration=LEASE,
        )
        loop = asyncio.get_running_loop()
        stopping: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGTERM, lambda: stopping.add(loop.create_task(consumer.stop())))
        await consumer.run()


if __name__ == "__main__":
    asyncio.run(keep_journal(sys.argv[1], Timestamp(int(sys.argv[2]), int(sys.argv[3]))))
