"""Makes the entities that a test file describes (`createEntities`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from llm_devops_mongodb import Database, MongoClient
from tests.conformance import unsupported
from tests.conformance.entities import ClientEntity, EntityMap, SessionEntity, ThreadEntity
from tests.conformance.listening import listeners_of
from tests.conformance.operations.arguments import Arguments
from tests.conformance.recording import EventRecorder
from tests.conformance.set_aside import POOL_FILLED, SetAside
from tests.conformance.settings import settings_of
from tests.conformance.traits import Traits
from tests.conformance.verdicts import MismatchError

_LIMIT = 10.0


async def create(
    described: Mapping[str, Any], entities: EntityMap, *, uri: str, traits: Traits, replay: SetAside | None = None
) -> None:
    """Make one entity and give it its name.

    Args:
        described: One element of `createEntities`.
        entities: Where it goes, and where those it is made of are.
        uri: The deployment.
        traits: What the test is like.
        replay: Where to count what is not done in replay; None does everything, on a server.

    Raises:
        MismatchError: It is malformed, or refers to what is not there.
        UnsupportedError: It is left out on purpose.
    """
    if len(described) != 1:
        raise MismatchError("an entity is described under one key")
    ((kind, fields),) = described.items()
    unsupported.refuse_in(unsupported.ENTITIES, described)
    given = Arguments(fields, entities)
    name = given.require("id")
    if kind == "client":
        entity: Any = await _client(given, uri=uri, traits=traits, replay=replay)
    elif kind in _MAKERS:
        entity = _MAKERS[kind](given, entities)
    else:
        raise MismatchError(f"there is no entity of kind {kind}")
    entities.add(name, entity)


async def _client(given: Arguments, *, uri: str, traits: Traits, replay: SetAside | None) -> ClientEntity:
    unsupported.refuse_in(unsupported.CLIENT_SETTINGS, given.given)
    observed = given.take("observeEvents", [])
    recorder = EventRecorder(
        observed,
        ignored=given.take("ignoreCommandMonitoringEvents", []),
        with_sensitive=given.take("observeSensitiveCommands", default=False),
        stores=_stores(given),
    )
    options: Mapping[str, Any] = given.take("uriOptions", {})
    pool_wait = given.take("awaitMinPoolSizeMS")
    # Several mongos make a difference to a sharded cluster alone; log messages matter to tests that expect some.
    given.ignore("useMultipleMongoses", "observeLogMessages", "observeTracingMessages")
    given.check_all_taken("client")
    connecting = MongoClient.connect(
        uri_with(uri, _impatient(options, traits)),
        event_listeners=listeners_of(recorder),
        **_overrides(options, traits),
    )
    client = await connecting
    recorder.forget_connecting()
    if replay is not None:
        replay.add(POOL_FILLED, times=pool_wait is not None)
    elif pool_wait is not None:
        await _pool_filled(recorder, options.get("minPoolSize", 0), limit=pool_wait / 1000)
    return ClientEntity(client, recorder, is_replay=replay is not None)


def _impatient(options: Mapping[str, Any], traits: Traits) -> Mapping[str, Any]:
    """Have monitors poll where the server fails on purpose: one that streams waits before it looks again."""
    return {"serverMonitoringMode": "poll", **options} if traits.sets_fail_points else options


def _overrides(options: Mapping[str, Any], traits: Traits) -> dict[str, Any]:
    """Put aside those of the library's own defaults that differ from what the drivers' specifications describe."""
    overrides: dict[str, Any] = {"validate_documents": not traits.stores_operators, "max_namespace_bytes": 255}
    if "minPoolSize" not in options:
        # The library's default is 5: connections made in the background would count as events.
        overrides["min_pool_size"] = 0
    if traits.sets_fail_points and "heartbeatFrequencyMS" not in options:
        overrides["heartbeat_frequency"] = "500ms"
    return overrides


def _stores(given: Arguments) -> dict[str, list[Any]]:
    stores: dict[str, list[Any]] = {}
    for described in given.take("storeEventsAsEntities", []):
        store: list[Any] = []
        given.entities.add(described["id"], store)
        stores |= {event[0].lower() + event[1:]: store for event in described["events"]}
    return stores


async def _pool_filled(recorder: EventRecorder, size: int, *, limit: float) -> None:
    try:
        async with asyncio.timeout(min(limit, _LIMIT)):
            while recorder.ready < size:
                recorder.changed.clear()
                await recorder.changed.wait()
    except TimeoutError:
        raise MismatchError(f"the pool did not reach its {size} connections") from None


def _database(given: Arguments, entities: EntityMap) -> Database:
    client = entities.get(given.require("client"), ClientEntity).client
    database = client.database(given.require("databaseName"))
    settings = settings_of(given.take("databaseOptions", {}))
    given.check_all_taken("database")
    entity = database.with_options(**settings)
    entities.belongs(entity, client)
    return entity


def _collection(given: Arguments, entities: EntityMap) -> Any:
    database = entities.get(given.require("database"), Database)
    collection = database.collection(given.require("collectionName"))
    settings = settings_of(given.take("collectionOptions", {}))
    given.check_all_taken("collection")
    entity = collection.with_options(**settings)
    entities.belongs(entity, entities.client_of(database))
    return entity


def _session(given: Arguments, entities: EntityMap) -> SessionEntity:
    entity = entities.get(given.require("client"), ClientEntity)
    options = Arguments(given.take("sessionOptions", {}), entities)
    given.check_all_taken("session")
    asked = {
        "causal_consistency": options.take("causalConsistency"),
        "snapshot": options.take("snapshot"),
        "default_transaction_options": options.transaction_defaults(),
    }
    options.check_all_taken("session")
    # What is not given is not passed on, so that a case fails for what it asks for alone.
    chosen = {name: value for name, value in asked.items() if value is not None}
    session = entity.client.start_session(**chosen)
    return SessionEntity(session) if entity.is_replay else SessionEntity.of(session)


def _thread(given: Arguments, entities: EntityMap) -> ThreadEntity:
    given.check_all_taken("thread")
    return ThreadEntity()


_MAKERS: Mapping[str, Callable[[Arguments, EntityMap], Any]] = {
    "database": _database,
    "collection": _collection,
    "session": _session,
    "thread": _thread,
}


def uri_with(uri: str, options: Mapping[str, Any]) -> str:
    """Return `uri` with more options, in the place of its own of the same name."""
    place, _, query = uri.partition("?")
    own = [part for part in query.split("&") if part and part.partition("=")[0] not in options]
    added = [f"{name}={text}" for name, value in options.items() for text in _texts(value)]
    separator = "" if place.count("/") > 2 else "/"
    return f"{place}{separator}?{'&'.join([*own, *added])}" if own or added else uri


def _texts(value: Any) -> list[str]:
    match value:
        case bool():
            return [str(value).lower()]
        case list():
            return [text for item in value for text in _texts(item)]
        case Mapping():
            return [",".join(f"{quote(str(name))}:{quote(str(item))}" for name, item in value.items())]
        case _:
            return [quote(str(value))]
