"""What was acknowledged is there, once, while the primary fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm_devops_mongodb import Database, MongoClient
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.append_log import AppendLog
from tests.failover.faults import Fault
from tests.failover.remains import SessionsUsed
from tests.failover.trial import Trial

SERVICE_IS_BACK = 10
WRITERS_OF_A_KIND = 2


async def test_no_acknowledged_entry_is_missing_and_none_is_there_twice(
    server: EmbeddedMongo,
    client: MongoClient,
    database: Database,
    faults: Sequence[Fault],
    tell: Callable[[str], None],
) -> None:
    log = AppendLog(client, database)

    standstills = await Trial(server, [log.insert, log.push] * WRITERS_OF_A_KIND).endure(faults)

    tell(str(log.record))
    tell(", ".join(map(str, standstills)))
    await log.check()
    assert all(standstill.of_one < SERVICE_IS_BACK for standstill in standstills), standstills


async def test_a_client_with_default_time_limits_is_not_held_by_a_primary_that_hangs(
    server: EmbeddedMongo, database: Database, sessions: SessionsUsed, tell: Callable[[str], None]
) -> None:
    async with MongoClient.connect(server.uri, min_pool_size=0, event_listeners=[sessions]) as client:
        log = AppendLog(client, database)

        [standstill] = await Trial(server, [log.insert, log.push] * WRITERS_OF_A_KIND).endure([Fault.PAUSED])

        tell(f"{log.record}; {standstill}")
        await log.check()
    assert standstill.of_one < SERVICE_IS_BACK, standstill
