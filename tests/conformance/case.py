"""One test, from its entities to its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance import unsupported
from tests.conformance.context import Context
from tests.conformance.creation import create
from tests.conformance.deployment import Deployment
from tests.conformance.entities import ClientEntity, EntityMap
from tests.conformance.events import match_events
from tests.conformance.execution import execute
from tests.conformance.fail_points import FailPoints
from tests.conformance.loading import TestFile
from tests.conformance.matching import Matcher
from tests.conformance.traits import Traits


async def run_case(test: Mapping[str, Any], file: TestFile, deployment: Deployment) -> None:
    """Run one test and leave nothing of it behind.

    Raises:
        MismatchError: It failed.
        UnsupportedError: It needs what is left out on purpose.
    """
    unsupported.refuse_in(unsupported.EXPECTATIONS, test)
    context = _context(test, deployment)
    try:
        await deployment.fill(file.initial_data)
        for described in file.entities:
            await context.create(described)
        for operation in test["operations"]:
            await context.execute(operation)
        await _stop(context)
        _check_events(test, context)
        await deployment.check_outcome(test.get("outcome", ()))
    finally:
        try:
            await context.fail_points.clear()
        finally:
            await context.entities.close()


def _context(test: Mapping[str, Any], deployment: Deployment) -> Context:
    entities = EntityMap()
    traits = Traits.of(test)

    async def create_one(described: Mapping[str, Any]) -> None:
        await create(described, entities, uri=deployment.uri, traits=traits)

    async def execute_one(operation: Mapping[str, Any]) -> None:
        await execute(operation, context)

    context = Context(deployment, entities, Matcher(entities), FailPoints(deployment), create_one, execute_one)
    return context


async def _stop(context: Context) -> None:
    """End what the test set going, before its events are counted."""
    for client in context.entities.all_of(ClientEntity):
        client.recorder.stop()
    await context.fail_points.clear()


def _check_events(test: Mapping[str, Any], context: Context) -> None:
    for expectation in test.get("expectEvents", ()):
        recorder = context.entities.get(expectation["client"], ClientEntity).recorder
        match_events(expectation, recorder, context.matcher)
