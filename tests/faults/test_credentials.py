"""A password is changed while a client is connected with the old one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from llm_devops_mongodb import (
    AuthenticationError,
    MongoClient,
    MongoCredentials,
    SecretString,
    StaticCredentialProvider,
)
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import EmbeddedMongo
from tests.faults.attempts import Attempts
from tests.faults.fail_points import BLOCKED, FailPoints
from tests.faults.operations import SEED, Things, contents

USER = "application"
OLD = "the old password"
SELECTION = timedelta(seconds=1)


@pytest.fixture(scope="module")
async def guarded() -> AsyncIterator[EmbeddedMongo]:
    """A server that asks for credentials."""
    async with EmbeddedMongo(auth=True) as started:
        yield started


@pytest.fixture(scope="module")
def server(guarded: EmbeddedMongo) -> EmbeddedMongo:
    return guarded


@pytest.fixture
async def client(
    server: EmbeddedMongo, admin: MongoClient, settings: ConfigSettings, attempts: Attempts
) -> AsyncIterator[MongoClient]:
    """A client with an account of its own."""
    users = admin.database("admin")
    await users.run_command({"createUser": USER, "pwd": OLD, "roles": ["readWriteAnyDatabase"]})
    login = StaticCredentialProvider(MongoCredentials(username=USER, password=SecretString(OLD)))
    brief: ConfigSettings = {**settings, "server_selection_timeout": SELECTION}
    async with MongoClient.connect(server.uri, credentials=login, event_listeners=[attempts], **brief) as client:
        yield client
    await users.run_command({"dropUser": USER})


async def test_open_connections_go_on_and_new_ones_are_refused_by_name(
    admin: MongoClient, things: Things, fail_points: FailPoints, attempts: Attempts
) -> None:
    assert await contents(things) == SEED

    await admin.database("admin").run_command({"updateUser": USER, "pwd": "another"})
    assert await contents(things) == SEED
    async with fail_points.on("find", BLOCKED):
        holding = asyncio.create_task(things.find_one({}))
        await attempts.until("find", 3)
        await expect_refusal(things)
        await expect_refusal(things)
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)

    assert attempts.of("insert") == 0
    # Who cannot log in cannot end its sessions either: that of each `find` and `insert`.
    attempts.doubtful += 2


async def expect_refusal(things: Things) -> None:
    """Write what takes another connection, which is refused, by its name and soon."""
    started = time.monotonic()
    with pytest.raises(AuthenticationError) as caught:
        await things.insert_one({"_id": "new"})

    assert time.monotonic() - started < 3 * SELECTION.total_seconds()
    assert caught.value.code == 18
    assert caught.value.outcome == "not_applied"
    assert not caught.value.is_retryable
    assert OLD not in str(caught.value)


class Vault:
    """A provider that gives what it knew when it was last asked to look again."""

    def __init__(self, password: str) -> None:
        self.latest = password
        self._known = password

    async def get_credentials(self) -> MongoCredentials:
        return MongoCredentials(username=USER, password=SecretString(self._known))

    async def refresh(self) -> None:
        self._known = self.latest


async def test_a_provider_that_looks_again_lets_the_next_client_in(
    admin: MongoClient, client: MongoClient, server: EmbeddedMongo, settings: ConfigSettings
) -> None:
    assert (await client.health_check()).healthy
    vault = Vault(OLD)
    vault.latest = "another"
    await admin.database("admin").run_command({"updateUser": USER, "pwd": vault.latest})
    with pytest.raises(AuthenticationError):
        await MongoClient.connect(server.uri, credentials=vault, **settings)
    await vault.refresh()
    async with MongoClient.connect(server.uri, credentials=vault, **settings) as healed:
        assert await healed.collection("app", "things").count_documents() == 0
