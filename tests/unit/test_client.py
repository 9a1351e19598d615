"""The client over a transport that answers from a script, and what `connect` refuses without a server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import bson
import pytest
from bson import ObjectId

from llm_devops_mongodb import (
    ConfigError,
    HealthStatus,
    InvalidDocumentError,
    MongoClient,
    MongoConfig,
    MongoConnectionError,
    MongoCredentials,
    MongoError,
    RetryPolicy,
    ServerSelectionError,
    Session,
    SimulationError,
    TransactionError,
    TransactionOptions,
    WriteConcern,
    WriteError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.replies import DoneReply, HealthReply, InsertReply
from tests.stub_transport import Answer, StubTransport

# Nothing listens on this port; connecting to it is refused at once.
NOBODY = "mongodb://127.0.0.1:9/?directConnection=true"
TRANSIENT = WriteError("conflict", labels=["TransientTransactionError"])


def client_on(*answers: Answer, uri: str = "mongodb://localhost", **settings: Any) -> tuple[StubTransport, MongoClient]:
    transport = StubTransport(*answers)
    return transport, MongoClient(MongoConfig(uri=uri, **settings), transport)


class Clock:
    """Time that passes only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    async def pause(self, seconds: float) -> None:
        self.now += seconds

    def policy(self, limit: float) -> RetryPolicy:
        return RetryPolicy(limit=timedelta(seconds=limit), clock=lambda: self.now, jitter=lambda: 1.0, pause=self.pause)


# Handles


def test_a_client_tells_its_configuration() -> None:
    config = MongoConfig(uri="mongodb://localhost/shop")
    assert MongoClient(config, StubTransport(DoneReply())).config is config


def test_a_database_is_refused_by_its_name() -> None:
    _, client = client_on(DoneReply())
    with pytest.raises(InvalidDocumentError):
        client.database("a.b")
    with pytest.raises(InvalidDocumentError):
        client.collection("a.b", "users")
    with pytest.raises(InvalidDocumentError):
        client.collection("shop", "")


@pytest.mark.parametrize(
    ("uri", "settings"),
    [
        ("mongodb://localhost/shop", {}),
        ("mongodb://localhost", {"default_database": "shop"}),
        ("mongodb://localhost/other", {"default_database": "shop"}),
    ],
)
def test_the_default_database_is_the_configured_one(uri: str, settings: dict[str, Any]) -> None:
    _, client = client_on(DoneReply(), uri=uri, **settings)
    assert client.default_database().name == "shop"


def test_without_a_default_database_the_field_is_named() -> None:
    _, client = client_on(DoneReply())
    with pytest.raises(ConfigError) as caught:
        client.default_database()
    assert caught.value.field == "default_database"


def test_a_client_without_a_driver_says_so() -> None:
    _, client = client_on(DoneReply())
    with pytest.raises(SimulationError, match="no driver"):
        _ = client.driver


def test_the_driver_is_the_way_out() -> None:
    driver: Any = object()
    config = MongoConfig(uri="mongodb://localhost")
    assert MongoClient(config, StubTransport(DoneReply()), driver=driver).driver is driver


async def test_new_ids_are_injected() -> None:
    numbers = iter(range(1, 10))
    transport = StubTransport(InsertReply(acknowledged=True))
    client = MongoClient(
        MongoConfig(uri="mongodb://localhost"), transport, new_id=lambda: ObjectId(f"{next(numbers):024x}")
    )
    users = client.collection("shop", "users")

    one = await users.insert_one({"a": 1})
    many = await users.insert_many([{"a": 1}, {"a": 2, "_id": "own"}, {"a": 3}])

    assert str(one.inserted_id) == f"{1:024x}"
    assert [str(each) for each in many.inserted_ids.values()] == [f"{2:024x}", "own", f"{3:024x}"]
    assert bson.decode(transport.operations[1].documents[2])["_id"] == ObjectId(f"{3:024x}")


async def test_values_are_written_as_the_configuration_says() -> None:
    naive, _ = client_on(InsertReply(acknowledged=True), tz_aware=False)
    client = MongoClient(MongoConfig(uri="mongodb://localhost", tz_aware=False), naive)
    assert client._access.bson.tz_aware is False
    legacy = MongoClient(MongoConfig(uri="mongodb://localhost", uuid_representation="pythonLegacy"), naive)
    assert legacy._access.bson.uuid_representation == "pythonLegacy"


# Sessions


async def test_sessions_are_numbered_and_send_nothing_before_their_first_operation() -> None:
    transport, client = client_on(DoneReply())
    sessions = [client.start_session(), client.start_session(snapshot=True), client.start_session()]
    assert [session.ref_for(transport) for session in sessions] == [
        op.SessionRef(1),
        op.SessionRef(2, snapshot=True),
        op.SessionRef(3),
    ]
    assert transport.operations == []
    _, other = client_on(DoneReply())
    assert repr(other.start_session()).startswith("Session(1,")


async def test_a_session_is_ended_by_its_block() -> None:
    transport, client = client_on(DoneReply())
    with pytest.raises(ZeroDivisionError):
        async with client.start_session(causal_consistency=False):
            raise ZeroDivisionError
    assert transport.operations == [op.EndSession(op.SessionRef(1, causal_consistency=False))]


def test_a_snapshot_session_cannot_be_causally_consistent() -> None:
    _, client = client_on(DoneReply())
    with pytest.raises(TransactionError, match="snapshot"):
        client.start_session(causal_consistency=True, snapshot=True)
    assert client.start_session(causal_consistency=False, snapshot=True)


async def test_a_transaction_runs_in_a_session_of_its_own_and_gives_the_callback_s_result() -> None:
    transport, client = client_on(DoneReply())
    options = TransactionOptions(write_concern=WriteConcern(w=1))

    async def callback(session: Session) -> str:
        assert session.in_transaction
        return "done"

    assert await client.with_transaction(callback, options) == "done"
    ref = op.SessionRef(1)
    assert transport.operations == [
        op.StartTransaction(ref, options),
        op.CommitTransaction(ref),
        op.EndSession(ref),
    ]


async def test_a_failing_transaction_is_aborted_and_its_session_ended() -> None:
    transport, client = client_on(DoneReply())

    async def callback(_: Session) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await client.with_transaction(callback)
    assert [type(operation) for operation in transport.operations] == [
        op.StartTransaction,
        op.AbortTransaction,
        op.EndSession,
    ]


@pytest.mark.parametrize(("limit", "attempts"), [(0.004, 1), (0.006, 2), (0.012, 2), (0.013, 3)])
async def test_no_attempt_begins_after_the_client_s_limit_pause_included(limit: float, attempts: int) -> None:
    clock, calls = Clock(), 0
    client = MongoClient(MongoConfig(uri="mongodb://localhost"), StubTransport(DoneReply()), retry=clock.policy(limit))

    async def callback(_: Session) -> None:
        nonlocal calls
        calls += 1
        raise TRANSIENT

    # The pauses are 5, 7.5 and 11.25 ms.
    with pytest.raises(WriteError) as caught:
        await client.with_transaction(callback)
    assert caught.value is TRANSIENT
    assert calls == attempts
    assert clock.now < limit


# Health


async def test_health_is_what_the_transport_tells() -> None:
    status = HealthStatus(healthy=True, latency=timedelta(milliseconds=2), server_version="6.0.5")
    transport, client = client_on(HealthReply(status))
    assert await client.health_check() is status
    assert transport.operations == [op.CheckHealth()]


@pytest.mark.parametrize("failure", [MongoConnectionError("gone"), MongoError("no"), DoneReply()], ids=repr)
async def test_a_health_check_never_raises(failure: Answer) -> None:
    _, client = client_on(failure)
    status = await client.health_check()
    assert not status.healthy
    assert status.error


# Opening and closing


async def test_close_closes_the_transport_and_may_be_repeated() -> None:
    transport, client = client_on(DoneReply())
    await client.close()
    await client.close()
    assert transport.closed == 2


async def test_the_block_closes_the_client() -> None:
    transport, client = client_on(DoneReply())

    async def fail() -> None:
        async with client as inner:
            assert inner is client
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert transport.closed == 1


def test_connect_checks_the_configuration_before_anything_is_awaited() -> None:
    with pytest.raises(ConfigError) as caught:
        MongoClient.connect("http://localhost", max_pool_size=0)
    assert {fault.field for fault in caught.value.faults} == {"uri", "max_pool_size"}


def test_overrides_are_checked_on_a_configuration_too() -> None:
    with pytest.raises(ConfigError):
        MongoClient.connect(MongoConfig(uri="mongodb://localhost"), min_pool_size=-1)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_URI", "mongodb://localhost/shop")
    monkeypatch.setenv("APP_MAX_POOL_SIZE", "7")
    connecting = MongoClient.from_env("APP_")
    assert connecting._config.max_pool_size == 7
    monkeypatch.delenv("APP_URI")
    with pytest.raises(ConfigError):
        MongoClient.from_env("APP_")


async def test_a_replay_without_a_recording_is_refused() -> None:
    with pytest.raises(ConfigError, match="simulation_path"):
        await MongoClient.connect(NOBODY, simulation_mode="replay")


async def test_awaiting_raises_where_nobody_answers() -> None:
    limit = timedelta(milliseconds=200)
    with pytest.raises(ServerSelectionError) as caught:
        await MongoClient.connect(NOBODY, server_selection_timeout=limit)
    assert caught.value.timeout == limit


async def test_the_block_is_not_entered_where_nobody_answers() -> None:
    connecting = MongoClient.connect(MongoConfig(uri=NOBODY), server_selection_timeout="200ms")
    with pytest.raises(ServerSelectionError):
        async with connecting:
            pytest.fail("nothing answered")


class Failing:
    """Gives no credentials, but an error."""

    async def get_credentials(self) -> MongoCredentials | None:
        raise ZeroDivisionError

    async def refresh(self) -> None: ...


async def test_credentials_are_asked_for_when_connecting() -> None:
    connecting = MongoClient.connect(NOBODY, credentials=Failing())
    with pytest.raises(ZeroDivisionError):
        await connecting


# Misuse of sessions, which no server needs to see


async def test_a_transaction_s_block_commits_or_aborts() -> None:
    transport, client = client_on(DoneReply())
    session = client.start_session()

    async def fail() -> None:
        async with session.transaction():
            raise ZeroDivisionError

    async with session.transaction() as inner:
        assert inner is session
    with pytest.raises(ZeroDivisionError):
        await fail()
    async with session.transaction():
        await session.abort()

    assert [type(operation).__name__.removesuffix("Transaction") for operation in transport.operations] == [
        *("Start", "Commit"),
        *("Start", "Abort"),
        *("Start", "Abort"),
    ]


async def test_a_transaction_is_not_started_within_another() -> None:
    transport, client = client_on(DoneReply())
    session = client.start_session()
    await session.start_transaction()
    with pytest.raises(TransactionError, match="no nested transactions"):
        await session.start_transaction()
    assert len(transport.operations) == 1


async def test_there_must_be_a_transaction_to_commit_or_abort() -> None:
    transport, client = client_on(DoneReply())
    session = client.start_session()
    with pytest.raises(TransactionError, match="no transaction started"):
        await session.commit()
    with pytest.raises(TransactionError, match="no transaction started"):
        await session.abort()
    await session.start_transaction()
    await session.commit()
    with pytest.raises(TransactionError, match="after calling commitTransaction"):
        await session.abort()
    assert len(transport.operations) == 2


async def test_a_commit_may_be_called_again() -> None:
    transport, client = client_on(DoneReply(), MongoError("cut"), DoneReply())
    session = client.start_session()
    await session.start_transaction()
    with pytest.raises(MongoError):
        await session.commit()
    await session.commit()
    assert transport.operations[1:] == [op.CommitTransaction(op.SessionRef(1))] * 2


async def test_a_callback_may_end_its_transaction_itself() -> None:
    transport, client = client_on(DoneReply())

    async def callback(session: Session) -> int:
        await session.abort()
        return 3

    assert await client.with_transaction(callback) == 3
    assert not any(isinstance(operation, op.CommitTransaction) for operation in transport.operations)


async def test_an_ended_session_serves_nothing_more_and_may_be_ended_again() -> None:
    transport, client = client_on(DoneReply())
    session = client.start_session()
    await session.end()
    await session.end()
    with pytest.raises(TransactionError, match="has ended"):
        await session.start_transaction()
    assert transport.operations == [op.EndSession(op.SessionRef(1))]
