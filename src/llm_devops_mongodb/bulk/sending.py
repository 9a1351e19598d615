"""Sending a bulk write, and telling what it did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import BulkWriteError
from llm_devops_mongodb.replies import BulkWriteReply
from llm_devops_mongodb.results import BulkWriteResult
from llm_devops_mongodb.transport import expect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.operations import BulkWrite, ClientBulkWrite


async def sent(operation: BulkWrite | ClientBulkWrite, access: Access) -> BulkWriteResult:
    """Send the writes.

    Raises:
        BulkWriteError: Some failed; its result has the ids of upserts as documents have them.
    """
    try:
        reply = expect(await access.transport.handle(operation), BulkWriteReply)
    except BulkWriteError as error:
        if isinstance(error.result, BulkWriteResult):
            error.result = replace(error.result, upserted_ids=_as_read(error.result.upserted_ids, access))
        raise
    ids = {index: access.id_in(document) for index, document in sorted(reply.upserted)}
    return BulkWriteResult(
        inserted_count=reply.inserted_count,
        matched_count=reply.matched_count,
        modified_count=reply.modified_count,
        deleted_count=reply.deleted_count,
        upserted_count=len(ids),
        upserted_ids=ids,
        acknowledged=reply.acknowledged,
    )


def _as_read(ids: Mapping[int, Any], access: Access) -> dict[int, Any]:
    """Give ids that the driver read as documents would have them: dates with their zone, documents as dicts."""
    return {index: access.id_in(access.encode({"_id": identity})) for index, identity in sorted(ids.items())}
