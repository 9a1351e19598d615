"""What a client knows of the deployment's members."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pymongo.topology_description import TopologyDescription

from tests.conformance.context import Context
from tests.conformance.entities import ClientEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.verdicts import MismatchError

_PAUSE = 0.02


async def record_topology_description(context: Context, given: Arguments) -> None:
    context.entities.add(given.require("id"), _described(context, given))


async def assert_topology_type(context: Context, given: Arguments) -> None:
    description = context.entities.get(given.require("topologyDescription"), TopologyDescription)
    expected, found = given.require("topologyType"), description.topology_type_name
    if found != expected:
        raise MismatchError(f"the topology is {found}, expected {expected}")


async def wait_for_primary_change(context: Context, given: Arguments) -> None:
    before = _primary(context.entities.get(given.require("priorTopologyDescription"), TopologyDescription))
    limit = given.take("timeoutMS", 10_000) / 1000
    try:
        async with asyncio.timeout(limit):
            while _primary(_described(context, given)) in {None, before}:
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        raise MismatchError(f"no other primary within {limit:g} s") from None


def _described(context: Context, given: Arguments) -> TopologyDescription:
    client = context.entities.get(given.require("client"), ClientEntity).client
    description: TopologyDescription = client.driver.topology_description
    return description


def _primary(description: TopologyDescription) -> tuple[str, int | None] | None:
    servers = description.server_descriptions().items()
    return next((address for address, server in servers if server.server_type_name == "RSPrimary"), None)


OPERATIONS: Mapping[str, Any] = {
    "recordTopologyDescription": record_topology_description,
    "assertTopologyType": assert_topology_type,
    "waitForPrimaryChange": wait_for_primary_change,
}
