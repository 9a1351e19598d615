"""The server is out of reach for a while or for good, or takes connections and never answers."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest

from llm_devops_mongodb import MongoClient, MongoConnectionError, MongoError, ServerSelectionError
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from tests.faults.attempts import Attempts
from tests.faults.operations import ADD_ONE, NEW, SEED, Things, contents
from tests.faults.proxy import Proxy

# PyMongo 4.20 drops a socket without closing it when a connection is given up while it is being made.


SELECTION = timedelta(milliseconds=700)
HEALTH_BUDGET = 5
SLACK = 3
"""How many times as long as it should something may take on a busy machine."""

Call = Callable[[Things], Awaitable[object]]

CALLS: list[Call] = [lambda things: things.find({}), lambda things: things.insert_one(NEW)]
ON_CALLS = pytest.mark.parametrize("call", CALLS, ids=["find", "insert_one"])


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what the driver dropped while its warnings are still ignored."""
    yield
    gc.collect()


@pytest.fixture
def settings(settings: ConfigSettings) -> ConfigSettings:
    """A client that soon gives up looking for a server."""
    return {**settings, "server_selection_timeout": SELECTION}


async def test_connections_that_were_reset_are_replaced(
    far_things: Things, stored: Things, proxy: Proxy, attempts: Attempts
) -> None:
    assert await far_things.find_by_id(1) == SEED[1]

    proxy.reset()
    await far_things.update_one({"_id": 1}, ADD_ONE)
    proxy.reset()
    assert await far_things.find_by_id(1) == {**SEED[1], "n": 1}

    assert await contents(stored) == [SEED[0], {**SEED[1], "n": 1}, *SEED[2:]]


async def test_operations_wait_for_a_server_that_comes_back(far_things: Things, stored: Things, proxy: Proxy) -> None:
    assert await far_things.find_by_id(1) == SEED[1]

    proxy.refuse()
    work = asyncio.gather(*(far_things.update_one({"_id": 1}, ADD_ONE) for _ in range(10)))
    await asyncio.wait((work,), timeout=SELECTION.total_seconds() / 3)
    assert not work.done()
    await proxy.heal()
    await work

    assert await stored.find_by_id(1) == {**SEED[1], "n": 10}


@ON_CALLS
async def test_a_server_that_is_gone_for_good_is_told_within_the_limit(
    call: Call, far_things: Things, stored: Things, proxy: Proxy
) -> None:
    assert await far_things.find_by_id(1) == SEED[1]
    proxy.refuse()
    with pytest.raises(MongoConnectionError):
        await call(far_things)

    started = time.monotonic()
    with pytest.raises(ServerSelectionError) as caught:
        await call(far_things)

    assert 0.9 * SELECTION.total_seconds() < time.monotonic() - started < SLACK * SELECTION.total_seconds()
    assert caught.value.timeout == SELECTION
    assert caught.value.is_timeout
    assert caught.value.is_retryable
    assert caught.value.outcome in {None, "not_applied"}
    assert await contents(stored) == SEED


async def test_a_client_goes_on_when_the_server_is_back(far_things: Things, proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(MongoConnectionError):
        await far_things.find({})

    await proxy.heal()

    assert await contents(far_things) == SEED


async def test_connecting_to_a_server_that_is_gone_is_told_within_the_limit(
    proxy: Proxy, settings: ConfigSettings
) -> None:
    proxy.refuse()

    started = time.monotonic()
    with pytest.raises(ServerSelectionError) as caught:
        await MongoClient.connect(proxy.uri, **settings)

    assert time.monotonic() - started < SLACK * SELECTION.total_seconds()
    assert caught.value.timeout == SELECTION


async def test_the_health_of_a_server_that_is_gone_is_told_and_not_raised(
    far_client: MongoClient, proxy: Proxy
) -> None:
    assert (await far_client.health_check()).healthy

    for break_it in (proxy.refuse, proxy.swallow):
        break_it()
        started = time.monotonic()
        status = await far_client.health_check()

        assert not status.healthy
        assert status.error
        assert time.monotonic() - started < HEALTH_BUDGET

    await proxy.heal()
    async with asyncio.timeout(10):
        while not (await far_client.health_check()).healthy:
            pass


async def test_connecting_to_a_server_that_never_answers_is_told_within_the_limit(
    proxy: Proxy, settings: ConfigSettings
) -> None:
    proxy.swallow()

    started = time.monotonic()
    with pytest.raises(MongoConnectionError):
        await MongoClient.connect(proxy.uri, **settings)

    # The driver's limit of a connection ends before ours of the selection, and names the cause.
    assert time.monotonic() - started < SLACK * SELECTION.total_seconds()


@ON_CALLS
async def test_a_server_that_stops_answering_is_told_and_does_not_hang(
    call: Call, far_things: Things, stored: Things, proxy: Proxy, settings: ConfigSettings
) -> None:
    assert await far_things.find_by_id(1) == SEED[1]
    # It is noticed by a look at the server, which begins every half second and takes a second at most; what was under
    # way is then tried once more.
    limit = 0.5 + 1 + SELECTION.total_seconds()

    proxy.swallow()
    started = time.monotonic()
    with pytest.raises(MongoError) as caught:
        await call(far_things)

    assert time.monotonic() - started < SLACK * limit
    assert isinstance(caught.value, MongoConnectionError)
    assert caught.value.outcome in {None, "unknown"}
    assert await contents(stored) == SEED
    await proxy.heal()
    assert await contents(far_things) == SEED


async def test_a_slow_server_is_waited_for(far_things: Things, proxy: Proxy, attempts: Attempts) -> None:
    proxy.delay = 0.1

    assert await contents(far_things) == SEED

    assert attempts.of("find") == 1
