"""Checkpoints in a collection of a real server: what is stored, who may store, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from llm_devops_mongodb import (
    Collection,
    Database,
    MongoClient,
    ReadConcern,
    ReadPreference,
    ResumeToken,
    Session,
    TransactionOptions,
    WriteConcern,
)
from llm_devops_mongodb.consumers import (
    Checkpoint,
    CheckpointError,
    CollectionCheckpoints,
    LeasedCheckpointStore,
    LeaseLostError,
)
from llm_devops_mongodb.consumers.errors import CheckpointConflictError
from tests.unit.consumers.some_checkpoints import checkpoint, checkpoints, number_of

LONG = timedelta(seconds=60)
SHORT = timedelta(milliseconds=30)
SOME_SECONDS = 20
Documents = Collection[dict[str, Any]]


@pytest.fixture
def kept(mongo_database: Database) -> Documents:
    return mongo_database.collection("consumer_checkpoints")


@pytest.fixture
async def store(kept: Documents) -> CollectionCheckpoints:
    """A store whose name `orders` is held by `a`, with fence 1."""
    store = CollectionCheckpoints(kept)
    assert await store.acquire("orders", owner="a", duration=LONG) == 1
    return store


@pytest.fixture
async def effects(mongo_database: Database) -> Documents:
    await mongo_database.create_collection("effects")
    return mongo_database.collection("effects")


async def eventually(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until there is an answer, or the time is up."""
    async with asyncio.timeout(SOME_SECONDS):
        while not (answer := await ask()):
            await asyncio.sleep(0.005)
    return answer


async def taken_over(store: CollectionCheckpoints, *, owner: str) -> int:
    """Take the lease of `orders` as soon as it has run out; the fence."""
    fence: int = await eventually(lambda: store.acquire("orders", owner=owner, duration=LONG))
    return fence


def test_it_is_a_leased_store_and_tells_where_it_is(kept: Documents) -> None:
    store = CollectionCheckpoints(kept)

    assert isinstance(store, LeasedCheckpointStore)
    assert store.collection.namespace == kept.namespace
    assert str(kept.namespace) in repr(store)


async def test_where_nothing_was_stored_there_is_no_checkpoint(kept: Documents, store: CollectionCheckpoints) -> None:
    assert await store.load("orders") is None
    assert await store.load("bills") is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(checkpoints("orders"))
async def test_what_is_stored_comes_back(store: CollectionCheckpoints, given: Checkpoint) -> None:
    mine = replace(given, owner="a", fence=1)
    await store.save(mine)

    found = await store.load("orders")

    assert found is not None
    assert replace(found, updated_at=None) == mine


async def test_a_checkpoint_tells_when_it_was_stored_by_the_servers_clock(
    mongo_database: Database, store: CollectionCheckpoints
) -> None:
    before = (await mongo_database.run_command({"hello": 1}))["localTime"]
    await store.save(checkpoint(1))
    after = (await mongo_database.run_command({"hello": 1}))["localTime"]

    found = await store.load("orders")
    assert found is not None
    assert found.updated_at is not None
    assert before <= found.updated_at <= after


@pytest.mark.parametrize("name", ["orders/3-of-8", "", "$orders", "a.b", "ä\n"])
async def test_any_name_is_a_name(store: CollectionCheckpoints, name: str) -> None:
    fence = await store.acquire(name, owner="$a", duration=LONG)
    await store.save(checkpoint(7, name=name, owner="$a"))

    assert fence == 1
    assert number_of(await store.load(name)) == 7


async def test_a_newer_format_is_refused(store: CollectionCheckpoints) -> None:
    await store.save(replace(checkpoint(1), format=2))

    with pytest.raises(CheckpointError, match=r"format 2.*reads 1"):
        await store.load("orders")


@pytest.mark.parametrize("damage", [1, {"format": 1}, {"format": 1, "token": {}}], ids=repr)
async def test_a_damaged_checkpoint_is_an_error_and_no_new_beginning(
    kept: Documents, store: CollectionCheckpoints, damage: object
) -> None:
    await kept.update_one({"_id": "orders"}, {"$set": {"checkpoint": damage}})

    with pytest.raises(CheckpointError, match="'orders' is damaged"):
        await store.load("orders")


async def test_the_concerns_of_the_collection_given_do_not_matter(kept: Documents) -> None:
    careless = kept.with_options(
        write_concern=WriteConcern(w=1),
        read_concern=ReadConcern.AVAILABLE,
        read_preference=ReadPreference.SECONDARY_PREFERRED,
    )
    store = CollectionCheckpoints(careless)

    assert store.collection == CollectionCheckpoints(kept).collection


async def test_a_lease_is_held_by_one(store: CollectionCheckpoints) -> None:
    assert await store.acquire("orders", owner="b", duration=LONG) is None
    assert await store.renew("orders", owner="a", fence=1, duration=LONG)
    assert not await store.renew("orders", owner="b", fence=1, duration=LONG)
    assert not await store.renew("orders", owner="a", fence=2, duration=LONG)


async def test_a_lease_that_ran_out_is_taken_with_a_greater_fence(store: CollectionCheckpoints) -> None:
    await store.renew("orders", owner="a", fence=1, duration=SHORT)

    assert await taken_over(store, owner="b") == 2
    assert not await store.renew("orders", owner="a", fence=1, duration=LONG)
    assert await store.acquire("orders", owner="a", duration=LONG) is None


async def test_a_lease_that_ran_out_and_that_nobody_took_may_be_renewed(store: CollectionCheckpoints) -> None:
    await store.renew("orders", owner="a", fence=1, duration=-LONG)

    assert await store.renew("orders", owner="a", fence=1, duration=LONG)
    assert await store.acquire("orders", owner="b", duration=LONG) is None


async def test_a_lease_that_was_given_up_is_free_at_once(store: CollectionCheckpoints) -> None:
    await store.release("orders", owner="b", fence=1)
    await store.release("orders", owner="a", fence=2)
    assert await store.acquire("orders", owner="b", duration=LONG) is None

    await store.release("orders", owner="a", fence=1)

    assert await store.acquire("orders", owner="b", duration=LONG) == 2


async def test_who_gave_a_lease_up_stores_nothing_more(store: CollectionCheckpoints) -> None:
    await store.save(checkpoint(1))
    await store.release("orders", owner="a", fence=1)

    with pytest.raises(LeaseLostError):
        await store.save(checkpoint(2))
    assert number_of(await store.load("orders")) == 1


async def test_an_owner_that_comes_again_gets_a_greater_fence_and_the_old_one_stores_nothing(
    store: CollectionCheckpoints,
) -> None:
    assert await store.acquire("orders", owner="a", duration=LONG) == 2

    with pytest.raises(LeaseLostError):
        await store.save(checkpoint(1))
    await store.save(checkpoint(2, fence=2))


async def test_who_was_overtaken_stores_nothing(store: CollectionCheckpoints) -> None:
    await store.save(checkpoint(1))
    await store.renew("orders", owner="a", fence=1, duration=SHORT)
    fence = await taken_over(store, owner="b")
    await store.save(checkpoint(2, owner="b", fence=fence))

    with pytest.raises(LeaseLostError) as caught:
        await store.save(checkpoint(3))

    assert number_of(await store.load("orders")) == 2
    assert "orders" in str(caught.value)


@pytest.mark.parametrize("given", [checkpoint(1), checkpoint(1, fence=0)], ids=["leased", "without a lease"])
async def test_who_holds_nothing_stores_nothing_where_there_is_a_lease(
    store: CollectionCheckpoints, given: Checkpoint
) -> None:
    with pytest.raises(LeaseLostError):
        await store.save(replace(given, owner="b"))
    assert await store.load("orders") is None


async def test_a_checkpoint_may_be_stored_where_nobody_ever_held_a_lease(kept: Documents) -> None:
    store = CollectionCheckpoints(kept)
    await store.save(checkpoint(1, fence=0))
    await store.save(checkpoint(2, fence=0))

    assert number_of(await store.load("orders")) == 2
    assert await store.acquire("orders", owner="a", duration=LONG) == 1


async def test_a_checkpoint_takes_the_place_of_the_one_it_is_to_replace_only(store: CollectionCheckpoints) -> None:
    await store.save(checkpoint(1))
    await store.save(checkpoint(2), replacing=checkpoint(1))

    with pytest.raises(CheckpointConflictError):
        await store.save(checkpoint(3), replacing=checkpoint(1))
    with pytest.raises(LeaseLostError):
        await store.save(checkpoint(3, owner="b"), replacing=checkpoint(2))
    assert number_of(await store.load("orders")) == 2


async def test_a_checkpoint_replaces_one_that_has_no_token_yet(store: CollectionCheckpoints) -> None:
    begun = replace(checkpoint(0), token=None)
    await store.save(begun)
    await store.save(checkpoint(1), replacing=begun)

    with pytest.raises(CheckpointConflictError):
        await store.save(checkpoint(2), replacing=begun)


async def test_a_checkpoint_is_stored_with_its_transaction_or_not_at_all(
    mongo_client: MongoClient, effects: Documents, store: CollectionCheckpoints
) -> None:
    await store.save(checkpoint(1))

    async with mongo_client.start_session() as session:
        await session.start_transaction()
        await effects.insert_one({"_id": 2}, session=session)
        await store.save(checkpoint(2), replacing=checkpoint(1), session=session)
        await session.abort()
    assert number_of(await store.load("orders")) == 1
    async with mongo_client.start_session() as session, session.transaction():
        await effects.insert_one({"_id": 2}, session=session)
        await store.save(checkpoint(2), replacing=checkpoint(1), session=session)

    assert number_of(await store.load("orders")) == 2
    assert await effects.count_documents() == 1


async def test_the_transaction_of_a_process_that_was_overtaken_before_it_began_does_not_commit(
    mongo_client: MongoClient, effects: Documents, store: CollectionCheckpoints
) -> None:
    await store.release("orders", owner="a", fence=1)
    await store.acquire("orders", owner="b", duration=LONG)

    async def handle(session: Session) -> None:
        await effects.insert_one({"_id": 1}, session=session)
        await store.save(checkpoint(1), session=session)

    with pytest.raises(LeaseLostError):
        await mongo_client.with_transaction(handle)
    assert await effects.count_documents() == 0


async def test_the_transaction_of_a_process_that_is_overtaken_meanwhile_does_not_commit(
    mongo_client: MongoClient, effects: Documents, store: CollectionCheckpoints
) -> None:
    attempts = 0

    async def handle(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await effects.insert_one({"_id": attempts}, session=session)
        if attempts == 1:
            await store.renew("orders", owner="a", fence=1, duration=SHORT)
            await taken_over(store, owner="b")
        await store.save(checkpoint(1), session=session)

    with pytest.raises(LeaseLostError):
        await mongo_client.with_transaction(handle, TransactionOptions(read_concern=ReadConcern.SNAPSHOT))
    assert await effects.count_documents() == 0
    assert await store.load("orders") is None


async def test_to_renew_a_lease_disturbs_no_transaction_under_way(
    mongo_client: MongoClient, effects: Documents, store: CollectionCheckpoints
) -> None:
    attempts = 0

    async def handle(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await effects.insert_one({"_id": attempts}, session=session)
        assert await store.renew("orders", owner="a", fence=1, duration=LONG)
        await store.save(checkpoint(1), session=session)
        assert await store.renew("orders", owner="a", fence=1, duration=LONG)

    await mongo_client.with_transaction(handle)

    assert attempts == 1


async def test_who_takes_over_waits_for_the_commit_of_the_one_before_and_sees_it(
    mongo_client: MongoClient, effects: Documents, store: CollectionCheckpoints
) -> None:
    async with mongo_client.start_session() as session:
        await session.start_transaction()
        await effects.insert_one({"_id": 1}, session=session)
        await store.save(checkpoint(1), session=session)
        await store.renew("orders", owner="a", fence=1, duration=-LONG)
        taking = asyncio.create_task(store.acquire("orders", owner="b", duration=LONG))
        leased = store.collection.find_one
        await eventually(lambda: leased({"_id": {"lease": "orders"}, "owner": "b"}))
        assert not taking.done()
        await session.commit()

    assert await taking == 2
    assert number_of(await store.load("orders")) == 1


async def test_of_many_that_come_at_once_one_holds_the_lease_at_a_time(kept: Documents) -> None:
    holders: set[str] = set()
    fences: list[int] = []
    contenders = 8

    async def contend(owner: str) -> None:
        store = CollectionCheckpoints(kept)
        for _ in range(3):
            fence: int = await eventually(lambda: store.acquire("orders", owner=owner, duration=LONG))
            assert not holders
            holders.add(owner)
            fences.append(fence)
            await store.save(checkpoint(len(fences), owner=owner, fence=fence))
            holders.remove(owner)
            await store.release("orders", owner=owner, fence=fence)

    await asyncio.gather(*(contend(f"process {number}") for number in range(contenders)))

    assert fences == list(range(1, 3 * contenders + 1))


async def test_the_first_acquisition_of_many_at_once_is_of_one(kept: Documents) -> None:
    store = CollectionCheckpoints(kept)
    for turn in range(5):
        taken = await asyncio.gather(
            *(store.acquire(f"orders/{turn}", owner=f"process {number}", duration=LONG) for number in range(8))
        )
        assert sorted(fence is None for fence in taken) == [False, *[True] * 7]


async def test_of_many_whose_leases_run_out_all_the_time_only_the_latest_ever_stores(kept: Documents) -> None:
    stored: list[tuple[int, int]] = []

    async def contend(owner: str) -> None:
        store = CollectionCheckpoints(kept)
        for step in range(4):
            fence: int = await eventually(
                lambda: store.acquire("orders", owner=owner, duration=timedelta(milliseconds=1))
            )
            found = number_of(await store.load("orders"))
            await asyncio.sleep(0.002 * step)
            try:
                await store.save(checkpoint(found + 1, owner=owner, fence=fence))
            except LeaseLostError:
                continue
            stored.append((fence, found + 1))

    await asyncio.gather(*(contend(f"process {number}") for number in range(6)))

    # Each went on from what was stored before it: nothing was stored over anything that it had not seen.
    assert [number for _, number in sorted(stored)] == list(range(len(stored)))


async def test_leases_live_by_the_servers_clock_alone(mongo_database: Database, store: CollectionCheckpoints) -> None:
    before = (await mongo_database.run_command({"hello": 1}))["localTime"]
    await store.renew("orders", owner="a", fence=1, duration=LONG)
    await store.join("orders", owner="a", duration=LONG)
    after = (await mongo_database.run_command({"hello": 1}))["localTime"]

    lease = await store.collection.find_one({"_id": {"lease": "orders"}})
    group = await store.collection.find_one({"_id": {"group": "orders"}})
    assert lease is not None
    assert group is not None
    for expires_at in (lease["expires_at"], group["members"][0]["expires_at"]):
        assert before + LONG <= expires_at <= after + LONG


async def test_a_lease_document_that_was_removed_costs_one_try_and_no_fence_comes_again(
    kept: Documents, store: CollectionCheckpoints
) -> None:
    assert await store.acquire("orders", owner="a", duration=LONG) == 2
    await kept.delete_one({"_id": {"lease": "orders"}})

    assert await store.acquire("orders", owner="b", duration=LONG) is None
    assert await store.acquire("orders", owner="b", duration=LONG) == 3


async def test_who_stalled_while_it_took_a_lease_does_not_have_it(
    kept: Documents, store: CollectionCheckpoints
) -> None:
    # The lease is b's and has run out before its fence reached the checkpoint; c has a greater one there by then.
    await kept.update_one({"_id": "orders"}, {"$set": {"owner": "c", "fence": 9}})
    await kept.update_one({"_id": {"lease": "orders"}}, {"$set": {"owner": "b", "expires_at": datetime.now(UTC)}})

    assert await store.acquire("orders", owner="b", duration=LONG) is None
    await store.save(checkpoint(1, owner="c", fence=9))


async def test_a_checkpoint_that_was_removed_is_begun_anew_by_who_takes_the_lease(
    kept: Documents, store: CollectionCheckpoints
) -> None:
    await store.save(checkpoint(1))
    await kept.delete_one({"_id": "orders"})

    with pytest.raises(LeaseLostError):
        await store.save(checkpoint(2))
    assert await store.acquire("orders", owner="a", duration=LONG) == 2
    assert await store.load("orders") is None


async def test_a_group_tells_its_members_in_one_order(store: CollectionCheckpoints) -> None:
    owners = ["b", "$c", "a", "b"]
    for owner in owners:
        await store.join("orders", owner=owner, duration=LONG)

    assert await store.join("orders", owner="a", duration=LONG) == ["$c", "a", "b"]
    assert await store.join("bills", owner="a", duration=LONG) == ["a"]


async def test_members_join_at_once_and_each_is_counted(store: CollectionCheckpoints) -> None:
    owners = [f"process {number}" for number in range(8)]
    counts = await asyncio.gather(*(store.join("orders", owner=owner, duration=LONG) for owner in owners))

    assert sorted(map(len, counts)) == list(range(1, 9))


async def test_who_leaves_or_says_nothing_more_is_no_member(store: CollectionCheckpoints) -> None:
    await store.join("orders", owner="a", duration=LONG)
    await store.join("orders", owner="b", duration=LONG)
    await store.join("orders", owner="c", duration=SHORT)
    await store.leave("orders", owner="b")
    await store.leave("orders", owner="nobody")
    await store.leave("nothing", owner="a")

    async def is_alone() -> bool:
        return await store.join("orders", owner="a", duration=LONG) == ["a"]

    assert await eventually(is_alone)


async def test_a_client_that_reads_times_without_a_zone_finds_the_same_checkpoint(
    mongo_client: MongoClient, store: CollectionCheckpoints, mongo_server: Any
) -> None:
    mine = replace(checkpoint(1), token=ResumeToken({"_data": "82"}), wall_time=datetime(2030, 1, 2, tzinfo=UTC))
    await store.save(mine)

    namespace = store.collection.namespace
    async with MongoClient.connect(mongo_server.uri, tz_aware=False) as client:
        other = CollectionCheckpoints(client.collection(namespace.database, namespace.collection))
        found = await other.load("orders")

    assert found is not None
    assert replace(found, updated_at=None) == mine
