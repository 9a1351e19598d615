"""How long a transaction is tried, and that nobody waits for longer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from llm_devops_mongodb import Database, MongoClient, MongoError, OperationTimeoutError
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.failover.accounts import BEFORE, Accounts
from tests.failover.faults import in_place
from tests.failover.remains import SessionsUsed
from tests.faults.fail_points import BLOCKED, FailPoints, Fault, refused

LIMIT = timedelta(seconds=1)
SLACK = 3
"""How many times as long as it should something may take on a busy machine."""

ON_LASTING_FAULTS = pytest.mark.parametrize(
    ("command", "fault", "outcome"),
    [
        pytest.param("update", refused(112), "not_applied", id="of an update"),
        pytest.param("commitTransaction", refused(112), "not_applied", id="of a commit"),
        pytest.param("commitTransaction", refused(64), "unknown", id="of a commit, outcome unknown"),
    ],
)


@contextmanager
def ends_in_time() -> Generator[pytest.ExceptionInfo[MongoError]]:
    began = time.monotonic()
    with pytest.raises(MongoError) as raised:
        yield raised
    assert time.monotonic() - began < LIMIT.total_seconds() * SLACK


@pytest.fixture
async def limited(
    server: EmbeddedMongo, settings: ConfigSettings, sessions: SessionsUsed
) -> AsyncIterator[MongoClient]:
    """A client whose transactions are not tried again for long."""
    limited: ConfigSettings = {**settings, "transaction_retry_limit": LIMIT}
    async with MongoClient.connect(server.uri, event_listeners=[sessions], **limited) as client:
        yield client


@pytest.fixture
async def hanging(server: EmbeddedMongo, accounts: Accounts) -> AsyncIterator[None]:
    """No member answers; each goes on after the test."""
    for member in server.members:
        member.pause()
    yield
    for member in server.members:
        member.resume()
    await in_place(server)


@ON_LASTING_FAULTS
async def test_a_lasting_fault_is_raised_when_the_limit_of_the_call_is_over(
    command: str, fault: Fault, outcome: str, *, client: MongoClient, accounts: Accounts, fail_points: FailPoints
) -> None:
    async with fail_points.on(command, fault, times=None):
        with ends_in_time() as raised:
            await client.with_transaction(accounts.move, timeout=LIMIT)

    # The limit may cut off an attempt before its refusal is read: what a commit on its way did, nobody can tell then.
    is_cut_off = raised.value.is_timeout and command == "commitTransaction"
    assert raised.value.outcome == ("unknown" if is_cut_off else outcome)
    assert await accounts.balances() == BEFORE


@ON_LASTING_FAULTS
async def test_a_lasting_fault_is_raised_when_the_limit_of_the_client_is_over(
    command: str, fault: Fault, outcome: str, *, limited: MongoClient, database: Database, fail_points: FailPoints
) -> None:
    accounts = Accounts(limited, database)
    await accounts.open()

    async with fail_points.on(command, fault, times=None):
        with ends_in_time() as raised:
            await limited.with_transaction(accounts.move)

    assert raised.value.outcome == outcome
    assert (raised.value.code, raised.value.is_timeout) == (fault["errorCode"], False)
    assert await accounts.balances() == BEFORE


@pytest.mark.parametrize(("command", "outcome"), [("update", "not_applied"), ("commitTransaction", "unknown")])
async def test_the_limit_of_the_call_holds_for_a_command_that_hangs(
    command: str, outcome: str, client: MongoClient, accounts: Accounts, fail_points: FailPoints
) -> None:
    async with fail_points.on(command, BLOCKED):
        with ends_in_time() as raised:
            await client.with_transaction(accounts.move, timeout=LIMIT)

    assert raised.value.is_timeout
    assert raised.value.outcome == outcome


@pytest.mark.usefixtures("hanging")
async def test_the_limit_of_the_call_holds_while_no_member_answers(client: MongoClient, accounts: Accounts) -> None:
    with ends_in_time() as raised:
        await client.with_transaction(accounts.move, timeout=LIMIT)

    assert isinstance(raised.value, OperationTimeoutError)
    assert raised.value.outcome == "not_applied"
