"""Waiting for events, and counting them and connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.conformance.context import Context
from tests.conformance.entities import ClientEntity
from tests.conformance.events import count_events
from tests.conformance.operations.arguments import Arguments
from tests.conformance.recording import EventRecorder
from tests.conformance.verdicts import MismatchError

_LIMIT = 10.0


async def wait_for_event(context: Context, given: Arguments) -> None:
    recorder, event, count = _recorder(context, given), given.require("event"), given.require("count")
    given.check_all_taken("waitForEvent")
    try:
        async with asyncio.timeout(_LIMIT):
            while count_events(event, recorder, context.matcher) < count:
                recorder.changed.clear()
                await recorder.changed.wait()
    except TimeoutError:
        raise MismatchError(f"{next(iter(event))} was not published {count} times within {_LIMIT:g} s") from None


async def assert_event_count(context: Context, given: Arguments) -> None:
    recorder, event, count = _recorder(context, given), given.require("event"), given.require("count")
    found = count_events(event, recorder, context.matcher)
    if found != count:
        raise MismatchError(f"{next(iter(event))} was published {found} times, expected {count}")


async def assert_number_connections_checked_out(context: Context, given: Arguments) -> None:
    found, expected = _recorder(context, given).checked_out, given.require("connections")
    if found != expected:
        raise MismatchError(f"{found} connections are in use, expected {expected}")


def _recorder(context: Context, given: Arguments) -> EventRecorder:
    return context.entities.get(given.require("client"), ClientEntity).recorder


OPERATIONS: Mapping[str, Any] = {
    "waitForEvent": wait_for_event,
    "assertEventCount": assert_event_count,
    "assertNumberConnectionsCheckedOut": assert_number_connections_checked_out,
}
