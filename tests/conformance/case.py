"""One test, from its entities to its outcome: live on a server, and again from its recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_devops_mongodb import MongoClient, SimulationError
from tests.conformance import set_aside, unsupported
from tests.conformance.context import Context, Server
from tests.conformance.creation import create
from tests.conformance.deployment import Deployment
from tests.conformance.entities import ClientEntity, EntityMap
from tests.conformance.events import match_events
from tests.conformance.execution import execute
from tests.conformance.loading import TestFile
from tests.conformance.matching import Matcher
from tests.conformance.set_aside import SetAside
from tests.conformance.traces import Trace
from tests.conformance.traits import Traits
from tests.conformance.verdicts import MismatchError


async def run_case(test: Mapping[str, Any], file: TestFile, deployment: Deployment) -> Trace:
    """Run one test and leave nothing of it behind.

    Returns:
        What its operations told.

    Raises:
        MismatchError: It failed.
        UnsupportedError: It needs what is left out on purpose.
    """
    unsupported.refuse_in(unsupported.EXPECTATIONS, test)
    server = Server(deployment)
    context = _context(test, deployment.uri, server)
    try:
        await deployment.fill(file.initial_data)
        await _operate(test, file, context)
        await _stop(context, server)
        _check_events(test, context)
        await deployment.check_outcome(test.get("outcome", ()))
    finally:
        try:
            await server.fail_points.clear()
        finally:
            await context.entities.close()
    return context.trace


async def replay_case(test: Mapping[str, Any], file: TestFile, uri: str) -> tuple[Trace, SetAside]:
    """Run one test where recorded answers are replayed to its clients.

    Args:
        test: The test.
        file: Where it is from.
        uri: Where the deployment was when it was recorded.

    Returns:
        What its operations told, and what was not checked.

    Raises:
        MismatchError: It failed.
    """
    context = _context(test, uri, None)
    context.set_aside.add(set_aside.INITIAL_DATA, times=len(file.initial_data))
    try:
        await _operate(test, file, context)
        for entity in context.entities.all_of(ClientEntity):
            _check_has_no_driver(entity.client)
    finally:
        await context.entities.close()
    context.set_aside.add(set_aside.EVENTS, times=len(test.get("expectEvents", ())))
    context.set_aside.add(set_aside.OUTCOME, times=len(test.get("outcome", ())))
    return context.trace, context.set_aside


def _check_has_no_driver(client: MongoClient) -> None:
    try:
        driver = client.driver
    except SimulationError:
        return
    raise MismatchError(f"a client that replays has a driver: {type(driver).__name__}")


async def _operate(test: Mapping[str, Any], file: TestFile, context: Context) -> None:
    for described in file.entities:
        await context.create(described)
    for operation in test["operations"]:
        await context.execute(operation)


def _context(test: Mapping[str, Any], uri: str, server: Server | None) -> Context:
    entities, aside = EntityMap(), SetAside()
    traits = Traits.of(test)
    replay = aside if server is None else None

    async def create_one(described: Mapping[str, Any]) -> None:
        await create(described, entities, uri=uri, traits=traits, replay=replay)

    async def execute_one(operation: Mapping[str, Any]) -> None:
        await execute(operation, context)

    context = Context(entities, Matcher(entities), Trace(), create_one, execute_one, server, aside)
    return context


async def _stop(context: Context, server: Server) -> None:
    """End what the test set going, before its events are counted."""
    for client in context.entities.all_of(ClientEntity):
        client.recorder.stop()
    await server.fail_points.clear()


def _check_events(test: Mapping[str, Any], context: Context) -> None:
    for expectation in test.get("expectEvents", ()):
        recorder = context.entities.get(expectation["client"], ClientEntity).recorder
        match_events(expectation, recorder, context.matcher)
