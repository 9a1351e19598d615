"""Connecting: what is wrong is named, within the limit, and without secrets."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    AuthenticationError,
    ClientStateError,
    ConfigError,
    HealthStatus,
    MongoClient,
    MongoConfig,
    MongoConnectionError,
    MongoCredentials,
    SecretString,
    ServerSelectionError,
    StaticCredentialProvider,
    TlsError,
)
from llm_devops_mongodb.testing import EmbeddedMongo

# PyMongo 4.20 drops a socket without closing it when a connection is given up while it is being made.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

SOON = timedelta(milliseconds=1500)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


async def test_an_unreachable_host_is_told_within_the_limit(mongo_server: Any) -> None:
    started = time.monotonic()

    with pytest.raises(ServerSelectionError, match=r"refused|Connect call failed") as caught:
        await MongoClient.connect(f"mongodb://127.0.0.1:{closed_port()}", server_selection_timeout=SOON)

    assert caught.value.timeout == SOON
    assert caught.value.is_timeout
    assert time.monotonic() - started < 5


async def test_a_host_without_address_is_told() -> None:
    with pytest.raises(ServerSelectionError, match=r"no\.such\.host\.invalid"):
        await MongoClient.connect("mongodb://no.such.host.invalid", server_selection_timeout=SOON)


async def test_a_service_name_without_record_is_told() -> None:
    with pytest.raises(MongoConnectionError, match="SRV"):
        await MongoClient.connect("mongodb+srv://no.such.host.invalid", server_selection_timeout=SOON)


async def test_a_server_that_never_answers_is_told_within_the_limit() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MongoConnectionError):
            await MongoClient.connect(f"mongodb://127.0.0.1:{port}", server_selection_timeout=SOON)


async def test_another_replica_set_is_told(mongo_client: MongoClient) -> None:
    uri = f"mongodb://{(await mongo_client.health_check()).members[0]}/?replicaSet=another"

    with pytest.raises(ServerSelectionError, match="another"):
        await MongoClient.connect(uri, server_selection_timeout=SOON)


async def test_a_server_that_speaks_no_tls_is_told_at_once(mongo_client: MongoClient) -> None:
    host = (await mongo_client.health_check()).members[0]
    started = time.monotonic()

    with pytest.raises(TlsError):
        await MongoClient.connect(f"mongodb://{host}/?tls=true")

    assert time.monotonic() - started < 5


async def test_wrong_missing_and_right_credentials() -> None:
    async with EmbeddedMongo(auth=("ada", "r:o/o@t%p?w#")) as server:
        host = f"{server.members[0].host}:{server.members[0].port}"
        async with MongoClient.connect(server.uri) as client:
            assert (await client.health_check()).healthy
        right = StaticCredentialProvider(MongoCredentials("ada", SecretString("r:o/o@t%p?w#")))
        async with MongoClient.connect(f"mongodb://{host}", credentials=right) as client:
            assert await client.database("app").list_collection_names() == []

        started = time.monotonic()
        with pytest.raises(AuthenticationError) as wrong:
            await MongoClient.connect(f"mongodb://ada:hunter2@{host}")
        with pytest.raises(AuthenticationError) as missing:
            await MongoClient.connect(f"mongodb://{host}")

    assert time.monotonic() - started < 5
    assert "hunter2" not in str(wrong.value)
    assert missing.value.code == 13


async def test_a_tls_server_asks_for_its_authority() -> None:
    async with EmbeddedMongo(tls=True) as server:
        async with MongoClient.connect(server.uri) as client:
            assert (await client.health_check()).healthy
        host = f"{server.members[0].host}:{server.members[0].port}"
        with pytest.raises(TlsError, match="ca_file"):
            await MongoClient.connect(f"mongodb://{host}/?tls=true")
        with pytest.raises(MongoConnectionError):
            await MongoClient.connect(f"mongodb://{host}", server_selection_timeout=SOON)


async def test_connecting_without_context_is_closed_by_hand(mongo_server: Any) -> None:
    client = await MongoClient.connect(mongo_server.uri)

    assert (await client.health_check()).healthy
    await client.close()
    await client.close()

    with pytest.raises(ClientStateError, match="closed"):
        await client.collection("test", "x").find_one()
    status = await client.health_check()
    assert status == HealthStatus(healthy=False, error="the client is closed; connect a new one")


async def test_a_configuration_is_overridden_by_name(mongo_server: Any) -> None:
    config = MongoConfig(uri=mongo_server.uri, default_database="app")
    async with MongoClient.connect(config, app_name="overridden") as client:
        assert client.config.app_name == "overridden"
        assert client.default_database().name == "app"
        assert client.driver.options.pool_options.appname == "overridden"


async def test_the_environment_connects(mongo_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", mongo_server.uri)
    monkeypatch.setenv("MONGODB_DEFAULT_DATABASE", "app")
    async with MongoClient.from_env() as client:
        assert client.default_database().name == "app"


async def test_a_missing_default_database_is_told(mongo_server: Any) -> None:
    async with MongoClient.connect(mongo_server.uri) as client:
        with pytest.raises(ConfigError, match="default_database"):
            client.default_database()


async def test_an_override_that_cannot_be_is_told_before_anything_is_tried() -> None:
    with pytest.raises(ConfigError) as caught:
        MongoClient.connect("mongodb://localhost", max_pool_size=0, nonsense=1)

    assert {fault.field for fault in caught.value.faults} == {"max_pool_size", "nonsense"}


async def test_health_tells_the_deployment() -> None:
    async with EmbeddedMongo() as server, MongoClient.connect(server.uri) as client:
        host = f"{server.members[0].host}:{server.members[0].port}"
        status = await client.health_check()

    assert status.healthy
    assert status.error is None
    assert status.latency is not None
    assert status.latency > timedelta(0)
    assert status.topology == "ReplicaSetWithPrimary"
    assert status.set_name == server.replica_set
    assert (status.primary, status.members) == (host, (host,))
    assert status.server_version is not None
    assert status.pool is not None
    assert (status.pool.in_use, status.pool.max_size) == (0, 100)


async def test_health_of_a_dead_server_is_told_and_not_raised() -> None:
    async with EmbeddedMongo() as server, MongoClient.connect(server.uri, server_selection_timeout=SOON) as client:
        server.members[0].kill()
        status = await client.health_check()

    assert not status.healthy
    assert status.error


async def test_health_of_a_frozen_server_is_told_within_the_limit() -> None:
    async with EmbeddedMongo() as server, MongoClient.connect(server.uri, server_selection_timeout=SOON) as client:
        server.members[0].pause()
        started = time.monotonic()
        status = await client.health_check()
        server.members[0].resume()

    assert not status.healthy
    assert status.error
    assert time.monotonic() - started < 5


async def test_another_event_loop_is_refused(mongo_client: MongoClient) -> None:
    async def use() -> None:
        await mongo_client.collection("test", "x").find_one()

    with pytest.raises(ClientStateError, match="event loop"):
        await asyncio.to_thread(asyncio.run, use())


async def test_a_forked_child_is_refused(mongo_client: MongoClient) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # The child must not run the parent's loop, tests or clean-up: it tells and goes.
        coroutine = mongo_client.collection("test", "x").find_one()
        try:
            coroutine.send(None)
        except ClientStateError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        text = (await asyncio.to_thread(told.read)).decode()
    os.waitpid(child, 0)

    assert "forked" in text
    assert (await mongo_client.health_check()).healthy


async def test_sockets_are_gone_after_close(mongo_server: Any) -> None:
    async with MongoClient.connect(mongo_server.uri) as client:
        await asyncio.gather(*(client.collection("test", "x").find_one() for _ in range(20)))
        admin = client.database("admin")
        before = len([task for task in asyncio.all_tasks() if not task.done()])
        assert (await admin.run_command({"ping": 1}))["ok"] == 1
    after = len([task for task in asyncio.all_tasks() if not task.done()])

    assert after < before


async def test_closing_lets_operations_finish_and_refuses_new_ones(mongo_server: Any) -> None:
    client = await MongoClient.connect(mongo_server.uri)
    slow = asyncio.create_task(client.database("admin").run_command({"find": "x", "comment": "closing"}))
    pipeline = [{"$documents": [{"n": 1}]}, {"$set": {"n": 2}}]
    running = [asyncio.create_task(client.database("admin").aggregate(pipeline)) for _ in range(20)]
    await asyncio.sleep(0)

    closings = [asyncio.create_task(client.close()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ClientStateError):
        await client.collection("test", "x").find_one()
    await asyncio.gather(*closings)

    assert list(await asyncio.gather(*running)) == [[{"n": 2}]] * 20
    assert (await slow)["ok"] == 1


async def test_a_cancelled_close_is_finished_all_the_same(mongo_server: Any) -> None:
    for _ in range(5):
        client = await MongoClient.connect(mongo_server.uri)
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await client.close()
        assert client.driver._closed  # the driver has no public way to tell


async def test_health_of_a_set_without_primary_is_told() -> None:
    async with EmbeddedMongo() as server, MongoClient.connect(server.uri) as client:
        await client.database("admin").run_command({"replSetStepDown": 30, "force": True})
        async with asyncio.timeout(20):
            while (status := await client.health_check()).healthy:
                await asyncio.sleep(0.05)

    assert status.primary is None
    assert "primary" in str(status.error)


@pytest.mark.parametrize("name", ["audit", "tracing"])
async def test_a_feature_that_is_not_there_is_refused(mongo_server: Any, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        await MongoClient.connect(mongo_server.uri, **{name: True})


@pytest.mark.parametrize("uri", [None, ["mongodb://ada:hunter2@h"], 7])
def test_what_is_no_uri_is_a_fault_of_the_configuration(uri: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        MongoClient.connect(uri)
    assert "hunter2" not in str(caught.value)


def test_a_configuration_cannot_be_changed_and_repeats_nothing() -> None:
    config: Any = MongoConfig(uri="mongodb://localhost")
    with pytest.raises(ConfigError, match="replace") as caught:
        config.uri = "mongodb://ada:hunter2@h"
    assert "hunter2" not in str(caught.value)
