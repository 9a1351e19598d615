"""The query guard, on a real server: what it tells, at which line, and what it leaves alone."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from llm_devops_mongodb import (
    Collection,
    Database,
    DistinctOptions,
    FindOptions,
    MongoClient,
    ReadPreference,
    Session,
    UpdateOptions,
)
from llm_devops_mongodb.errors import QueryGuardError, QueryGuardWarning
from llm_devops_mongodb.options import CursorType, FindOneAndUpdateOptions

Things = Collection[dict[str, Any]]
Ask = Callable[[Things], Any]


def line() -> int:
    """The number of the line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.fixture
async def connect(mongo_server: Any, mongo_database: Database) -> AsyncIterator[Callable[..., Any]]:
    """Connects clients with a guard. Their collection has twenty documents, and indexes on `n` and `at`."""
    plain = mongo_database.collection("things")
    await plain.insert_many([{"_id": n, "n": n % 5, "s": str(n), "at": n} for n in range(20)])
    indexes = [{"key": {name: 1}, "name": f"{name}_1"} for name in ("n", "at")]
    await mongo_database.run_command({"createIndexes": "things", "indexes": indexes})
    clients: list[MongoClient] = []

    async def connect(mode: str = "warn", **settings: Any) -> MongoClient:
        guard = {"enabled": True, "mode": mode, **settings}
        clients.append(await MongoClient.connect(mongo_server.uri, query_guard=guard))
        return clients[-1]

    yield connect
    for client in clients:
        await client.close()


@pytest.fixture
def guarded(connect: Any, mongo_database: Database) -> Callable[..., Any]:
    """Gives the collection of a client with a guard."""

    async def things(mode: str = "warn", **settings: Any) -> Things:
        client: MongoClient = await connect(mode, **settings)
        return client.collection(mongo_database.name, "things")

    return things


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    """Collects warnings instead of making them errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def places(caught: list[warnings.WarningMessage]) -> list[tuple[str, int]]:
    return [(warning.filename, warning.lineno) for warning in caught]


SCANS: dict[str, Ask] = {
    "find": lambda c: c.find({"s": "hunter2"}),
    "find_one": lambda c: c.find_one({"s": "hunter2"}),
    "count_documents": lambda c: c.count_documents({"s": "hunter2"}),
    "distinct": lambda c: c.distinct("n", {"s": "hunter2"}),
    "aggregate": lambda c: c.aggregate([{"$match": {"s": "hunter2"}}]),
    "update_one": lambda c: c.update_one({"s": "hunter2"}, {"$set": {"x": 1}}),
    "update_many": lambda c: c.update_many({"s": "hunter2"}, [{"$set": {"x": 1}}]),
    "replace_one": lambda c: c.replace_one({"s": "hunter2"}, {"x": 1}),
    "delete_one": lambda c: c.delete_one({"s": "hunter2"}),
    "delete_many": lambda c: c.delete_many({"s": "hunter2"}),
    "find_one_and_update": lambda c: c.find_one_and_update({"s": "hunter2"}, {"$set": {"x": 1}}),
    "find_one_and_replace": lambda c: c.find_one_and_replace({"s": "hunter2"}, {"x": 1}),
    "find_one_and_delete": lambda c: c.find_one_and_delete({"s": "hunter2"}),
}


@pytest.mark.parametrize("name", SCANS)
async def test_a_collection_scan_is_warned_of_at_the_line_that_asks(guarded: Any, name: str) -> None:
    things = await guarded()
    asking = SCANS[name](things)

    with recorded() as caught:
        here = line() + 1
        await asking

    (warning,) = caught
    assert places(caught) == [(__file__, here)]
    text = str(warning.message)
    assert text.startswith(f"{__file__}:{here}: {name} on {things.namespace} reads the whole collection")
    assert text.endswith('for its conditions on s; create_index({"s": 1}) would serve it')
    assert "hunter2" not in text


@pytest.mark.parametrize("name", SCANS)
async def test_a_collection_scan_is_refused_before_it_runs(guarded: Any, mongo_database: Database, name: str) -> None:
    things = await guarded("raise")
    plain = mongo_database.collection("things")
    await plain.insert_one({"_id": 99, "s": "hunter2"})

    with pytest.raises(QueryGuardError) as caught:
        await SCANS[name](things)

    error = caught.value
    is_write = name not in {"find", "find_one", "count_documents", "distinct", "aggregate"}
    assert error.finding == "collection_scan"
    assert (error.operation, error.namespace) == (name, str(things.namespace))
    assert error.outcome == ("not_applied" if is_write else None)
    assert error.caller == f"{__file__}:{error_line(caught)}"
    assert await plain.find_by_id(99) == {"_id": 99, "s": "hunter2"}


def error_line(caught: Any) -> int:
    """The line of this file's last entry in a traceback."""
    return [entry.lineno + 1 for entry in caught.traceback if str(entry.path) == __file__][-1]


async def test_an_in_memory_sort_is_told_in_both_modes(guarded: Any) -> None:
    warning, raising = await guarded(), await guarded("raise")
    order = FindOptions(sort=[("s", -1)])

    with pytest.warns(QueryGuardWarning, match=r'find on .* sorts in memory by s; create_index\({"s": -1}\) would'):
        await warning.find({}, order)
    with pytest.raises(QueryGuardError) as caught:
        await raising.find_one({"n": 1}, order)

    assert caught.value.finding == "in_memory_sort"
    assert str(caught.value).endswith('create_index({"n": 1, "s": -1}) would serve it')


async def test_the_sort_of_a_pipeline_is_told_and_that_of_its_groups_is_not(guarded: Any) -> None:
    things = await guarded()

    with pytest.warns(QueryGuardWarning, match="aggregate on .* sorts in memory by s"):
        await things.aggregate([{"$match": {"n": 1}}, {"$sort": {"s": 1}}])

    await things.aggregate([{"$group": {"_id": "$n", "most": {"$max": "$at"}}}, {"$sort": {"most": 1}}])
    await things.aggregate([{"$sort": {"at": 1}}, {"$group": {"_id": "$n"}}, {"$sort": {"_id": 1}}])


async def test_distinct_values_without_an_index_are_told(guarded: Any) -> None:
    things = await guarded()

    with pytest.warns(QueryGuardWarning, match=r'for the values of s; create_index\({"s": 1}\) would serve it'):
        await things.distinct("s")

    assert len(await things.distinct("n")) == 5


async def test_an_index_for_each_branch_is_named(guarded: Any) -> None:
    things = await guarded()

    with pytest.warns(QueryGuardWarning, match=r'on s, t; create_index\({"s": 1}\) and create_index\({"t": 1}\)'):
        await things.find_one({"$or": [{"s": "a"}, {"t": 1}]})


async def test_a_scan_of_another_collection_is_told_by_its_name(guarded: Any, mongo_database: Database) -> None:
    things = await guarded()
    await mongo_database.collection("others").insert_one({"s": 1})
    union = {"$unionWith": {"coll": "others", "pipeline": [{"$match": {"s": 1}}]}}

    with pytest.warns(QueryGuardWarning, match=rf"reads the whole collection {mongo_database.name}\.others$"):
        await things.aggregate([{"$match": {"n": 1}}, union])


INDEXED: dict[str, Ask] = {
    "find": lambda c: c.find({"n": 1}),
    "find_one": lambda c: c.find_one({"n": {"$gt": 1}}, FindOptions(sort="n")),
    "find_by_id": lambda c: c.find_by_id(1),
    "sorted by an index": lambda c: c.find({}, FindOptions(sort={"at": -1}, limit=3)),
    "count": lambda c: c.count_documents({"n": 1}),
    "aggregate": lambda c: c.aggregate([{"$match": {"n": 1}}, {"$group": {"_id": "$s"}}]),
    "update": lambda c: c.update_one({"n": 1}, {"$set": {"x": 1}}, UpdateOptions(upsert=True, hint="n_1")),
    "array filters": lambda c: c.update_many(
        {"n": 9}, {"$set": {"l.$[e]": 1}}, UpdateOptions(array_filters=[{"e": 1}])
    ),
    "upsert": lambda c: c.upsert({"n": 1}, {"n": 1}),
    "delete": lambda c: c.delete_many({"n": 4}),
    "modify": lambda c: c.find_one_and_update({"n": 1}, {"$inc": {"x": 1}}, FindOneAndUpdateOptions(sort={"n": 1})),
    "distinct": lambda c: c.distinct("s", {"n": 1}, options=DistinctOptions(collation={"locale": "simple"})),
    "bounds": lambda c: c.find({}, FindOptions(min={"n": 1}, max={"n": 2}, hint="n_1", projection=["n"])),
    "all": lambda c: c.find(),
    "the first": lambda c: c.find_one(),
    "count of all": lambda c: c.count_documents(),
    "all in groups": lambda c: c.aggregate([{"$group": {"_id": "$s", "n": {"$sum": 1}}}]),
    "all deleted": lambda c: c.delete_many({}),
    "the natural order": lambda c: c.find({"s": "1"}, FindOptions(hint={"$natural": 1})),
    "the last ones": lambda c: c.find({"s": "1"}, FindOptions(sort=[("$natural", -1)], limit=2)),
    "estimate": lambda c: c.estimated_document_count(),
    "what cannot be explained": lambda c: c.aggregate([{"$indexStats": {}}]),
    "output": lambda c: c.aggregate([{"$match": {"n": 1}}, {"$out": "copies"}]),
}


@pytest.mark.parametrize("name", INDEXED)
async def test_what_an_index_serves_or_no_index_can_is_left_alone(guarded: Any, name: str) -> None:
    things = await guarded("raise")

    await INDEXED[name](things)


async def test_a_stream_that_scans_is_told_where_it_is_read(guarded: Any) -> None:
    things = await guarded()
    stream = things.find_stream({"s": "1"})

    with recorded() as caught:
        here = line() + 1
        async for _ in stream:
            pass

    assert places(caught) == [(__file__, here)]


async def test_a_comprehension_a_builder_and_a_session_name_their_lines(connect: Any, mongo_database: Database) -> None:
    client: MongoClient = await connect()
    things = client.collection(mongo_database.name, "things")

    with recorded() as caught:
        comprehension = line() + 1
        [await things.find_one({"s": s}) for s in ("1",)]
        builder = line() + 1
        await things.query().filter({"s": "1"}).execute()
        async with client.start_session() as session:
            within = line() + 1
            await session.find_one(things, {"s": "1"})

    assert places(caught) == [(__file__, number) for number in (comprehension, builder, within)]


async def test_an_unbounded_find_that_gives_many_is_told(guarded: Any) -> None:
    things = await guarded(max_documents=19)

    with recorded() as caught:
        here = line() + 1
        found = await things.find()

    assert len(found) == 20
    (warning,) = caught
    assert places(caught) == [(__file__, here)]
    assert "collects more than 19 documents at once; set a limit" in str(warning.message)


async def test_an_unbounded_find_is_stopped_and_its_cursor_closed(guarded: Any, open_cursors: Any) -> None:
    things = await guarded("raise", max_documents=100)
    await things.insert_many([{"text": "x" * 200_000} for _ in range(200)])
    before = await open_cursors()

    with pytest.raises(QueryGuardError) as caught:
        await things.find()

    assert (caught.value.finding, caught.value.operation) == ("unbounded_find", "find")
    assert await open_cursors() == before


async def test_bounded_finds_and_streams_are_left_alone(guarded: Any) -> None:
    things = await guarded("raise", max_documents=5)

    assert len(await things.find({"n": 1})) == 4
    assert len(await things.find({}, FindOptions(limit=10))) == 10
    assert len(await things.find({}, FindOptions(batch_size=10))) == 20
    assert len([thing async for thing in things.find_stream()]) == 20


async def test_a_loop_of_finds_is_told_once_at_its_line(guarded: Any) -> None:
    things = await guarded(repeats=5)

    with recorded() as caught:
        for n in range(15):
            here = line() + 1
            await things.find_one({"_id": n})

    (warning,) = caught
    assert places(caught) == [(__file__, here)]
    assert "find_one on" in str(warning.message)
    assert "more than 5 times within 1 s; ask once with $in, or join by $lookup" in str(warning.message)


@pytest.mark.parametrize(
    ("ask", "remedy"),
    [
        (lambda c, n: c.insert_one({"n": n}), "insert_many"),
        (lambda c, n: c.update_one({"_id": n}, {"$set": {"n": 1}}), "one bulk write"),
        (lambda c, n: c.delete_one({"_id": n}), "one bulk write"),
        (lambda c, n: c.find({"_id": n}), r"\$in"),
    ],
)
async def test_a_loop_is_stopped_at_the_call_that_passes_the_limit(guarded: Any, ask: Any, remedy: str) -> None:
    things = await guarded("raise", repeats=5, window="1m")
    done: list[int] = []

    async def loop() -> None:
        for n in range(15):
            await ask(things, n)
            done.append(n)

    with pytest.raises(QueryGuardError, match=remedy) as caught:
        await loop()

    assert len(done) == 5
    assert caught.value.finding == "repeated_query"
    assert caught.value.caller is not None
    assert caught.value.caller.startswith(__file__)


async def test_bare_tasks_are_counted_together(guarded: Any) -> None:
    things = await guarded(repeats=5, window="1m")

    with pytest.warns(
        QueryGuardWarning, match=r"^a task of its own \(asyncio.gather, create_task\): find_one on"
    ) as told:
        await asyncio.gather(*(things.find_one({"_id": n}) for n in range(20)))

    assert len(told) == 1


async def test_concurrent_tasks_with_the_same_line_are_left_alone(guarded: Any) -> None:
    things = await guarded("raise", repeats=5, window="1m")

    async def request(n: int) -> None:
        await things.find_one({"_id": n})
        await things.find_one({"_id": n + 1})

    await asyncio.gather(*(request(n) for n in range(20)))


async def test_a_loop_over_different_queries_is_left_alone(guarded: Any) -> None:
    things = await guarded("raise", repeats=5, window="1m")

    for n in range(15):
        await things.find_one({"_id": n, f"field{n}": 1})


async def test_reading_page_after_page_is_left_alone(guarded: Any) -> None:
    things = await guarded("raise", repeats=3, window="1m")
    seen = 0
    after: str | None = None

    while True:
        page = await things.find_page({"_id": {"$gte": 0}}, sort="_id", limit=2, after=after)
        seen += len(page.items)
        after = page.next_cursor
        if not page.has_next:
            break
    for number in range(10):
        await things.find_paginated({}, number, 2, "_id")

    assert seen == 20


async def test_a_transaction_is_not_explained(connect: Any, mongo_database: Database) -> None:
    client: MongoClient = await connect("raise", repeats=5, window="1m")
    things = client.collection(mongo_database.name, "things")

    async def change(session: Session) -> None:
        await session.update_one(things, {"s": "1"}, {"$set": {"x": 1}})
        await things.within(session).find({"s": "1"}, FindOptions(sort="s"))

    for _ in range(10):
        await client.with_transaction(change)
    async with client.start_session() as session:
        with pytest.raises(QueryGuardError, match="reads the whole collection"):
            await session.update_one(things, {"s": "1"}, {"$set": {"x": 1}})


async def test_a_loop_in_a_transaction_is_told_and_aborts_it(connect: Any, mongo_database: Database) -> None:
    client: MongoClient = await connect("raise", repeats=5, window="1m")
    things = client.collection(mongo_database.name, "things")

    async def insert(session: Session) -> None:
        for n in range(15):
            await session.insert_one(things, {"_id": 100 + n})

    with pytest.raises(QueryGuardError, match=r"insert_one on .* more than 5 times") as caught:
        await client.with_transaction(insert)

    assert str(caught.value).startswith(__file__)
    assert await things.find_by_id(100) is None


async def test_ignored_namespaces_are_left_alone(connect: Any, mongo_database: Database) -> None:
    name = mongo_database.name
    client: MongoClient = await connect("raise", ignore=[f"{name}.thi*"], max_documents=1, repeats=1)
    await mongo_database.collection("others").insert_one({"s": "1"})

    for _ in range(3):
        await client.collection(name, "things").find({"s": "1"}, FindOptions(sort="s"))
        await client.collection(name, "things").find()
    with pytest.raises(QueryGuardError):
        await client.collection(name, "others").find({"s": "1"})


async def test_an_index_made_meanwhile_by_anyone_quiets_the_guard(guarded: Any, mongo_database: Database) -> None:
    things = await guarded("raise")
    with pytest.raises(QueryGuardError):
        await things.find_one({"s": "1"})

    await mongo_database.collection("things").create_index("s")

    assert await things.find_one({"s": "1"}) is not None


async def test_an_index_dropped_by_the_client_is_noticed(guarded: Any) -> None:
    things = await guarded("raise")
    await things.find_one({"n": 1})

    await things.drop_index("n_1")

    with pytest.raises(QueryGuardError):
        await things.find_one({"n": 1})


async def test_a_collection_that_is_not_there_yet_is_looked_at_again(guarded: Any, mongo_database: Database) -> None:
    things = await guarded("raise")
    await mongo_database.drop_collection("things")
    assert await things.find_one({"s": "1"}) is None

    await mongo_database.collection("things").insert_one({"s": "1"})

    with pytest.raises(QueryGuardError):
        await things.find_one({"s": "1"})


async def test_a_view_is_told_by_the_collection_beneath(connect: Any, mongo_database: Database) -> None:
    client: MongoClient = await connect()
    await mongo_database.run_command({"create": "view", "viewOn": "things", "pipeline": []})
    beneath = f"{mongo_database.name}.things"

    with pytest.warns(QueryGuardWarning, match=rf"find_one on .*\.view reads the whole collection {beneath}$"):
        await client.collection(mongo_database.name, "view").find_one({"s": "1"})


async def test_a_tail_of_a_capped_collection_is_left_alone(guarded: Any, mongo_database: Database) -> None:
    things = await guarded("raise")
    await mongo_database.drop_collection("things")
    await mongo_database.run_command({"create": "things", "capped": True, "size": 4096})
    await mongo_database.collection("things").insert_one({"s": "1"})

    async with things.find_stream({"s": "1"}, FindOptions(cursor_type=CursorType.TAILABLE)) as stream:
        assert (await stream.next())["s"] == "1"


async def test_filters_of_warnings_make_one_an_error(guarded: Any) -> None:
    things = await guarded()

    with warnings.catch_warnings():
        warnings.simplefilter("error", QueryGuardWarning)
        with pytest.raises(QueryGuardWarning):
            await things.find_one({"s": "1"})


async def test_a_client_without_a_guard_has_none_in_its_chain(mongo_client: MongoClient, guarded: Any) -> None:
    things = await guarded()

    assert type(mongo_client._access.transport).__name__ == "DriverTransport"
    assert type(things._access.transport).__name__ == "GuardedTransport"
    assert type(things._access.transport.inner).__name__ == "DriverTransport"


async def test_a_sort_of_names_alone_is_understood(mongo_database: Database, mongo_server: Any) -> None:
    async with MongoClient.connect(mongo_server.uri, query_guard={"enabled": True, "mode": "raise"}) as client:
        users = client.collection(mongo_database.name, "users")
        await users.create_index([("ab", 1), ("c", 1)])
        await users.insert_one({"ab": 1, "c": 2})

        found = await users.find({"ab": 1}, FindOptions(sort=["ab", "c"], hint=["ab", "c"]))

        assert len(found) == 1


async def test_a_write_is_explained_on_the_primary(mongo_database: Database, mongo_server: Any) -> None:
    async with MongoClient.connect(mongo_server.uri, query_guard={"enabled": True, "mode": "raise"}) as client:
        users = client.collection(mongo_database.name, "users").with_options(read_preference=ReadPreference.SECONDARY)
        await users.insert_one({"_id": 1})

        async with asyncio.timeout(10):
            assert (await users.update_one({"_id": 1}, {"$set": {"a": 1}})).modified_count == 1
