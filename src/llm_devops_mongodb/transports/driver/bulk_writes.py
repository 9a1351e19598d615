"""Bulk writes, sent."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, assert_never

import bson
import pymongo
from pymongo.errors import BulkWriteError, InvalidOperation

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import QueryError
from llm_devops_mongodb.replies import BulkWriteReply
from llm_devops_mongodb.transports.driver.arguments import InsertedBytes, raw, raw_update, write_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bson import CodecOptions
    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.client_session import AsyncClientSession
    from pymongo.asynchronous.collection import AsyncCollection
    from pymongo.results import UpdateResult

    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.transports.driver.concerns import Concerns

    Session = AsyncClientSession | None

Model = (
    pymongo.InsertOne[Any]
    | pymongo.UpdateOne
    | pymongo.UpdateMany
    | pymongo.ReplaceOne[Any]
    | pymongo.DeleteOne
    | pymongo.DeleteMany
)
"""One write as the driver takes it."""


async def bulk_write(collection: AsyncCollection[Any], operation: op.BulkWrite, session: Session) -> BulkWriteReply:
    """Send the writes, which the driver cuts by the server's limits; it gives their indexes back as they were."""
    models = [model_of(write) for write in operation.writes]
    given = write_arguments(operation.options)
    result = await collection.bulk_write(models, ordered=operation.ordered, session=session, **given)
    if not result.acknowledged:
        return _UNACKNOWLEDGED
    return BulkWriteReply(
        result.inserted_count,
        result.matched_count,
        result.modified_count,
        result.deleted_count,
        _upserted(result.upserted_ids or {}, collection.codec_options),
        acknowledged=True,
    )


async def client_bulk_write(
    client: AsyncMongoClient[Any], operation: op.ClientBulkWrite, session: Session, concerns: Concerns
) -> BulkWriteReply:
    """Send the writes in `bulkWrite` commands, which servers from 8.0 have."""
    models = [model_of(write, namespace) for namespace, write in operation.writes]
    given = write_arguments(operation.options)
    try:
        result = await client.bulk_write(  # pyright: ignore[reportUnknownMemberType]  # the driver's own
            models,
            session=session,
            ordered=operation.ordered,
            verbose_results=any(_may_upsert(write) for _, write in operation.writes),
            write_concern=concerns.write_concern(operation.settings.write_concern),
            **given,
        )
    except InvalidOperation as error:
        if _NEEDED not in str(error):
            raise
        raise await _too_old(client) from error
    if not result.acknowledged:
        return _UNACKNOWLEDGED
    updates: Mapping[int, UpdateResult] = result.update_results if result.has_verbose_results else {}
    return BulkWriteReply(
        result.inserted_count,
        result.matched_count,
        result.modified_count,
        result.deleted_count,
        _upserted(
            {index: update.upserted_id for index, update in updates.items() if update.did_upsert}, client.codec_options
        ),
        acknowledged=True,
    )


_NEEDED = "server version 8.0"
_DRIVERS_BULK = "pymongo.asynchronous.bulk"
_UNACKNOWLEDGED = BulkWriteReply(0, 0, 0, 0, (), acknowledged=False)


async def _too_old(client: AsyncMongoClient[Any]) -> QueryError:
    """Make the error for a server without the command, which the driver looks for before it sends anything."""
    version = (await client.server_info())["version"]
    return QueryError(
        f"client.bulk_write needs MongoDB 8.0; this server is {version}; use collection.bulk_write per collection",
        outcome="not_applied",
    )


def _may_upsert(write: op.Write) -> bool:
    return isinstance(write, (op.UpdateWrite, op.ReplaceWrite)) and write.options.upsert


def _upserted(ids: Mapping[int, Any], options: CodecOptions[Any]) -> tuple[tuple[int, bytes], ...]:
    return tuple((index, bson.encode({"_id": identity}, codec_options=options)) for index, identity in ids.items())


def done_before(error: BaseException) -> BulkWriteError | None:
    """Return the error for what a bulk write did before its command that ended in `error`; None where that is nothing.

    The driver tells it nowhere: only the frame that adds up the answers of the commands knows.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == _DRIVERS_BULK and frame.f_code.co_name == "execute_command":
            result = frame.f_locals["full_result"]
            return BulkWriteError(result) if any(result.values()) else None
    return None


def model_of(write: op.Write, place: Namespace | None = None) -> Model:
    """Return `write` as the driver takes it; `place` tells the collection where there is more than one."""
    namespace = None if place is None else str(place)
    match write:
        case op.InsertWrite(document=document):
            return pymongo.InsertOne(InsertedBytes(document), namespace)
        case op.UpdateWrite(filter=filter, update=update, multi=multi, options=options):
            update_kind = pymongo.UpdateMany if multi else pymongo.UpdateOne
            return update_kind(raw(filter), raw_update(update), namespace=namespace, **write_arguments(options))
        case op.ReplaceWrite(filter=filter, replacement=replacement, options=options):
            return pymongo.ReplaceOne(raw(filter), raw(replacement), namespace=namespace, **write_arguments(options))
        case op.DeleteWrite(filter=filter, multi=multi, options=options):
            delete_kind = pymongo.DeleteMany if multi else pymongo.DeleteOne
            return delete_kind(raw(filter), namespace=namespace, **write_arguments(options))
        case _:
            assert_never(write)
