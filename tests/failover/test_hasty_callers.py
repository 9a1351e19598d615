"""What callers without patience are told of their writes is true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from llm_devops_mongodb import Database, MongoClient
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.append_log import AppendLog
from tests.failover.bank import Bank
from tests.failover.faults import Fault
from tests.failover.remains import SessionsUsed
from tests.failover.trial import Trial

# Shorter than an election, so that a write is given up while nobody knows whether it happened.
PATIENCE = timedelta(milliseconds=300)
SILENT = [Fault.KILLED, Fault.PAUSED]


@pytest.fixture
async def hasty(server: EmbeddedMongo, settings: ConfigSettings, sessions: SessionsUsed) -> AsyncIterator[MongoClient]:
    """A client that soon gives up."""
    limited: ConfigSettings = {**settings, "timeout": PATIENCE}
    async with MongoClient.connect(server.uri, event_listeners=[sessions], **limited) as client:
        yield client


async def test_of_their_entries(
    server: EmbeddedMongo, hasty: MongoClient, database: Database, tell: Callable[[str], None]
) -> None:
    log = AppendLog(hasty, database)

    await Trial(server, [log.insert, log.push] * 2).endure(SILENT)

    tell(str(log.record))
    assert log.record.unknown
    await log.check()


async def test_of_their_transfers(
    server: EmbeddedMongo, hasty: MongoClient, database: Database, tell: Callable[[str], None]
) -> None:
    bank = Bank(hasty, database)
    await bank.open()

    await Trial(server, [bank.transfer] * 4 + [bank.audit]).endure(SILENT)

    tell(str(bank.record))
    assert bank.record.unknown | bank.record.refused
    await bank.check()
