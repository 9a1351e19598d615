"""Money is neither lost nor made while the primary fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm_devops_mongodb import Database, MongoClient
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.bank import Bank
from tests.failover.faults import Fault
from tests.failover.trial import Trial

SERVICE_IS_BACK = 10
CLERKS = 4
AUDITORS = 2


async def test_no_transfer_is_lost_doubled_or_halved(
    server: EmbeddedMongo,
    client: MongoClient,
    database: Database,
    faults: Sequence[Fault],
    tell: Callable[[str], None],
) -> None:
    bank = Bank(client, database)
    await bank.open()

    standstills = await Trial(server, [*[bank.transfer] * CLERKS, *[bank.audit] * AUDITORS]).endure(faults)

    tell(f"{bank.record}; {bank.totals.total()} audits, {dict(bank.unread) or 'none'} failed")
    tell(", ".join(map(str, standstills)))
    await bank.check()
    assert all(standstill.of_one < SERVICE_IS_BACK for standstill in standstills), standstills
