"""Operations on a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from llm_devops_mongodb import MongoError
from tests.conformance.entities import CursorEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.verdicts import MismatchError


async def iterate_until_document_or_error(target: CursorEntity, given: Arguments) -> Any:
    document = await target.next()
    if document is None:
        raise MismatchError("the cursor ended without a document and without an error")
    return document


async def iterate_once(target: CursorEntity, given: Arguments) -> Any:
    return await target.next()


async def close(target: CursorEntity, given: Arguments) -> None:
    # Drivers differ in whether they tell that killing a cursor failed; the events do.
    with suppress(MongoError):
        await target.stream.aclose()


OPERATIONS: Mapping[str, Any] = {
    "iterateUntilDocumentOrError": iterate_until_document_or_error,
    "iterateOnce": iterate_once,
    "close": close,
}
