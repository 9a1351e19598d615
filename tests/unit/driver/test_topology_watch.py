from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from pymongo.errors import AutoReconnect, NetworkTimeout, OperationFailure
from pymongo.monitoring import TopologyClosedEvent, TopologyListener, TopologyOpenedEvent

from llm_devops_mongodb.transports.driver.topology_watch import TopologyWatch, is_lasting, is_tls_failure

REFUSED = OperationFailure("Authentication failed.", 18)
NO_TRUST = AutoReconnect("h:1: SSL handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
UNREACHABLE = AutoReconnect("h:1: [Errno 111] Connection refused")


def change(*errors):
    """The event of a topology whose servers have these errors."""
    servers = {("h", number): SimpleNamespace(error=error) for number, error in enumerate(errors)}
    return SimpleNamespace(new_description=SimpleNamespace(server_descriptions=lambda: servers))


async def test_a_fault_of_every_server_that_lasts_is_told():
    watch = TopologyWatch()
    watch.description_changed(change(REFUSED))
    assert watch.fault.result() is REFUSED


async def test_the_first_of_several_faults_is_told():
    watch = TopologyWatch()
    watch.description_changed(change(NO_TRUST, REFUSED))
    assert watch.fault.result() is NO_TRUST


@pytest.mark.parametrize("errors", [(), (None,), (UNREACHABLE,), (REFUSED, None), (REFUSED, UNREACHABLE)])
async def test_nothing_is_told_while_a_server_may_still_answer(errors):
    watch = TopologyWatch()
    watch.description_changed(change(*errors))
    assert not watch.fault.done()


async def test_a_fault_is_told_once():
    watch = TopologyWatch()
    watch.description_changed(change(REFUSED))
    watch.description_changed(change(NO_TRUST))
    assert watch.fault.result() is REFUSED


async def test_a_fault_after_waiting_was_given_up_is_passed_over():
    watch = TopologyWatch()
    watch.fault.cancel()
    watch.description_changed(change(REFUSED))
    assert watch.fault.cancelled()


async def test_the_fault_wakes_who_waits_for_it():
    watch = TopologyWatch()
    asyncio.get_running_loop().call_soon(watch.description_changed, change(REFUSED))
    assert await watch.fault is REFUSED


async def test_opening_and_closing_tell_nothing():
    watch = TopologyWatch()
    watch.opened(TopologyOpenedEvent("id"))
    watch.closed(TopologyClosedEvent("id"))
    assert not watch.fault.done()
    assert isinstance(watch, TopologyListener)


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (None, False),
        (REFUSED, True),
        (NO_TRUST, True),
        (UNREACHABLE, False),
        (OperationFailure("not authorized", 13), False),
        (NetworkTimeout("timed out"), False),
        (AutoReconnect("connection closed"), False),
    ],
)
def test_refused_credentials_and_failed_handshakes_last(error, lasting):
    assert is_lasting(error) is lasting


@pytest.mark.parametrize(
    ("text", "is_failure"),
    [
        ("SSL handshake failed: h:1: EOF", True),
        ("CERTIFICATE_VERIFY_FAILED", True),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", True),
        ("connection closed", False),
    ],
)
def test_a_tls_failure_is_known_by_the_drivers_text(text, is_failure):
    assert is_tls_failure(text) is is_failure
