"""Recordings of a real server: the seed's own test, a process that is killed, secrets, and no network."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llm_devops_mongodb import (
    ClientStateError,
    Database,
    MongoClient,
    MongoConfig,
    ServerSelectionError,
    SimulationError,
    SimulationMismatchError,
    SimulationRecorder,
    SimulationReplayer,
    simulating,
)
from llm_devops_mongodb.simulation.cassette import Recording
from llm_devops_mongodb.testing import MongoServer
from tests.integration.simulation.conftest import NOWHERE, Studio

SECRET = "hunter2-is-secret"
KILLED = """
import asyncio, sys
from llm_devops_mongodb import MongoClient

async def main(uri, path, name):
    async with MongoClient.connect(uri, simulation_mode="record", simulation_path=path) as client:
        things = client.collection(name, "things")
        for number in range(1_000_000):
            await things.insert_one({"_id": number, "token": "hunter2-is-secret"})
            print(number, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def text_of(path: Path) -> str:
    return path.read_text()


async def test_the_seeds_test_record_replay(
    mongo_server: MongoServer, mongo_database: Database, tmp_path: Path
) -> None:
    record_config = MongoConfig(uri=mongo_server.uri, simulation_mode="record")
    async with MongoClient.connect(record_config) as client:
        collection = client.collection(mongo_database.name, "sim_test")
        await collection.insert_one({"key": "value"})
        assert await collection.find_one({"key": "value"}) is not None
        await client.simulation.save(tmp_path / "recordings.json")

    replay_config = MongoConfig(uri=mongo_server.uri, simulation_mode="replay")
    replayer = SimulationReplayer.load(tmp_path / "recordings.json")
    async with MongoClient.with_simulation(replay_config, replayer) as replay_client:
        replayed = await replay_client.collection(mongo_database.name, "sim_test").find_one({"key": "value"})
        assert replayed is not None
        assert replayed["key"] == "value"


async def test_connecting_by_the_configuration_replays(studio: Studio, mongo_database: Database) -> None:
    async def job(client: MongoClient) -> Any:
        return await client.collection(mongo_database.name, "things").count_documents({})

    await studio.record(job)

    async with MongoClient.connect(NOWHERE, simulation_mode="replay", simulation_path=studio.path) as client:
        assert await job(client) == 0
        assert isinstance(client.simulation, SimulationReplayer)
        with pytest.raises(SimulationError, match="no driver"):
            _ = client.driver


async def test_a_process_that_is_killed_leaves_every_operation_that_it_finished(
    mongo_server: MongoServer, mongo_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "killed.jsonl"
    command = [sys.executable, "-c", KILLED, mongo_server.uri, str(path), mongo_database.name]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    last = 0
    while last < 50:
        last = int(await process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    told = [int(line) for line in (await process.stdout.read()).split()]
    await process.wait()

    done = max([last, *told])
    recorded = [each.request["document"]["_id"] for each in Recording.load(path).interactions]
    assert recorded[: done + 1] == list(range(done + 1))
    assert SECRET not in text_of(path)
    async with MongoClient.with_simulation(NOWHERE, SimulationReplayer.load(path)) as client:
        for number in range(done + 1):
            await client.collection(mongo_database.name, "things").insert_one({"_id": number, "token": SECRET})


async def test_a_replay_opens_no_socket_and_imports_no_driver(
    studio: Studio, mongo_database: Database, tmp_path: Path
) -> None:
    async def job(client: MongoClient) -> Any:
        return await client.collection(mongo_database.name, "things").insert_one({"_id": 1})

    await studio.record(job)
    program = (
        "import asyncio, sys\n"
        "def audit(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.bind', 'socket.getaddrinfo'):\n"
        "        raise SystemExit(f'{event} {arguments}')\n"
        "sys.addaudithook(audit)\n"
        "from llm_devops_mongodb import MongoClient, MongoConfig, SimulationReplayer\n"
        "async def main(path, name):\n"
        "    client = MongoClient.with_simulation(MongoConfig(uri='mongodb://nobody'), SimulationReplayer.load(path))\n"
        "    await client.collection(name, 'things').insert_one({'_id': 1})\n"
        "    await client.close()\n"
        "    assert 'pymongo' not in sys.modules, 'the driver was imported'\n"
        "asyncio.run(main(*sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, str(studio.path), mongo_database.name]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, cwd=tmp_path)
    _, complaints = await process.communicate()

    assert (process.returncode, complaints.decode()) == (0, "")


async def test_several_clients_share_a_recorder_and_a_replayer(studio: Studio, mongo_database: Database) -> None:
    async def job(uri: str | MongoConfig) -> list[Any]:
        async with MongoClient.connect(uri) as one, MongoClient.connect(uri) as other:
            await one.collection(mongo_database.name, "things").insert_one({"_id": 1})
            return await other.collection(mongo_database.name, "things").find({})

    recorder = SimulationRecorder(studio.path)
    with simulating(recorder):
        recorded = await job(studio.uri)
    await recorder.finish()

    assert [each.client for each in Recording.load(studio.path).interactions] == [1, 2]
    with simulating(SimulationReplayer.load(studio.path, strict=True)):
        assert await job(NOWHERE) == recorded == [{"_id": 1}]


async def test_a_strict_replay_is_over_with_the_block_and_not_with_its_first_client(
    studio: Studio, mongo_database: Database
) -> None:
    async def insert(client: MongoClient, number: int) -> None:
        await client.collection(mongo_database.name, "things").insert_one({"_id": number})

    async def both(client: MongoClient) -> None:
        await insert(client, 1)
        await insert(client, 2)

    await studio.record(both)
    with simulating(SimulationReplayer.load(studio.path, strict=True)):
        for number in (1, 2):
            async with MongoClient.connect(NOWHERE) as client:
                await insert(client, number)
    with (
        pytest.raises(SimulationMismatchError, match="1 of 2"),
        simulating(SimulationReplayer.load(studio.path, strict=True)),
    ):
        async with MongoClient.connect(NOWHERE) as client:
            await insert(client, 1)


async def test_a_simulation_of_none_speaks_to_the_server(studio: Studio, mongo_database: Database) -> None:
    with simulating(None):
        async with MongoClient.connect(studio.uri, simulation_mode="replay", simulation_path=studio.path) as client:
            assert (await client.health_check()).healthy
            with pytest.raises(SimulationError, match="neither records nor replays"):
                _ = client.simulation
    assert mongo_database.name


async def test_a_client_that_cannot_connect_leaves_the_recording_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("before")  # a few bytes
    with pytest.raises(ServerSelectionError):
        await MongoClient.connect(
            "mongodb://127.0.0.1:9", simulation_mode="record", simulation_path=path, server_selection_timeout="200ms"
        )

    assert text_of(path) == "before"


async def test_a_client_that_is_closed_replays_no_more(studio: Studio, mongo_database: Database) -> None:
    async def job(client: MongoClient) -> Any:
        return await client.collection(mongo_database.name, "things").find({})

    await studio.record(job)
    client = MongoClient.with_simulation(NOWHERE, SimulationReplayer.load(studio.path))
    await client.close()

    with pytest.raises(ClientStateError, match="closed"):
        await job(client)
