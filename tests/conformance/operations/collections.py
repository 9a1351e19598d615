"""Operations on a collection."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any

from llm_devops_mongodb import (
    AggregateOptions,
    Collection,
    CountOptions,
    DeleteOptions,
    DistinctOptions,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertOptions,
    UpdateOptions,
)
from llm_devops_mongodb.options import BulkWriteOptions
from tests.conformance.entities import CursorEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.operations.bulk_writes import add_write

Target = Collection[dict[str, Any]]
Result = Awaitable[Any]


def find(target: Target, given: Arguments) -> Result:
    return target.find(given.require("filter"), given.options(FindOptions), **given.scope())


def find_one(target: Target, given: Arguments) -> Result:
    return target.find_one(given.take("filter"), given.options(FindOptions), **given.scope())


def create_find_cursor(target: Target, given: Arguments) -> Result:
    stream = target.find_stream(given.require("filter"), given.options(FindOptions), **given.scope())
    return CursorEntity.opened(stream)


def aggregate(target: Target, given: Arguments) -> Result:
    target = target.with_options(**given.settings())
    return target.aggregate(given.require("pipeline"), given.options(AggregateOptions), **given.scope())


def count_documents(target: Target, given: Arguments) -> Result:
    return target.count_documents(given.require("filter"), given.options(CountOptions), **given.scope())


def estimated_document_count(target: Target, given: Arguments) -> Result:
    return target.estimated_document_count(options=given.options(CountOptions), **given.scope())


def distinct(target: Target, given: Arguments) -> Result:
    return target.distinct(
        given.require("fieldName"),
        given.take("filter"),
        options=given.options(DistinctOptions),
        **given.scope(),
    )


def insert_one(target: Target, given: Arguments) -> Result:
    return target.insert_one(given.require("document"), given.options(InsertOptions), **given.scope())


def insert_many(target: Target, given: Arguments) -> Result:
    return target.insert_many(
        given.require("documents"),
        given.options(InsertOptions),
        ordered=given.take("ordered", default=True),
        **given.scope(),
    )


def update_one(target: Target, given: Arguments) -> Result:
    options = given.options(UpdateOptions)
    return target.update_one(given.require("filter"), given.require("update"), options, **given.scope())


def update_many(target: Target, given: Arguments) -> Result:
    options = given.options(UpdateOptions)
    return target.update_many(given.require("filter"), given.require("update"), options, **given.scope())


def replace_one(target: Target, given: Arguments) -> Result:
    options = given.options(UpdateOptions)
    return target.replace_one(given.require("filter"), given.require("replacement"), options, **given.scope())


def delete_one(target: Target, given: Arguments) -> Result:
    return target.delete_one(given.require("filter"), given.options(DeleteOptions), **given.scope())


def delete_many(target: Target, given: Arguments) -> Result:
    return target.delete_many(given.require("filter"), given.options(DeleteOptions), **given.scope())


def find_one_and_update(target: Target, given: Arguments) -> Result:
    return target.find_one_and_update(
        given.require("filter"),
        given.require("update"),
        given.options(FindOneAndUpdateOptions),
        **given.scope(),
    )


def find_one_and_replace(target: Target, given: Arguments) -> Result:
    return target.find_one_and_replace(
        given.require("filter"),
        given.require("replacement"),
        given.options(FindOneAndUpdateOptions),
        **given.scope(),
    )


def find_one_and_delete(target: Target, given: Arguments) -> Result:
    options = given.options(FindOneAndDeleteOptions)
    return target.find_one_and_delete(given.require("filter"), options, **given.scope())


def bulk_write(target: Target, given: Arguments) -> Result:
    builder = target.bulk_write().ordered(given.take("ordered", default=True))
    for request in given.require("requests"):
        builder = add_write(builder, request)
    if (options := given.options(BulkWriteOptions)) is not None:
        builder = builder.options(options)
    return builder.execute(**given.scope())


def create_index(target: Target, given: Arguments) -> Result:
    keys, name = given.require("keys"), given.take("name")
    seconds = given.take("expireAfterSeconds")
    settings = {setting: given.take(setting) for setting in ("unique", "sparse", "hidden", "collation")}
    partial_filter, scope = given.take("partialFilterExpression"), given.scope()
    return target.create_index(
        keys,
        name=name,
        expire_after=None if seconds is None else timedelta(seconds=seconds),
        partial_filter=partial_filter,
        **settings,
        **scope,
    )


def list_indexes(target: Target, given: Arguments) -> Result:
    # A collection's indexes come in one batch, whatever its size.
    given.ignore("batchSize")
    return target.list_indexes(**given.scope())


def drop_index(target: Target, given: Arguments) -> Result:
    return target.drop_index(given.take("name") or given.require("keys"), **given.scope())


def rename(target: Target, given: Arguments) -> Result:
    # The library has no method of its own for it.
    client, name = given.entities.client_of(target), target.namespace
    command = {"renameCollection": str(name), "to": f"{name.database}.{given.require('to')}"}
    if "dropTarget" in given:
        command["dropTarget"] = given.take("dropTarget")
    return client.database("admin").run_command(command, **given.scope())


def drop(target: Target, given: Arguments) -> Result:
    database = given.entities.client_of(target).database(target.namespace.database)
    return database.drop_collection(target.name, **given.scope())


OPERATIONS: Mapping[str, Any] = {
    "find": find,
    "findOne": find_one,
    "createFindCursor": create_find_cursor,
    "aggregate": aggregate,
    "countDocuments": count_documents,
    "estimatedDocumentCount": estimated_document_count,
    "distinct": distinct,
    "insertOne": insert_one,
    "insertMany": insert_many,
    "updateOne": update_one,
    "updateMany": update_many,
    "replaceOne": replace_one,
    "deleteOne": delete_one,
    "deleteMany": delete_many,
    "findOneAndUpdate": find_one_and_update,
    "findOneAndReplace": find_one_and_replace,
    "findOneAndDelete": find_one_and_delete,
    "bulkWrite": bulk_write,
    "createIndex": create_index,
    "listIndexes": list_indexes,
    "dropIndex": drop_index,
    "rename": rename,
    "drop": drop,
}
