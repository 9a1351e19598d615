"""The server does what it was asked, and its reply never arrives whole."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect

from llm_devops_mongodb import MongoConnectionError
from tests.faults.attempts import Attempts
from tests.faults.operations import MANY_WRITES, READS, SEED, WAYS_TO_WRITE, Operation, Sides, Things, contents
from tests.faults.proxy import Proxy, ReplyFault

FIND = next(operation for operation in READS if operation.method == "find")
INSERT = WAYS_TO_WRITE[0]


@pytest.mark.parametrize("operation", [FIND, *WAYS_TO_WRITE], ids=str)
async def test_an_operation_whose_reply_is_lost_is_sent_again_and_done_once(
    operation: Operation, far: Sides, proxy: Proxy, attempts: Attempts
) -> None:
    expected = await operation.call(far.twin)
    proxy.break_replies(operation.command, ReplyFault.SWALLOWED)

    assert await operation.call(far.things) == expected

    assert attempts.of(operation.command) == 2
    assert await contents(far.stored) == await contents(far.twin)


@pytest.mark.parametrize("operation", [FIND, INSERT], ids=str)
async def test_an_operation_whose_reply_is_cut_is_sent_again_and_done_once(
    operation: Operation, far: Sides, proxy: Proxy, attempts: Attempts
) -> None:
    expected = await operation.call(far.twin)
    proxy.break_replies(operation.command, ReplyFault.CUT)

    assert await operation.call(far.things) == expected

    assert attempts.of(operation.command) == 2
    assert await contents(far.stored) == await contents(far.twin)


@pytest.mark.parametrize("fault", [ReplyFault.SWALLOWED, ReplyFault.CUT], ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("operation", MANY_WRITES, ids=str)
async def test_a_write_of_many_whose_reply_is_lost_is_done_once_and_its_outcome_unknown(
    operation: Operation, fault: ReplyFault, far: Sides, proxy: Proxy, attempts: Attempts
) -> None:
    await operation.call(far.twin)
    proxy.break_replies(operation.command, fault)

    with pytest.raises(MongoConnectionError) as caught:
        await operation.call(far.things)

    assert caught.value.outcome == "unknown"
    assert not caught.value.is_retryable
    assert isinstance(caught.value.__cause__, AutoReconnect)
    assert attempts.of(operation.command) == 1
    assert await contents(far.stored) == await contents(far.twin)


@pytest.mark.parametrize("operation", WAYS_TO_WRITE, ids=str)
async def test_a_write_whose_reply_is_lost_twice_is_done_once_and_its_outcome_unknown(
    operation: Operation, far: Sides, proxy: Proxy, attempts: Attempts
) -> None:
    await operation.call(far.twin)
    proxy.break_replies(operation.command, ReplyFault.SWALLOWED, ReplyFault.SWALLOWED)

    with pytest.raises(MongoConnectionError) as caught:
        await operation.call(far.things)

    assert caught.value.outcome == "unknown"
    assert attempts.of(operation.command) == 2
    assert await contents(far.stored) == await contents(far.twin)


async def test_a_read_whose_reply_is_lost_twice_fails(far_things: Things, proxy: Proxy, attempts: Attempts) -> None:
    proxy.break_replies("find", ReplyFault.CUT, ReplyFault.CUT)

    with pytest.raises(MongoConnectionError) as caught:
        await far_things.find({})

    assert caught.value.outcome is None
    assert attempts.of("find") == 2
    assert await contents(far_things) == SEED
