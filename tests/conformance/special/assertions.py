"""Assertions about sessions, collections and indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.client_session import _TxnState

from tests.conformance.context import Context
from tests.conformance.entities import ClientEntity, SessionEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.set_aside import TRANSACTION_STATE
from tests.conformance.verdicts import MismatchError

_STATES = ("none", "starting", "in_progress", "committed", "aborted")
_OPEN = frozenset({"starting", "in_progress"})


async def assert_session_transaction_state(context: Context, given: Arguments) -> None:
    entity, expected = _session(context, given), given.require("state")
    given.check_all_taken("assertSessionTransactionState")
    if context.is_replay:
        context.set_aside.add(TRANSACTION_STATE)
    else:
        # The driver has a state of its own for a commit that had nothing to send; the format means the other.
        states = {getattr(_TxnState, name.upper()): name for name in _STATES}
        found = states.get(entity.live._transaction.state)
        _assert(found == expected, f"the transaction is {found}, expected {expected}")
    is_open = entity.session.in_transaction
    _assert(is_open is (expected in _OPEN), f"in_transaction is {is_open}, expected a transaction that is {expected}")


async def assert_session_pinned(context: Context, given: Arguments) -> None:
    _assert(_session(context, given).live._pinned_address is not None, "the session is not pinned")


async def assert_session_unpinned(context: Context, given: Arguments) -> None:
    _assert(_session(context, given).live._pinned_address is None, "the session is pinned")


async def assert_session_dirty(context: Context, given: Arguments) -> None:
    _assert(_session(context, given).live._server_session.dirty, "the session is not dirty")


async def assert_session_not_dirty(context: Context, given: Arguments) -> None:
    _assert(not _session(context, given).live._server_session.dirty, "the session is dirty")


async def assert_same_lsid(context: Context, given: Arguments) -> None:
    first, second = _last_two_lsids(context, given)
    _assert(first == second, "the last two commands were sent in different sessions")


async def assert_different_lsid(context: Context, given: Arguments) -> None:
    first, second = _last_two_lsids(context, given)
    _assert(first != second, "the last two commands were sent in the same session")


async def assert_collection_exists(context: Context, given: Arguments) -> None:
    _assert(await _has_collection(context, given), "the collection is not there")


async def assert_collection_not_exists(context: Context, given: Arguments) -> None:
    _assert(not await _has_collection(context, given), "the collection is there")


async def assert_index_exists(context: Context, given: Arguments) -> None:
    _assert(await _has_index(context, given), "the index is not there")


async def assert_index_not_exists(context: Context, given: Arguments) -> None:
    _assert(not await _has_index(context, given), "the index is there")


def _assert(holds: bool, otherwise: str) -> None:
    if not holds:
        raise MismatchError(otherwise)


def _session(context: Context, given: Arguments) -> SessionEntity:
    return context.entities.get(given.require("session"), SessionEntity)


def _last_two_lsids(context: Context, given: Arguments) -> tuple[Any, Any]:
    recorder = context.entities.get(given.require("client"), ClientEntity).recorder
    commands = [event.fields["command"] for event in recorder.events if event.name == "commandStartedEvent"][-2:]
    lsids = [command["lsid"] for command in commands if "lsid" in command]
    if len(lsids) != 2:
        raise MismatchError("fewer than two commands with a session were sent last")
    return lsids[0], lsids[1]


async def _has_collection(context: Context, given: Arguments) -> bool:
    names = await context.server.deployment.collection_names(given.require("databaseName"))
    return given.require("collectionName") in names


async def _has_index(context: Context, given: Arguments) -> bool:
    database, collection = given.require("databaseName"), given.require("collectionName")
    return given.require("indexName") in await context.server.deployment.index_names(database, collection)


OPERATIONS: Mapping[str, Any] = {
    "assertSessionTransactionState": assert_session_transaction_state,
    "assertSessionPinned": assert_session_pinned,
    "assertSessionUnpinned": assert_session_unpinned,
    "assertSessionDirty": assert_session_dirty,
    "assertSessionNotDirty": assert_session_not_dirty,
    "assertSameLsidOnLastTwoCommands": assert_same_lsid,
    "assertDifferentLsidOnLastTwoCommands": assert_different_lsid,
    "assertCollectionExists": assert_collection_exists,
    "assertCollectionNotExists": assert_collection_not_exists,
    "assertIndexExists": assert_index_exists,
    "assertIndexNotExists": assert_index_not_exists,
}
