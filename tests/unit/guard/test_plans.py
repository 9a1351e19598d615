"""Scans and sorts: what is explained, when, and what is said of it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from llm_devops_mongodb import (
    AggregateOptions,
    CountOptions,
    DeleteOptions,
    DistinctOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    MongoConnectionError,
    QueryError,
    ReadPreference,
    UpdateOptions,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import QueryGuardError, QueryGuardWarning
from llm_devops_mongodb.options import CursorType
from tests.unit.guard.support import INDEXED, NOTHING, SCAN, SORT, Guarded, guarded


async def test_a_shape_is_explained_once_whatever_its_values() -> None:
    guard = guarded(repeated_queries=False)

    for n in range(20):
        await guard.users.find_one({"age": n, "tags": {"$in": ["a"] * (n + 1)}})

    assert guard.server.explained == [{"find": "users", "filter": {"age": 0, "tags": {"$in": ["a"]}}, "limit": 1}]
    assert len(guard.server.sent) == 20
    assert guard.warnings == []


SHAPES: list[tuple[dict[str, Any], FindOptions | None]] = [
    ({"a": 1}, None),
    ({"a": "text"}, None),
    ({"a": None}, None),
    ({"a": [1]}, None),
    ({"a": [1, "text"]}, None),
    ({"a": {"b": 1}}, None),
    ({"a": {"$gt": 1}}, None),
    ({"b": 1}, None),
    ({"$or": [{"a": 1}, {"b": 1}]}, None),
    ({"$expr": {"$eq": ["$a", 1]}}, None),
    ({"$expr": {"$eq": ["$b", 1]}}, None),
    ({"a": 1}, FindOptions(sort="a")),
    ({"a": 1}, FindOptions(sort={"a": -1})),
    ({"a": 1}, FindOptions(hint="a_1")),
    ({"a": 1}, FindOptions(hint=[("a", 1)])),
    ({"a": 1}, FindOptions(projection=["a"])),
    ({"a": 1}, FindOptions(collation={"locale": "en"})),
    ({"a": 1}, FindOptions(collation={"locale": "fr"})),
]


async def test_what_may_have_another_plan_has_another_shape() -> None:
    guard = guarded()

    for where, options in [*SHAPES, *SHAPES]:
        await guard.users.find_one(where, options)
    await guard.users.count_documents({"a": 1})
    await guard.client.collection("shop", "orders").find_one({"a": 1})

    assert len(guard.server.explained) == len(SHAPES) + 2


PIPELINES: list[list[dict[str, Any]]] = [
    [{"$match": {"a": "$5"}}],
    [{"$sort": {"a": 1, "b": 1}}],
    [{"$sort": {"a": 1, "b": -1}}],
    [{"$lookup": {"from": "orders", "localField": "a", "foreignField": "b", "as": "c"}}],
    [{"$lookup": {"from": "orders", "localField": "a", "foreignField": "d", "as": "c"}}],
    [{"$unionWith": "orders"}],
    [{"$unionWith": "events"}],
    [{"$group": {"_id": "$a"}}],
    [{"$group": {"_id": "$b"}}],
    [{"$project": {"a": {"$literal": "$5"}}}],
]


async def test_pipelines_of_other_names_have_other_shapes_and_those_of_other_values_the_same() -> None:
    guard = guarded()

    for stages in PIPELINES:
        await guard.users.aggregate(stages)
    await guard.users.aggregate([{"$match": {"a": "$6"}}])
    await guard.users.aggregate([{"$project": {"a": {"$literal": "$6"}}}])

    assert len(guard.server.explained) == len(PIPELINES)


async def test_no_value_is_kept() -> None:
    guard = guarded(SCAN)
    secret = "hunter2"
    where = {"a": secret, "b": {"$in": [secret, 1]}, "$expr": {"$eq": ["$a", {"$literal": secret}]}}

    await guard.users.find_one(where)
    await guard.users.aggregate([{"$match": where}, {"$addFields": {"a": secret}}])

    kept = repr(vars(guard.transport._plans)["_known"]._entries) + repr(guard.warnings)
    assert "$a" in kept
    assert secret not in kept


async def test_values_that_no_datetime_or_text_can_hold_have_a_shape() -> None:
    guard = guarded()

    await guard.users.find_one({"at": datetime(2026, 1, 1, tzinfo=UTC), "id": uuid4(), "pattern": {"$regex": "^a"}})

    assert len(guard.server.explained) == 1


async def test_what_is_explained_has_the_namespace_and_settings_and_no_session() -> None:
    guard = guarded()
    users = guard.users.with_options(read_preference=ReadPreference.SECONDARY)

    async with guard.client.start_session() as session:
        await users.find_one({"a": 1}, session=session)

    asking, asked = guard.server.operations[:2]
    assert (asking.namespace, asking.settings, asking.session) == (asked.namespace, asked.settings, None)
    assert asking.verbosity == "queryPlanner"
    assert asked.session is not None


async def test_every_command_is_explained_as_the_driver_sends_it() -> None:
    guard = guarded()
    users = guard.users
    find = FindOptions(
        projection=["a"],
        sort=[("a", 1)],
        skip=1,
        limit=-2,
        hint={"a": 1},
        min={"a": 1},
        max={"a": 2},
        let={"v": 1},
        comment="not part of the plan",
        max_time=timedelta(seconds=1),
    )
    update = UpdateOptions(upsert=True, hint="a_1", let={"v": 1}, array_filters=[{"x": 1}])
    where = {"a": 1}

    await users.find(where, find)
    await users.count_documents(where, CountOptions(skip=1, limit=2, hint="a_1"))
    await users.distinct("b", where, options=DistinctOptions(collation={"locale": "en"}))
    await users.aggregate([{"$match": where}], AggregateOptions(let={"v": 1}))
    await users.update_many(where, {"$set": {"b": 1}}, update)
    await users.update_one(where, [{"$set": {"b": 1}}])
    await users.replace_one(where, {"b": 1})
    await users.delete_one(where, DeleteOptions(hint="a_1", let={"v": 1}))
    await users.delete_many(where)
    await users.find_one_and_update(where, {"$set": {"b": 1}}, FindOneAndUpdateOptions(sort="b", projection={"a": 1}))
    await users.find_one_and_replace(where, {"b": 1})
    await users.find_one_and_delete(where)

    cuts = [{"$match": where}, {"$skip": 1}, {"$limit": 2}, {"$group": {"_id": 1, "n": {"$sum": 1}}}]
    assert guard.server.explained == [
        {
            "find": "users",
            "filter": where,
            "skip": 1,
            "limit": 2,
            "let": {"v": 1},
            "sort": {"a": 1},
            "hint": {"a": 1},
            "min": {"a": 1},
            "max": {"a": 2},
            "projection": {"a": 1},
        },
        {"aggregate": "users", "pipeline": cuts, "cursor": {}, "hint": "a_1"},
        {"distinct": "users", "key": "b", "query": where, "collation": {"locale": "en"}},
        {"aggregate": "users", "pipeline": [{"$match": where}], "cursor": {}, "let": {"v": 1}},
        {
            "update": "users",
            "updates": [
                {"q": where, "u": {"$set": {"b": 1}}, "multi": True, "hint": "a_1", "arrayFilters": [{"x": 1}]}
            ],
            "let": {"v": 1},
        },
        {"update": "users", "updates": [{"q": where, "u": [{"$set": {"b": 1}}], "multi": False}]},
        {"update": "users", "updates": [{"q": where, "u": {"b": 1}, "multi": False}]},
        {"delete": "users", "deletes": [{"q": where, "limit": 1, "hint": "a_1"}], "let": {"v": 1}},
        {"delete": "users", "deletes": [{"q": where, "limit": 0}]},
        {"findAndModify": "users", "query": where, "update": {"$set": {"b": 1}}, "sort": {"b": 1}},
        {"findAndModify": "users", "query": where, "update": {"b": 1}},
        {"findAndModify": "users", "query": where, "remove": True},
    ]


async def test_a_scan_is_warned_of_each_time_and_the_filters_of_python_decide_which_are_shown() -> None:
    guard = guarded(SCAN)

    for _ in range(3):
        await guard.users.find_one({"s": "hunter2"})

    assert len(guard.warnings) == 3
    assert len(set(guard.lines)) == 1
    assert len(guard.server.explained) == 1
    text, category, filename, _, module, registry = guard.warnings[0]
    assert category is QueryGuardWarning
    assert (filename, module) == (__file__, __name__)
    assert registry is globals()["__warningregistry__"]
    assert text.endswith('reads the whole collection for its conditions on s; create_index({"s": 1}) would serve it')


async def test_a_collation_is_part_of_the_index_that_is_advised() -> None:
    guard = guarded(SCAN)

    await guard.users.find_one({"s": "a"}, FindOptions(collation={"locale": "en"}))

    assert guard.texts[0].endswith('create_index({"s": 1}, collation=…) would serve it')


async def test_a_scan_that_no_index_can_spare_is_told_without_advice() -> None:
    guard = guarded(SCAN)

    await guard.users.find_one({"$where": "true"})

    assert guard.texts[0].endswith("find_one on shop.users reads the whole collection")


async def test_a_scan_of_another_collection_is_told_by_its_name() -> None:
    guard = guarded(SCAN, mode="raise")
    guard.server.namespace = "shop.orders"

    with pytest.raises(QueryGuardError, match=r"aggregate on shop\.users reads the whole collection shop\.orders$"):
        await guard.users.aggregate([{"$unionWith": "orders"}])


async def test_a_scan_for_distinct_values_is_told_with_or_without_a_filter() -> None:
    guard = guarded({"stage": "COLLSCAN"})

    await guard.users.distinct("s")

    assert guard.texts[0].endswith('for the values of s; create_index({"s": 1}) would serve it')


async def test_each_branch_of_a_choice_has_an_index_of_its_own() -> None:
    guard = guarded(SCAN)

    await guard.users.find_one({"$or": [{"s": 1}, {"t": 1}], "$expr": {"$gt": ["$a", "$b"]}})

    assert 'on s, t, a, b; create_index({"s": 1}) and create_index({"t": 1}) would' in guard.texts[0]


async def test_a_sort_in_memory_is_told_with_the_index_that_gives_the_order() -> None:
    guard = guarded(SORT)

    await guard.users.find({"s": "hunter2"}, FindOptions(sort={"t": -1}))

    assert guard.texts[0].endswith('sorts in memory by t; create_index({"s": 1, "t": -1}) would serve it')


async def test_a_sort_of_what_a_group_made_is_left_alone() -> None:
    guard = guarded({"stage": "SORT", "inputStage": {"stage": "GROUP", "inputStage": {"stage": "COLLSCAN"}}})

    await guard.users.aggregate([{"$sort": {"a": 1}}, {"$group": {"_id": "$a"}}, {"$sort": {"_id": 1}}])

    assert guard.warnings == []


async def test_a_scan_without_conditions_is_left_alone() -> None:
    guard = guarded({"stage": "COLLSCAN"}, mode="raise")

    await guard.users.find()
    await guard.users.delete_many({})


BY_WISH = [
    FindOptions(hint="$natural"),
    FindOptions(hint={"$natural": 1}),
    FindOptions(sort=[("$natural", -1)]),
    FindOptions(cursor_type=CursorType.TAILABLE),
]


@pytest.mark.parametrize("options", BY_WISH)
async def test_a_scan_that_is_asked_for_is_left_alone(options: FindOptions) -> None:
    guard = guarded(SCAN, mode="raise")

    await guard.users.find({"s": 1}, options)


async def test_a_join_without_an_index_is_told() -> None:
    guard = guarded({"stage": "EQ_LOOKUP", "strategy": "NestedLoopJoin", "inputStage": INDEXED})

    await guard.users.aggregate([{"$lookup": {"from": "o", "localField": "a", "foreignField": "b", "as": "c"}}])

    assert guard.texts[0].endswith("joins by reading the whole foreign collection; create an index on its field")


async def test_nothing_is_sent_that_would_scan_where_the_guard_raises() -> None:
    guard = guarded(SCAN, mode="raise")

    with pytest.raises(QueryGuardError) as caught:
        await guard.users.update_one({"s": 1}, {"$set": {"a": 1}})

    assert guard.server.sent == []
    error = caught.value
    assert (error.finding, error.namespace, error.operation) == ("collection_scan", "shop.users", "update_one")
    assert error.outcome == "not_applied"
    assert error.caller is not None
    assert error.message.startswith(f"{error.caller}: update_one on shop.users")


@pytest.mark.parametrize(("plan", "setting"), [(SCAN, "collection_scans"), (SORT, "in_memory_sorts")])
async def test_each_search_can_be_switched_off(plan: dict[str, Any], setting: str) -> None:
    guard = guarded(plan, mode="raise", **{setting: False})

    await guard.users.find_one({"s": 1}, FindOptions(sort="t"))

    assert len(guard.server.explained) == 1


async def test_nothing_is_explained_where_no_plan_matters() -> None:
    guard = guarded(SCAN, collection_scans=False, in_memory_sorts=False)

    await guard.users.find_one({"s": 1})

    assert guard.server.explained == []


async def test_a_database_has_no_plan() -> None:
    guard = guarded(SCAN)

    await guard.client.database("admin").aggregate([{"$currentOp": {}}])

    assert guard.server.explained == []


@pytest.mark.parametrize("error", [QueryError("no right"), MongoConnectionError("gone")])
async def test_a_failing_explain_is_nobodys_problem(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    guard = guarded(error, mode="raise")

    with caplog.at_level(logging.DEBUG, "llm_devops_mongodb"):
        await guard.users.find_one({"s": 1})
        await guard.users.find_one({"s": 1})

    assert len(guard.server.sent) == 2
    # What may succeed another time is tried another time.
    assert len(guard.server.explained) == (2 if error.is_retryable else 1)  # type: ignore[attr-defined]
    assert "shop.users: not explained" in caplog.text


async def test_several_tasks_wait_for_one_explanation() -> None:
    guard = guarded(repeated_queries=False)
    guard.server.before_explaining = lambda: asyncio.sleep(0)

    await asyncio.gather(*(guard.users.find_one({"a": n}) for n in range(10)))

    assert len(guard.server.explained) == 1
    assert len(guard.transport._plans._turns) == 0


async def test_a_task_that_is_cancelled_while_it_explains_leaves_that_to_the_next() -> None:
    guard = guarded()
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        reached.set()
        await never.wait()

    guard.server.before_explaining = hang
    first = asyncio.create_task(guard.users.find_one({"a": 1}))
    await reached.wait()
    second = asyncio.create_task(guard.users.find_one({"a": 2}))
    await asyncio.sleep(0)
    guard.server.before_explaining = None
    first.cancel()

    await second

    assert first.cancelled()
    assert len(guard.server.explained) == 2
    assert len(guard.server.sent) == 1


async def test_a_fault_is_looked_at_again_after_a_while() -> None:
    guard = guarded(SCAN, repeated_queries=False)
    await guard.users.find_one({"s": 1})
    guard.server.plan = INDEXED

    await guard.users.find_one({"s": 1})
    guard.clock.now += 1
    await guard.users.find_one({"s": 1})

    assert len(guard.warnings) == 2
    assert len(guard.server.explained) == 2


async def test_an_error_is_raised_only_for_what_is_so_now() -> None:
    guard = guarded(SCAN, mode="raise")
    with pytest.raises(QueryGuardError):
        await guard.users.find_one({"s": 1})

    guard.server.plan = INDEXED

    await guard.users.find_one({"s": 1})


async def test_a_collection_without_documents_is_looked_at_again() -> None:
    guard = guarded(NOTHING)
    await guard.users.find_one({"s": 1})

    guard.server.plan = SCAN
    await guard.users.find_one({"s": 1})

    assert len(guard.warnings) == 1


@pytest.mark.parametrize("name", ["createIndexes", "dropIndexes", "drop", "collMod", "ping"])
async def test_what_changes_indexes_makes_the_plans_old(name: str) -> None:
    guard = guarded()
    await guard.users.find_one({"s": 1})

    await guard.client.database("shop").run_command({name: "users"})
    await guard.users.find_one({"s": 1})

    assert len(guard.server.explained) == (1 if name == "ping" else 2)


async def test_dropping_a_collection_makes_the_plans_old() -> None:
    guard = guarded()
    await guard.users.find_one({"s": 1})

    await guard.client.database("shop").drop_collection("users")
    await guard.users.find_one({"s": 1})

    assert len(guard.server.explained) == 2


async def test_a_thousand_shapes_are_kept() -> None:
    guard = guarded()

    for n in range(1100):
        await guard.users.find_one({f"field{n}": 1})

    assert len(guard.transport._plans._known) == 1000


async def test_in_a_transaction_nothing_is_explained() -> None:
    guard = guarded(SCAN, mode="raise")

    async with guard.client.start_session() as session:
        async with session.transaction():
            await guard.users.find_one({"s": 1}, session=session)
        assert guard.server.explained == []
        with pytest.raises(QueryGuardError):
            await guard.users.find_one({"s": 1}, session=session)


async def test_after_a_transaction_that_was_aborted_or_left_the_guard_knows_of_none() -> None:
    guard: Guarded = guarded()

    async with guard.client.start_session() as session:
        await session.start_transaction()
        await session.abort()
    async with guard.client.start_session() as session:
        await session.start_transaction()

    assert guard.transport._in_transaction == set()


async def test_an_ignored_namespace_is_passed_on() -> None:
    guard = guarded(SCAN, mode="raise", ignore="shop.u*,admin.*")

    await guard.users.find_one({"s": 1})

    assert guard.server.explained == []
    assert [type(each) for each in guard.server.sent] == [op.FindOne]
    with pytest.raises(QueryGuardError):
        await guard.client.collection("shop", "orders").find_one({"s": 1})


async def test_closing_closes_what_is_watched() -> None:
    guard = guarded()

    await guard.client.close()

    assert guard.server.closed == 1
