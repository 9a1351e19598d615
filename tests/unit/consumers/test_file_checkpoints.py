"""Checkpoints in files: what is stored comes back, whatever breaks off, and one process at a time stores."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
import threading
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_devops_mongodb.consumers import (
    Checkpoint,
    CheckpointError,
    FileCheckpoints,
    LeasedCheckpointStore,
    LeaseLostError,
)
from llm_devops_mongodb.consumers.errors import CheckpointConflictError
from tests.unit.consumers.some_checkpoints import checkpoint, checkpoints, number_of

LONG = timedelta(seconds=30)
SOME_SECONDS = 20
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FileCheckpoints]:
    """A store whose name `orders` is held by `a`, with fence 1."""
    store = FileCheckpoints(tmp_path / "state")
    assert await store.acquire("orders", owner="a", duration=LONG) == 1
    yield store
    await store.release("orders", owner="a", fence=1)


class State:
    """The files of `orders`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, ending: str) -> Path:
        return self.directory / f"orders{ending}"

    def content(self) -> bytes:
        return self.path(".json").read_bytes()

    def put(self, content: bytes, *, ending: str = ".json") -> None:
        self.path(ending).write_bytes(content)

    def rename(self, *, to: str) -> None:
        self.path(".json").rename(self.directory / to)

    def remove(self, ending: str) -> None:
        self.path(ending).unlink()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())

    def modes(self) -> set[int]:
        return {stat.S_IMODE(path.stat().st_mode) for path in self.directory.iterdir()}

    async def loaded(self) -> int:
        return number_of(await FileCheckpoints(self.directory).load("orders"))


@pytest.fixture
async def state(store: FileCheckpoints, tmp_path: Path) -> State:
    """The files after two checkpoints, 1 and 2."""
    await store.save(checkpoint(1))
    await store.save(checkpoint(2))
    return State(tmp_path / "state")


def test_it_is_a_leased_store(tmp_path: Path) -> None:
    assert isinstance(FileCheckpoints(tmp_path), LeasedCheckpointStore)


async def test_where_nothing_was_stored_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert await FileCheckpoints(tmp_path / "state").load("orders") is None


@quick
@given(checkpoints("orders"))
async def test_what_is_stored_comes_back(store: FileCheckpoints, given: Checkpoint) -> None:
    mine = replace(given, owner="a", fence=1)
    await store.save(mine)

    found = await store.load("orders")

    assert found is not None
    assert found.updated_at is not None
    assert replace(found, updated_at=None) == mine


@pytest.mark.parametrize("name", ["orders/3-of-8", "..", "a b", "ä\n", "x" * 80])
async def test_any_name_is_one_file_in_the_directory(tmp_path: Path, name: str) -> None:
    store = FileCheckpoints(tmp_path)
    await store.acquire(name, owner="a", duration=LONG)
    await store.save(checkpoint(5, name=name))
    await store.release(name, owner="a", fence=1)

    assert number_of(await FileCheckpoints(tmp_path).load(name)) == 5
    assert [Path(name).suffix for name in State(tmp_path).names()] == [".json", ".lock"]


def test_only_its_owner_reads_a_file(state: State) -> None:
    assert state.modes() == {0o600}
    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700


async def test_a_file_torn_anywhere_gives_the_checkpoint_before_it(
    state: State, caplog: pytest.LogCaptureFixture
) -> None:
    whole = state.content()
    for length in range(len(whole.rstrip())):
        state.put(whole[:length])
        with caplog.at_level(logging.WARNING, "llm_devops_mongodb.consumers"):
            assert await state.loaded() == 1, length

    assert len(caplog.messages) == len(whole.rstrip())
    assert all("orders.json is damaged" in message for message in caplog.messages)


@quick
@given(st.data())
async def test_a_changed_byte_gives_either_checkpoint_and_never_another(state: State, data: st.DataObject) -> None:
    whole = state.content()
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    state.put(whole[:place] + bytes([byte]) + whole[place + 1 :])

    found = await state.loaded()

    state.put(whole)
    assert found in {1, 2}


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"sha256": "", "checkpoint": {}}', "[" * 100_000, "\udcff"])
async def test_a_file_of_something_else_gives_the_checkpoint_before_it(state: State, text: str) -> None:
    state.put(text.encode(errors="surrogateescape"))

    assert await state.loaded() == 1


async def test_to_look_at_a_file_with_an_editor_that_formats_it_breaks_nothing(state: State) -> None:
    state.put(state.content().replace(b"\n", b"\r\n  ") + b"\n\n")

    assert await state.loaded() == 2


async def test_a_process_that_dies_while_it_writes_leaves_the_latest(state: State) -> None:
    for content in (b"", b"{", state.content()[:100]):
        state.put(content, ending=".json.new")
        assert await state.loaded() == 2


async def test_a_process_that_dies_between_the_new_file_and_its_name_leaves_the_one_before(
    store: FileCheckpoints, state: State
) -> None:
    # What is there after each step of the third: the new file is whole, then the present one is set aside.
    state.put(state.content(), ending=".json.new")
    assert await state.loaded() == 2
    state.rename(to="orders.json.previous")
    assert await state.loaded() == 2

    await store.save(checkpoint(3))
    assert await state.loaded() == 3


async def test_a_damaged_file_does_not_take_the_place_of_the_good_one_before_it(
    store: FileCheckpoints, state: State
) -> None:
    state.put(b"torn")
    await store.save(checkpoint(3))
    state.put(b"torn again")

    assert await state.loaded() == 1


async def test_two_damaged_files_are_an_error_that_names_them(state: State) -> None:
    state.put(b"torn")
    state.put(b"", ending=".json.previous")

    with pytest.raises(CheckpointError, match=r"state/orders\.json is damaged.*orders\.json\.previous"):
        await state.loaded()


async def test_a_damaged_first_checkpoint_is_an_error_and_no_new_beginning(
    store: FileCheckpoints, tmp_path: Path
) -> None:
    await store.save(checkpoint(1))
    state = State(tmp_path / "state")
    state.put(state.content()[:-20])

    with pytest.raises(CheckpointError, match="no whole checkpoint before it"):
        await store.load("orders")


async def test_a_newer_format_is_refused_and_not_passed_over(store: FileCheckpoints) -> None:
    await store.save(checkpoint(1))
    await store.save(replace(checkpoint(2), format=2))

    with pytest.raises(CheckpointError, match=r"format 2.*reads 1"):
        await store.load("orders")


async def test_the_checkpoint_of_another_name_is_refused(state: State) -> None:
    state.rename(to="bills.json")

    with pytest.raises(CheckpointError, match="another name than 'bills'"):
        await FileCheckpoints(state.directory).load("bills")


async def test_a_transaction_is_refused(store: FileCheckpoints) -> None:
    session: Any = object()
    with pytest.raises(CheckpointError, match="in a collection"):
        await store.save(checkpoint(1), session=session)


async def test_what_the_system_refuses_is_an_error_that_says_so(state: State) -> None:

    with pytest.raises(CheckpointError, match=r"out of reach: .*orders") as caught:
        await FileCheckpoints(state.path(".json")).acquire("orders", owner="a", duration=LONG)
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_lock_whose_checkpoint_is_out_of_reach_is_given_back(tmp_path: Path) -> None:
    obstacle = tmp_path / "orders.json"
    await asyncio.to_thread(obstacle.mkdir)
    store = FileCheckpoints(tmp_path)
    with pytest.raises(CheckpointError, match="Is a directory"):
        await store.acquire("orders", owner="a", duration=LONG)
    await asyncio.to_thread(obstacle.rmdir)

    assert await store.acquire("orders", owner="b", duration=LONG) == 1
    await store.release("orders", owner="b", fence=1)


async def test_a_checkpoint_takes_the_place_of_the_one_it_is_to_replace_only(store: FileCheckpoints) -> None:
    await store.save(checkpoint(1))
    await store.save(checkpoint(2), replacing=checkpoint(1))

    with pytest.raises(CheckpointConflictError):
        await store.save(checkpoint(3), replacing=checkpoint(1))
    assert number_of(await store.load("orders")) == 2


async def test_another_owner_waits_until_the_name_is_released_and_gets_a_greater_fence(
    store: FileCheckpoints, tmp_path: Path
) -> None:
    other = FileCheckpoints(tmp_path / "state")
    assert await other.acquire("orders", owner="b", duration=LONG) is None
    assert await store.acquire("orders", owner="b", duration=LONG) is None

    await store.release("orders", owner="a", fence=1)

    assert await other.acquire("orders", owner="b", duration=LONG) == 2
    assert await store.acquire("orders", owner="a", duration=LONG) is None
    await other.release("orders", owner="b", fence=2)


async def test_the_same_owner_gets_a_greater_fence_and_the_old_one_stores_nothing(store: FileCheckpoints) -> None:
    assert await store.acquire("orders", owner="a", duration=LONG) == 2

    with pytest.raises(LeaseLostError):
        await store.save(checkpoint(1))
    await store.save(checkpoint(2, fence=2))
    assert not await store.renew("orders", owner="a", fence=1, duration=LONG)
    assert await store.renew("orders", owner="a", fence=2, duration=LONG)
    await store.release("orders", owner="a", fence=2)


async def test_the_fence_grows_also_where_the_lock_file_was_removed(state: State, store: FileCheckpoints) -> None:
    await store.release("orders", owner="a", fence=1)
    state.remove(".lock")

    other = FileCheckpoints(state.directory)
    assert await other.acquire("orders", owner="b", duration=LONG) == 2
    await other.release("orders", owner="b", fence=2)


async def test_a_lock_whose_file_was_removed_is_lost(store: FileCheckpoints, tmp_path: Path) -> None:
    State(tmp_path / "state").remove(".lock")

    assert not await store.renew("orders", owner="a", fence=1, duration=LONG)
    with pytest.raises(LeaseLostError):
        await store.save(checkpoint(1))


@pytest.mark.parametrize("owner", ["a", "b"])
async def test_who_holds_nothing_stores_nothing(tmp_path: Path, owner: str) -> None:
    with pytest.raises(LeaseLostError):
        await FileCheckpoints(tmp_path).save(checkpoint(1, owner=owner))


async def test_to_release_what_is_not_held_does_nothing(store: FileCheckpoints) -> None:
    await store.release("orders", owner="b", fence=1)
    await store.release("orders", owner="a", fence=7)
    await store.release("bills", owner="a", fence=1)

    assert await store.renew("orders", owner="a", fence=1, duration=LONG)


async def test_a_group_has_one_member(store: FileCheckpoints) -> None:
    assert list(await store.join("orders", owner="a", duration=LONG)) == ["a"]
    await store.leave("orders", owner="a")


async def test_a_save_whose_caller_is_cancelled_is_done_and_those_after_it_follow(
    store: FileCheckpoints, state: State
) -> None:
    for number in range(3, 20):
        saving = asyncio.create_task(store.save(checkpoint(number)))
        await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving

    assert number_of(await store.load("orders")) == 19


async def test_a_name_whose_acquisition_is_cancelled_is_free(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    acquiring = asyncio.create_task(store.acquire("orders", owner="a", duration=LONG))
    await asyncio.sleep(0)
    acquiring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acquiring

    assert await store.acquire("orders", owner="b", duration=LONG) is not None


def test_one_store_serves_one_loop_after_another(tmp_path: Path) -> None:
    store = FileCheckpoints(tmp_path)
    names = [f"orders/{part}" for part in range(4)]

    async def save(number: int) -> int:
        fences = await asyncio.gather(*(store.acquire(name, owner="a", duration=LONG) for name in names))
        assert fences == [number] * 4
        await asyncio.gather(*(store.save(checkpoint(number, name=name, fence=number)) for name in names))
        await asyncio.gather(*(store.release(name, owner="a", fence=number) for name in names))
        return number_of(await store.load(names[-1]))

    assert [asyncio.run(save(number)) for number in (1, 2)] == [1, 2]


def test_a_store_that_nobody_holds_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    asyncio.run(FileCheckpoints(tmp_path).load("orders"))

    for thread in set(threading.enumerate()) - before:
        thread.join(SOME_SECONDS)
        assert not thread.is_alive()


SAVER = """
import asyncio, sys
from datetime import timedelta
from llm_devops_mongodb.consumers import FileCheckpoints
from llm_devops_mongodb.consumers.errors import CheckpointConflictError
from tests.unit.consumers.some_checkpoints import checkpoint, number_of

async def main():
    store = FileCheckpoints(sys.argv[1])
    fence = await store.acquire("orders", owner=sys.argv[2], duration=timedelta(seconds=1))
    number = -1 if fence is None else number_of(await store.load("orders"))
    print(fence, number, flush=True)
    if fence is None:
        return
    while True:
        number += 1
        await store.save(checkpoint(number, owner=sys.argv[2], fence=fence))
        print(number, flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def saver(directory: Path, owner: str) -> AsyncIterator[Process]:
    """A process that stores one checkpoint after the other, until it is killed."""
    root = Path(__file__).parents[3]
    command = (sys.executable, "-c", SAVER, str(directory), owner)
    process = await create_subprocess_exec(*command, cwd=root, stdout=PIPE, env={**os.environ, "PYTHONPATH": str(root)})
    try:
        async with asyncio.timeout(SOME_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def test_of_two_processes_one_holds_the_name_and_the_other_takes_over_when_it_is_killed(tmp_path: Path) -> None:
    async with saver(tmp_path, "first") as first:
        assert await line(first) == "1 -1"
        async with saver(tmp_path, "second") as second:
            assert await line(second) == "None -1"
        first.kill()
        await first.wait()
    store = FileCheckpoints(tmp_path)

    assert await store.acquire("orders", owner="third", duration=LONG) == 2
    await store.release("orders", owner="third", fence=2)


async def test_a_process_killed_at_any_moment_leaves_what_it_stored_last(tmp_path: Path) -> None:
    last = -1
    for turn in range(1, 5):
        async with saver(tmp_path, f"turn {turn}") as process:
            fence, found = map(int, (await line(process)).split())
            assert (fence, found >= last) == (turn, True)
            for _ in range(turn * 7):
                last = int(await line(process))
            process.kill()
            assert process.stdout is not None
            told = (await process.stdout.read()).decode().split("\n")[:-1]
            last = max(last, *map(int, told), last)
        assert last <= number_of(await FileCheckpoints(tmp_path).load("orders")) <= last + 1
