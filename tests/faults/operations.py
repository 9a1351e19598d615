"""Every operation of a collection: its name, the server's command it depends on, and a call of it.

A call returns what can be compared, and does the same in every collection that holds `SEED`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from llm_devops_mongodb import Collection, FindOptions, chunked_insert
from llm_devops_mongodb.options import AggregateOptions

Things = Collection[dict[str, Any]]

SEED: list[dict[str, Any]] = [{"_id": number, "n": 0, "even": number % 2 == 0} for number in range(5)]
NEW: dict[str, Any] = {"_id": "new", "n": 7}
ADD_ONE = {"$inc": {"n": 1}}
BY_ID = FindOptions(sort="_id")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        method: The method of `Collection` it stands for.
        command: The server's command that fails.
        call: Calls it.
        form: Tells two uses of one method apart.
    """

    method: str
    command: str
    call: Callable[[Things], Awaitable[object]]
    form: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.form}".strip()


@dataclass(frozen=True, slots=True)
class Sides:
    """A collection from both sides, and one to compare it with.

    Attributes:
        things: As the client sees it whose commands fail.
        stored: As the one sees it that looks on.
        twin: Another that held the same documents, and which no fault reaches.
    """

    things: Things
    stored: Things
    twin: Things


async def contents(things: Things) -> list[dict[str, Any]]:
    """Return every document in order."""
    return await things.find({}, BY_ID)


def one_of_each_command(operations: Iterable[Operation]) -> Iterable[Operation]:
    """Return as many operations as fail in different ways: one for each command of the server."""
    return {operation.command: operation for operation in operations}.values()


async def _streamed(things: Things) -> object:
    async with things.find_stream({}, BY_ID) as stream:
        return [document async for document in stream]


async def _aggregated_stream(things: Things) -> object:
    async with things.aggregate_stream([{"$sort": {"_id": 1}}], AggregateOptions(batch_size=10)) as stream:
        return [document async for document in stream]


async def _page(things: Things) -> object:
    return (await things.find_page({}, sort={"_id": 1}, limit=2)).items


async def _paginated(things: Things) -> object:
    return (await things.find_paginated({}, page=1, page_size=2, sort={"_id": 1})).items


async def _explained(things: Things) -> object:
    return (await things.explain({"even": True})).documents_returned


async def _dropped_index(things: Things) -> None:
    await things.create_index({"n": 1})
    await things.drop_index("n_1")


READS = (
    Operation("find_one", "find", lambda things: things.find_one({"_id": 1})),
    Operation("find_by_id", "find", lambda things: things.find_by_id(1)),
    Operation("find", "find", lambda things: things.find({"even": True}, BY_ID)),
    Operation("find_stream", "find", _streamed),
    Operation("find_page", "find", _page),
    Operation("find_paginated", "find", _paginated),
    Operation("query", "find", lambda things: things.query().filter({"even": True}).sort("_id").execute()),
    Operation("count_documents", "aggregate", lambda things: things.count_documents({"even": True})),
    Operation("estimated_document_count", "count", lambda things: things.estimated_document_count()),
    Operation("distinct", "distinct", lambda things: things.distinct("even", {})),
    Operation("aggregate", "aggregate", lambda things: things.aggregate([{"$count": "n"}])),
    Operation("aggregate_stream", "aggregate", _aggregated_stream),
    Operation("list_indexes", "listIndexes", lambda things: things.list_indexes()),
)
"""What is sent again where the connection breaks, because it changes nothing."""

SINGLE_WRITES = (
    Operation("insert_one", "insert", lambda things: things.insert_one(NEW)),
    Operation("insert_many", "insert", lambda things: things.insert_many([NEW, {"_id": "newer"}])),
    Operation("update_one", "update", lambda things: things.update_one({"_id": 1}, ADD_ONE)),
    Operation("replace_one", "update", lambda things: things.replace_one({"_id": 1}, {"n": 3})),
    Operation("upsert", "update", lambda things: things.upsert({"_id": "new"}, NEW)),
    Operation("delete_one", "delete", lambda things: things.delete_one({"even": True})),
    Operation("delete_by_id", "delete", lambda things: things.delete_by_id(1)),
    Operation("find_one_and_update", "findAndModify", lambda things: things.find_one_and_update({"_id": 1}, ADD_ONE)),
    Operation(
        "find_one_and_replace", "findAndModify", lambda things: things.find_one_and_replace({"_id": 1}, {"n": 3})
    ),
    Operation("find_one_and_delete", "findAndModify", lambda things: things.find_one_and_delete({"_id": 1})),
    Operation(
        "bulk_write",
        "update",
        lambda things: things.bulk_write().update_one({"_id": 1}, ADD_ONE).update_one({"_id": 2}, ADD_ONE).execute(),
        "of single writes",
    ),
    Operation("chunked_insert", "insert", lambda things: chunked_insert(things, [NEW, {"_id": "newer"}])),
)
"""What is sent again where the connection breaks, because the server knows it for the same."""

WAYS_TO_WRITE = tuple(
    write
    for write in SINGLE_WRITES
    if write.method in {"insert_one", "insert_many", "update_one", "delete_one", "find_one_and_update", "bulk_write"}
)
"""As many of them as fail in different ways."""

MANY_WRITES = (
    Operation("update_many", "update", lambda things: things.update_many({"even": True}, ADD_ONE)),
    Operation("delete_many", "delete", lambda things: things.delete_many({"even": True})),
    Operation(
        "bulk_write",
        "update",
        lambda things: things.bulk_write().update_many({"even": True}, ADD_ONE).execute(),
        "of a write of many",
    ),
    Operation(
        "aggregate",
        "aggregate",
        lambda things: things.aggregate([{"$match": {"even": True}}, {"$merge": {"into": "others"}}]),
        "that writes",
    ),
)
"""What is sent once only: twice could mean twice."""

COMMANDS = (
    Operation("explain", "explain", _explained),
    Operation("create_index", "createIndexes", lambda things: things.create_index({"n": 1})),
    Operation("drop_index", "dropIndexes", _dropped_index),
)
"""What is sent as a command, once only."""
