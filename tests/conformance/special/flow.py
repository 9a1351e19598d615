"""What steers a test: entities, fail points, loops, threads, pauses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from llm_devops_mongodb import MongoError
from tests.conformance.context import Context
from tests.conformance.entities import ClientEntity, SessionEntity, ThreadEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.verdicts import MismatchError

_LIMIT = 10.0
_ROUNDS = 10
"""How often a loop is run: until asked to stop, says the format, and here nobody asks."""


async def create_entities(context: Context, given: Arguments) -> None:
    for described in given.require("entities"):
        await context.create(described)


async def fail_point(context: Context, given: Arguments) -> None:
    client = context.entities.get(given.require("client"), ClientEntity)
    command = given.require("failPoint")
    # Some files name one, but setting a fail point is not part of any session.
    given.ignore("session")
    given.check_all_taken("failPoint")
    await context.server.fail_points.set_by(client, command)


async def targeted_fail_point(context: Context, given: Arguments) -> None:
    session = context.entities.get(given.require("session"), SessionEntity)
    await context.server.fail_points.set_where_pinned(session, given.require("failPoint"))


async def wait(context: Context, given: Arguments) -> None:
    await asyncio.sleep(given.require("ms") / 1000)


async def run_on_thread(context: Context, given: Arguments) -> None:
    operation = given.require("operation")
    thread = context.entities.get(given.require("thread"), ThreadEntity)
    thread.dispatch(lambda: context.execute(operation))


async def wait_for_thread(context: Context, given: Arguments) -> None:
    thread = context.entities.get(given.require("thread"), ThreadEntity)
    try:
        async with asyncio.timeout(_LIMIT):
            await thread.wait()
    except TimeoutError:
        raise MismatchError(f"the thread was not done within {_LIMIT:g} s") from None


async def loop(context: Context, given: Arguments) -> None:
    operations = given.require("operations")
    stores = {name: given.take(name) for name in ("storeErrorsAsEntity", "storeFailuresAsEntity")}
    counters = {name: given.take(name) for name in ("storeSuccessesAsEntity", "storeIterationsAsEntity")}
    given.check_all_taken("loop")
    for name in stores.values():
        if name is not None and name not in context.entities:
            context.entities.add(name, [])
    for name in counters.values():
        if name is not None:
            context.entities.add(name, 0)
    for _ in range(_ROUNDS):
        await _run_once(context, operations, stores=stores, successes=counters["storeSuccessesAsEntity"])
        _count(context, counters["storeIterationsAsEntity"])


async def _run_once(
    context: Context,
    operations: Sequence[Mapping[str, Any]],
    *,
    stores: Mapping[str, str | None],
    successes: str | None,
) -> None:
    errors = stores["storeErrorsAsEntity"] or stores["storeFailuresAsEntity"]
    failures = stores["storeFailuresAsEntity"] or stores["storeErrorsAsEntity"]
    for operation in operations:
        try:
            await context.execute(operation)
        except (MongoError, MismatchError) as error:
            store = failures if isinstance(error, MismatchError) else errors
            if store is None:
                raise
            context.entities.get(store, list).append({"error": str(error), "time": time.time()})
            return
        _count(context, successes)


def _count(context: Context, counter: str | None) -> None:
    if counter is not None:
        context.entities.set_value(counter, context.entities.value(counter) + 1)


OPERATIONS: Mapping[str, Any] = {
    "createEntities": create_entities,
    "failPoint": fail_point,
    "targetedFailPoint": targeted_fail_point,
    "wait": wait,
    "runOnThread": run_on_thread,
    "waitForThread": wait_for_thread,
    "loop": loop,
}
