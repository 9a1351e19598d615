"""Read operations, sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson

from llm_devops_mongodb.replies import CountReply, DocumentReply, DocumentsReply, NamesReply, ValuesReply
from llm_devops_mongodb.transports.driver.arguments import (
    command_arguments,
    find_arguments,
    milliseconds,
    raw,
    small,
)

if TYPE_CHECKING:
    from pymongo.asynchronous.client_session import AsyncClientSession
    from pymongo.asynchronous.collection import AsyncCollection
    from pymongo.asynchronous.cursor import AsyncRawBatchCursor
    from pymongo.asynchronous.database import AsyncDatabase

    from llm_devops_mongodb import operations as op

    Session = AsyncClientSession | None


async def find_one(collection: AsyncCollection[Any], operation: op.FindOne, session: Session) -> DocumentReply:
    """Send `find` for one document; the server closes the cursor with its one batch."""
    # The driver shows a large document as a view of its whole reply, which would keep that alive.
    given = find_arguments(operation.options)
    given.pop("limit", None)
    document = await collection.find_one(small(operation.filter), session=session, **given)
    return DocumentReply(None if document is None else bytes(document.raw))


def find(collection: AsyncCollection[Any], operation: op.Find, session: Session) -> AsyncRawBatchCursor[Any]:
    """Return the cursor of a `find`; nothing is sent before its first batch is asked for."""
    cursor = collection.find_raw_batches(raw(operation.filter), session=session, **find_arguments(operation.options))
    if operation.options.max_await_time is not None:
        cursor.max_await_time_ms(milliseconds(operation.options.max_await_time))
    return cursor


async def count_documents(
    collection: AsyncCollection[Any], operation: op.CountDocuments, session: Session
) -> CountReply:
    """Send an aggregation that counts."""
    given = command_arguments(operation.options)
    return CountReply(await collection.count_documents(raw(operation.filter), session=session, **given))


async def estimated_document_count(
    collection: AsyncCollection[Any], operation: op.EstimatedDocumentCount
) -> CountReply:
    """Send `count`, which reads the collection's metadata."""
    return CountReply(await collection.estimated_document_count(**command_arguments(operation.options)))


async def distinct(collection: AsyncCollection[Any], operation: op.Distinct, session: Session) -> ValuesReply:
    """Send `distinct`."""
    given = command_arguments(operation.options)
    values = await collection.distinct(operation.field, raw(operation.filter), session=session, **given)
    return ValuesReply(bson.encode({"values": values}, codec_options=collection.codec_options))


async def run_command(database: AsyncDatabase[Any], operation: op.RunCommand, session: Session) -> DocumentReply:
    """Send a command as it is."""
    reply = await database.command(
        # The driver adds to a command's top level; what is nested stays raw.
        dict(raw(operation.command)),
        session=session,
        read_preference=database.read_preference if operation.settings.read_preference else None,
        codec_options=database.codec_options,
    )
    return DocumentReply(bytes(reply.raw))


async def explain(database: AsyncDatabase[Any], operation: op.Explain, session: Session) -> DocumentReply:
    """Send `explain` of a command."""
    command = raw(operation.command)
    # The server heeds no time limit of the command that it explains.
    limit = {"maxTimeMS": command["maxTimeMS"]} if "maxTimeMS" in command else {}
    reply = await database.command(
        {"explain": command, "verbosity": operation.verbosity, **limit},
        session=session,
        read_preference=database.read_preference if operation.settings.read_preference else None,
        codec_options=database.codec_options,
    )
    return DocumentReply(bytes(reply.raw))


async def list_collection_names(
    database: AsyncDatabase[Any], operation: op.ListCollectionNames, session: Session
) -> NamesReply:
    """Send `listCollections` for names only."""
    names = await database.list_collection_names(session=session, filter=raw(operation.filter))
    return NamesReply(tuple(sorted(names)))


async def list_indexes(collection: AsyncCollection[Any], session: Session) -> DocumentsReply:
    """Send `listIndexes`."""
    indexes: list[Any] = await (await collection.list_indexes(session=session)).to_list()
    return DocumentsReply(tuple(map(bson.encode, indexes)))
