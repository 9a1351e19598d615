"""Write operations, sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson

from llm_devops_mongodb.replies import DeleteReply, DocumentReply, DoneReply, InsertReply, UpdateReply
from llm_devops_mongodb.transports.driver.arguments import (
    InsertedBytes,
    find_and_modify_arguments,
    raw,
    raw_update,
    small,
    write_arguments,
)

if TYPE_CHECKING:
    from pymongo.asynchronous.client_session import AsyncClientSession
    from pymongo.asynchronous.collection import AsyncCollection
    from pymongo.results import DeleteResult, UpdateResult

    from llm_devops_mongodb import operations as op

    Session = AsyncClientSession | None


async def insert_one(collection: AsyncCollection[Any], operation: op.InsertOne, session: Session) -> InsertReply:
    """Send `insert` of one document."""
    given = write_arguments(operation.options)
    result = await collection.insert_one(raw(operation.document), session=session, **given)
    return InsertReply(result.acknowledged)


async def insert_many(collection: AsyncCollection[Any], operation: op.InsertMany, session: Session) -> InsertReply:
    """Send `insert` of many documents, which the driver cuts by the server's limits."""
    given = write_arguments(operation.options)
    documents = [InsertedBytes(document) for document in operation.documents]
    result = await collection.insert_many(documents, ordered=operation.ordered, session=session, **given)
    return InsertReply(result.acknowledged)


async def update_one(collection: AsyncCollection[Any], operation: op.UpdateOne, session: Session) -> UpdateReply:
    """Send `update` of one document."""
    given = write_arguments(operation.options)
    update = raw_update(operation.update)
    return _updated(await collection.update_one(small(operation.filter), update, session=session, **given), collection)


async def update_many(collection: AsyncCollection[Any], operation: op.UpdateMany, session: Session) -> UpdateReply:
    """Send `update` of every match; the driver never sends it twice."""
    given = write_arguments(operation.options)
    update = raw_update(operation.update)
    return _updated(await collection.update_many(small(operation.filter), update, session=session, **given), collection)


async def replace_one(collection: AsyncCollection[Any], operation: op.ReplaceOne, session: Session) -> UpdateReply:
    """Send `update` with a whole document."""
    given = write_arguments(operation.options)
    new = raw(operation.replacement)
    return _updated(await collection.replace_one(small(operation.filter), new, session=session, **given), collection)


async def delete_one(collection: AsyncCollection[Any], operation: op.DeleteOne, session: Session) -> DeleteReply:
    """Send `delete` of one document."""
    given = write_arguments(operation.options)
    return _deleted(await collection.delete_one(small(operation.filter), session=session, **given))


async def delete_many(collection: AsyncCollection[Any], operation: op.DeleteMany, session: Session) -> DeleteReply:
    """Send `delete` of every match; the driver never sends it twice."""
    given = write_arguments(operation.options)
    return _deleted(await collection.delete_many(small(operation.filter), session=session, **given))


async def find_one_and_update(
    collection: AsyncCollection[Any], operation: op.FindOneAndUpdate, session: Session
) -> DocumentReply:
    """Send `findAndModify` with operators or a pipeline."""
    given = find_and_modify_arguments(operation.options)
    update = raw_update(operation.update)
    return _found(await collection.find_one_and_update(small(operation.filter), update, session=session, **given))


async def find_one_and_replace(
    collection: AsyncCollection[Any], operation: op.FindOneAndReplace, session: Session
) -> DocumentReply:
    """Send `findAndModify` with a whole document."""
    given = find_and_modify_arguments(operation.options)
    new = raw(operation.replacement)
    return _found(await collection.find_one_and_replace(small(operation.filter), new, session=session, **given))


async def find_one_and_delete(
    collection: AsyncCollection[Any], operation: op.FindOneAndDelete, session: Session
) -> DocumentReply:
    """Send `findAndModify` that removes."""
    given = find_and_modify_arguments(operation.options)
    return _found(await collection.find_one_and_delete(small(operation.filter), session=session, **given))


async def drop_collection(collection: AsyncCollection[Any], session: Session) -> DoneReply:
    """Send `drop`."""
    await collection.drop(session=session)
    return DoneReply()


def _updated(result: UpdateResult, collection: AsyncCollection[Any]) -> UpdateReply:
    if not result.acknowledged:
        return UpdateReply(0, 0, None, acknowledged=False)
    upserted = None
    if result.did_upsert:
        upserted = bson.encode({"_id": result.upserted_id}, codec_options=collection.codec_options)
    return UpdateReply(result.matched_count, result.modified_count, upserted, acknowledged=True)


def _deleted(result: DeleteResult) -> DeleteReply:
    if not result.acknowledged:
        return DeleteReply(0, acknowledged=False)
    return DeleteReply(result.deleted_count, acknowledged=True)


def _found(document: Any) -> DocumentReply:
    return DocumentReply(None if document is None else bytes(document.raw))
