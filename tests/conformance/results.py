"""This library's results as the documents that the drivers' specifications describe.

https://github.com/mongodb/specifications/blob/master/source/crud/crud.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_devops_mongodb import BulkWriteResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult

ITERABLES = frozenset(
    {"find", "aggregate", "listCollections", "listDatabases", "listIndexes", "listSearchIndexes", "runCursorCommand"}
)
"""The operations that return documents one by one: each of them may have more keys than a test expects."""


def document_of(result: Any) -> Any:
    """Return `result` as a document where it is one of this library's values, else as it is."""
    match result:
        case InsertOneResult():
            return {"insertedId": result.inserted_id, "acknowledged": result.acknowledged}
        case InsertManyResult():
            # The specification has no result of its own for it.
            counts = document_of(BulkWriteResult(inserted_count=result.count, acknowledged=result.acknowledged))
            return counts | {"insertedIds": _by_index(result.inserted_ids)}
        case UpdateResult():
            return _updated(result)
        case DeleteResult():
            return {"deletedCount": result.deleted_count, "acknowledged": result.acknowledged}
        case BulkWriteResult():
            return {
                "insertedCount": result.inserted_count,
                "matchedCount": result.matched_count,
                "modifiedCount": result.modified_count,
                "deletedCount": result.deleted_count,
                "upsertedCount": result.upserted_count,
                "upsertedIds": _by_index(result.upserted_ids),
                "acknowledged": result.acknowledged,
            }
        case _:
            return result


def _updated(result: UpdateResult) -> dict[str, Any]:
    document = {
        "matchedCount": result.matched_count,
        "modifiedCount": result.modified_count,
        "upsertedCount": 0 if result.upserted_id is None else 1,
        "acknowledged": result.acknowledged,
    }
    return document if result.upserted_id is None else {**document, "upsertedId": result.upserted_id}


def _by_index(ids: Mapping[int, Any]) -> dict[str, Any]:
    return {str(index): identity for index, identity in ids.items()}
