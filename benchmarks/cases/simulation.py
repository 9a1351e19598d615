"""Simulation: what recording adds to an operation, how fast a recording answers, and what it costs to load a large one.

Recording is compared with the same client that does not record. Replay and loading have no peer: they are compared with
the most that is allowed.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from functools import partial
from itertools import count, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.checks import require_count
from benchmarks.documents import documents, key
from benchmarks.harness import Arena, Case, Entrant, WrongResultError
from benchmarks.process import output
from llm_devops_mongodb import MongoClient, MongoConfig, SimulationReplayer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from llm_devops_mongodb import Collection
    from llm_devops_mongodb.simulation.cassette import Interaction

RECORDED = "recorded"
ALLOWED = "allowed"
UNRECORDED = "unrecorded"
RECORDING_TARGET = 1.3
REPLAYS_A_SECOND = 20_000
LOADED = 100_000
LOADING_SECONDS = 3.0
LOADING_MEBIBYTES = 300.0
STRIDE = 7919
LOOKUPS = 20
TOGETHER = 100
NOWHERE = MongoConfig(uri="mongodb://nobody.invalid")

LOADING = """
import resource, sys, time
from llm_devops_mongodb import SimulationReplayer
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, began = peak(), time.perf_counter()
replayer = SimulationReplayer.load(sys.argv[1])
print(len(replayer.recording.interactions), time.perf_counter() - began, peak() - before)
"""


@asynccontextmanager
async def recording_entrants(arena: Arena) -> AsyncGenerator[list[Entrant]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording.jsonl"
        settings: dict[str, Any] = {"simulation_mode": "record", "simulation_path": path}
        async with MongoClient.connect(arena.uri) as plain, MongoClient.connect(arena.uri, **settings) as recorded:
            await _stored(plain.collection(arena.database, RECORDED), arena.documents)

            def entrant(name: str, client: MongoClient, row: str | None = None) -> Entrant:
                measure = _lookups(client.collection(arena.database, RECORDED), arena.documents)
                return Entrant(name=name, measure=measure, row=row, target=RECORDING_TARGET if row else None)

            yield [entrant("recorded", recorded, row="recording"), entrant(UNRECORDED, plain)]
            await plain.collection(arena.database, RECORDED).delete_many({})


@asynccontextmanager
async def recording_finds_entrants(arena: Arena) -> AsyncGenerator[list[Entrant]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording.jsonl"
        settings: dict[str, Any] = {"simulation_mode": "record", "simulation_path": path}
        async with MongoClient.connect(arena.uri) as plain, MongoClient.connect(arena.uri, **settings) as recorded:
            await _stored(plain.collection(arena.database, RECORDED), TOGETHER)

            def entrant(name: str, client: MongoClient, row: str | None = None) -> Entrant:
                collection = client.collection(arena.database, RECORDED)

                async def measured() -> float:
                    return 1e6 * median([await _read(collection) for _ in range(LOOKUPS)])

                return Entrant(name=name, measure=measured, row=row, target=RECORDING_TARGET if row else None)

            yield [entrant("recorded", recorded, row="recording 100 documents"), entrant(UNRECORDED, plain)]
            await plain.collection(arena.database, RECORDED).delete_many({})


@asynccontextmanager
async def replaying_entrants(arena: Arena) -> AsyncGenerator[list[Entrant]]:
    asked = 1000
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording.jsonl"
        async with MongoClient.connect(arena.uri, simulation_mode="record", simulation_path=path) as client:
            collection = client.collection(arena.database, RECORDED)
            await _stored(collection, asked)
            for number in range(asked):
                await collection.find_one({"_id": key(number)})
            await collection.delete_many({})
        async with MongoClient.with_simulation(NOWHERE, SimulationReplayer.load(path)) as client:
            measure = _lookups(client.collection(arena.database, RECORDED), asked)
            yield [
                Entrant(name="replayed", measure=measure, row="replay", target=1.0),
                Entrant(name=ALLOWED, measure=partial(_constant, 1e6 / REPLAYS_A_SECOND)),
            ]


@asynccontextmanager
async def loading_entrants(arena: Arena, *, unit: Callable[[float, float], float]) -> AsyncGenerator[list[Entrant]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording.jsonl"
        async with MongoClient.connect(arena.uri, simulation_mode="record", simulation_path=path) as client:
            collection = client.collection(arena.database, RECORDED)
            await _stored(collection, 1)
            for _ in range(10):
                await collection.find_one({"_id": key(0)})
            await collection.delete_many({})
        await _multiplied(path)

        async def measured() -> float:
            interactions, seconds, mebibytes = (await output(sys.executable, "-c", LOADING, str(path))).split()
            require_count(int(interactions), LOADED)
            return unit(float(seconds), float(mebibytes))

        yield [
            Entrant(name="loaded", measure=measured, row="load", target=1.0),
            Entrant(name=ALLOWED, measure=partial(_constant, unit(LOADING_SECONDS, LOADING_MEBIBYTES))),
        ]


async def _multiplied(path: Path) -> None:
    """Write a recording anew with so many interactions as are to be loaded."""
    from msgspec.structs import replace

    from llm_devops_mongodb.simulation.cassette import Recording, write_recording

    recording = Recording.load(path)
    few = list(recording.interactions)

    def many() -> list[Interaction]:
        return [replace(few[number % len(few)], number=number + 1) for number in range(LOADED)]

    write_recording(path, recording.header, many())


async def _stored(collection: Collection[dict[str, Any]], many: int) -> None:
    await collection.delete_many({})
    await collection.insert_many(documents(many))


def _lookups(collection: Collection[dict[str, Any]], many: int) -> Callable[[], Any]:
    numbers = (index * STRIDE % many for index in count())

    async def measured() -> float:
        return 1e6 * median([await _lookup(collection, number) for number in islice(numbers, LOOKUPS)])

    return measured


async def _lookup(collection: Collection[dict[str, Any]], number: int) -> float:
    wanted = {"_id": key(number)}
    started = perf_counter()
    found = await collection.find_one(wanted)
    elapsed = perf_counter() - started
    if found is None or found["_id"] != wanted["_id"]:
        raise WrongResultError("another document was found")
    return elapsed


async def _read(collection: Collection[dict[str, Any]]) -> float:
    started = perf_counter()
    found = await collection.find({})
    elapsed = perf_counter() - started
    require_count(len(found), TOGETHER)
    return elapsed


async def _constant(figure: float) -> float:
    return figure


def _seconds(seconds: float, _: float) -> float:
    return seconds


def _mebibytes(_: float, mebibytes: float) -> float:
    return mebibytes


CASES = (
    Case(name="recording", unit="µs", entrants=recording_entrants, turns=25, reference=UNRECORDED),
    Case(name="recording_finds", unit="µs", entrants=recording_finds_entrants, turns=5, reference=UNRECORDED),
    Case(name="replaying", unit="µs", entrants=replaying_entrants, turns=25, reference=ALLOWED),
    Case(name="loading", unit="s", entrants=partial(loading_entrants, unit=_seconds), reference=ALLOWED),
    Case(name="loading_memory", unit="MiB", entrants=partial(loading_entrants, unit=_mebibytes), reference=ALLOWED),
)
