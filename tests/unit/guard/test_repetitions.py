"""Loops: whose repetitions are counted together, and which line is told."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from llm_devops_mongodb import Collection
from llm_devops_mongodb.errors import QueryGuardError
from tests.unit.guard.support import guarded

Users = Collection[dict[str, Any]]
Ask = Callable[[Users, int], Coroutine[Any, Any, Any]]

COUNTED: list[tuple[Ask, str]] = [
    (lambda c, n: c.find_one({"_id": n}), "ask once with $in, or join by $lookup"),
    (lambda c, n: c.find({"_id": n}), "ask once with $in, or join by $lookup"),
    (lambda c, n: c.count_documents({"_id": n}), "ask once with $in, or join by $lookup"),
    (lambda c, n: c.distinct("a", {"_id": n}), "ask once with $in, or join by $lookup"),
    (lambda c, n: c.aggregate([{"$match": {"_id": n}}]), "ask once with $in, or join by $lookup"),
    (lambda c, n: c.insert_one({"_id": n}), "insert them together by insert_many"),
    (lambda c, n: c.update_one({"_id": n}, {"$set": {"a": n}}), "send them as one bulk write"),
    (lambda c, n: c.update_many({"_id": n}, {"$set": {"a": n}}), "send them as one bulk write"),
    (lambda c, n: c.replace_one({"_id": n}, {"a": n}), "send them as one bulk write"),
    (lambda c, n: c.delete_one({"_id": n}), "send them as one bulk write"),
    (lambda c, n: c.delete_many({"_id": n}), "send them as one bulk write"),
]
NOT_COUNTED: list[Ask] = [
    lambda c, n: c.find_one_and_update({"_id": n}, {"$set": {"a": 1}}),
    lambda c, n: c.find_one_and_delete({"_id": n}),
    lambda c, n: c.insert_many([{"_id": n}]),
    lambda c, n: c.find_one({"_id": n, f"field{n}": 1}),
    lambda c, n: c.with_type(dict).find_one({"_id": n}) if n % 3 == 0 else asyncio.sleep(0),
]


@pytest.mark.parametrize(("ask", "remedy"), COUNTED)
async def test_a_loop_is_told_once_with_its_remedy(ask: Ask, remedy: str) -> None:
    guard = guarded()

    for n in range(25):
        await ask(guard.users, n)

    (text,) = guard.texts
    assert text.endswith(f"was made more than 10 times within 1 s; {remedy}")


@pytest.mark.parametrize("ask", NOT_COUNTED)
async def test_what_has_no_remedy_is_left_alone(ask: Ask) -> None:
    guard = guarded()

    for n in range(25):
        await ask(guard.users, n)

    assert guard.warnings == []


async def test_every_call_over_the_limit_is_refused_and_none_before() -> None:
    guard = guarded(mode="raise", repeats=3)
    outcomes: list[str | None] = []

    for n in range(6):
        try:
            await guard.users.insert_one({"_id": n})
        except QueryGuardError as error:
            outcomes.append(error.outcome)
        else:
            outcomes.append("sent")

    assert outcomes == ["sent"] * 3 + ["not_applied"] * 3
    assert len(guard.server.sent) == 3


async def test_the_search_can_be_switched_off() -> None:
    guard = guarded(mode="raise", repeated_queries=False)

    for n in range(25):
        await guard.users.find_one({"_id": n})


async def test_what_happens_slowly_is_left_alone() -> None:
    guard = guarded(repeats=3, window="1s")

    for n in range(25):
        await guard.users.find_one({"_id": n})
        guard.clock.now += 0.34

    assert guard.warnings == []


async def test_calls_are_counted_within_any_window_not_from_the_first() -> None:
    guard = guarded(repeats=3, window="1s")

    for pause in (0.9, 0.2, 0.1, 0.1, 0.1):
        await guard.users.find_one({"_id": 1})
        guard.clock.now += pause

    assert len(guard.warnings) == 1


async def test_two_lines_are_counted_apart() -> None:
    guard = guarded(repeats=3)

    for n in range(3):
        await guard.users.find_one({"_id": n})
        await guard.users.find_one({"_id": n})

    assert guard.warnings == []


async def one(users: Users, n: int) -> None:
    await users.find_one({"_id": n})


async def test_tasks_that_run_the_same_line_are_counted_apart() -> None:
    guard = guarded(repeats=3)

    await asyncio.gather(*(one(guard.users, n) for n in range(20)))

    assert guard.warnings == []


async def test_a_task_that_has_ended_is_forgotten() -> None:
    guard = guarded()

    await asyncio.gather(*(one(guard.users, n) for n in range(20)))
    # The loop itself holds what it has just woken us by.
    await asyncio.sleep(0)
    gc.collect()

    assert len(guard.transport._repetitions._by_task) == 0


async def test_calls_that_are_tasks_of_their_own_are_counted_together_and_told_once() -> None:
    guard = guarded(repeats=3)

    await asyncio.gather(*(guard.users.find_one({"_id": n}) for n in range(20)))
    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(guard.users.find_one({"_id": n}))

    (text,) = guard.texts
    assert text.startswith("a task of its own (asyncio.gather, create_task): find_one on shop.users was made")
    assert guard.lines == [("<a task of its own>", 0)]


async def test_what_runs_in_tasks_of_its_own_is_warned_of_but_never_refused() -> None:
    guard = guarded(mode="raise", repeats=3)

    outcomes = await asyncio.gather(*(guard.users.find_one({"_id": n}) for n in range(5)), return_exceptions=True)

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert "a task of its own" in guard.texts[0]


async def test_where_python_remembers_the_origin_of_coroutines_it_is_the_line() -> None:
    guard = guarded(repeats=3)
    before = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(1)
    try:
        asking = [guard.users.find_one({"_id": n}) for n in range(5)]
    finally:
        sys.set_coroutine_origin_tracking_depth(before)

    await asyncio.gather(*asking)

    ((filename, number),) = guard.lines
    assert (filename, number) == (__file__, asking_line())


def asking_line() -> int:
    """The line of the coroutines above."""
    name = "test_where_python_remembers_the_origin_of_coroutines_it_is_the_line"
    return int(globals()[name].__code__.co_firstlineno) + 5


async def test_a_loop_in_a_transaction_is_told_and_a_loop_of_transactions_is_not() -> None:
    guard = guarded(repeats=5)

    async def change() -> None:
        async with guard.client.start_session() as session, session.transaction():
            for n in range(3):
                await guard.users.insert_one({"_id": n}, session=session)

    for _ in range(5):
        await change()
    assert guard.warnings == []
    async with guard.client.start_session() as session, session.transaction():
        for n in range(9):
            await guard.users.insert_one({"_id": n}, session=session)

    assert len(guard.warnings) == 1


async def test_a_transaction_started_by_a_task_of_its_own_forgets_nothing() -> None:
    guard = guarded(repeats=3)

    await asyncio.gather(*(guard.users.find_one({"_id": n}) for n in range(3)))
    async with guard.client.start_session() as session:
        await asyncio.create_task(session.start_transaction())
    await asyncio.create_task(guard.users.find_one({"_id": 9}))

    assert len(guard.warnings) == 1


async def test_the_line_is_found_through_sessions_and_callbacks() -> None:
    guard = guarded(repeats=3)

    async def callback(session: Any) -> None:
        for n in range(5):
            await session.find_one(guard.users, {"_id": n})

    await guard.client.with_transaction(callback)

    code = callback.__code__
    assert guard.lines == [(__file__, code.co_firstlineno + 2)]


async def test_the_line_is_found_through_generators_and_comprehensions() -> None:
    guard = guarded(repeats=3)

    async def numbers() -> AsyncIterator[int]:
        for n in range(5):
            await guard.users.find_one({"_id": n})
            yield n

    assert [n async for n in numbers()] == list(range(5))
    here = numbers.__code__.co_firstlineno + 7
    [await guard.users.find_one({"_id": n}) for n in range(5)]

    assert guard.lines == [(__file__, here - 5), (__file__, here)]


async def test_streams_name_the_line_that_reads_them() -> None:
    guard = guarded(repeats=3)

    async def read() -> None:
        for n in range(5):
            async for _ in guard.users.find_stream({"_id": n}):
                pass

    await read()

    assert guard.lines == [(__file__, read.__code__.co_firstlineno + 2)]


def test_outside_of_a_task_a_line_has_no_task() -> None:
    guard = guarded(repeats=3)

    async def ask() -> None:
        for n in range(5):
            await guard.users.find_one({"_id": n})

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(ask())
    finally:
        loop.close()

    assert guard.lines == [(__file__, ask.__code__.co_firstlineno + 2)]


async def test_lines_and_shapes_are_counted_up_to_a_number() -> None:
    guard = guarded(collection_scans=False, in_memory_sorts=False)

    for n in range(300):
        await guard.users.find_one({f"field{n}": 1})

    (lines,) = guard.transport._repetitions._by_task.values()
    assert len(lines) == 256
