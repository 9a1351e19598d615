"""Operations that open a change stream, and those on one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from llm_devops_mongodb import ChangeStream, ChangeStreamOptions, MongoError
from tests.conformance.bson_types import decoded
from tests.conformance.entities import ClientEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.verdicts import MismatchError

Stream = ChangeStream[dict[str, Any]]


def create_change_stream(target: Any, given: Arguments) -> Any:
    watched = target.client if isinstance(target, ClientEntity) else target
    return watched.watch(given.require("pipeline"), given.options(ChangeStreamOptions), **given.scope()).open()


async def iterate_until_document_or_error(target: Stream, given: Arguments) -> dict[str, Any]:
    event = await target.next()
    if event is None:
        raise MismatchError("the change stream ended without an event and without an error")
    return decoded(event.raw)


async def iterate_once(target: Stream, given: Arguments) -> dict[str, Any] | None:
    event = await target.try_next()
    return None if event is None else decoded(event.raw)


async def close(target: Stream, given: Arguments) -> None:
    # Drivers differ in whether they tell that killing a cursor failed; the events do.
    with suppress(MongoError):
        await target.aclose()


OPENING: Mapping[str, Any] = {"createChangeStream": create_change_stream}
"""On a client, a database and a collection alike."""

OPERATIONS: Mapping[str, Any] = {
    "iterateUntilDocumentOrError": iterate_until_document_or_error,
    "iterateOnce": iterate_once,
    "close": close,
}
