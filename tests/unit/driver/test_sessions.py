from __future__ import annotations

from datetime import timedelta

import pytest
from pymongo.errors import AutoReconnect

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.errors import TransactionError
from llm_devops_mongodb.options import TransactionOptions
from llm_devops_mongodb.transports.driver.concerns import Concerns
from llm_devops_mongodb.transports.driver.sessions import LiveSessions

ONE, TWO = op.SessionRef(1), op.SessionRef(2)


class Session:
    """A driver's session that remembers what it was told."""

    def __init__(self, options):
        self.options = options
        self.in_transaction = False
        self.calls = []
        self.failure = None

    async def start_transaction(self, **options):
        self.calls.append(("start", options))

    async def commit_transaction(self):
        self.calls.append("commit")
        if self.failure is not None:
            raise self.failure

    async def abort_transaction(self):
        self.calls.append("abort")

    async def end_session(self):
        self.calls.append("end")


class Client:
    def __init__(self):
        self.sessions = []

    def start_session(self, **options):
        self.sessions.append(Session(options))
        return self.sessions[-1]


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def sessions(client):
    return LiveSessions(client, Concerns())


def test_no_session_lends_none(client, sessions):
    with sessions.lent(None) as session, sessions.lent(None) as another:
        assert (session, another) == (None, None)
    assert client.sessions == []


def test_a_session_begins_when_it_is_first_used_and_stays_the_same(client, sessions):
    with sessions.lent(ONE) as first:
        pass
    with sessions.lent(op.SessionRef(1)) as second, sessions.lent(TWO) as other:
        assert second is first
        assert other is not first
    assert len(client.sessions) == 2


@pytest.mark.parametrize("ref", [op.SessionRef(1, causal_consistency=False), op.SessionRef(1, snapshot=True)])
def test_a_session_begins_as_its_value_says(client, sessions, ref):
    with sessions.lent(ref):
        assert client.sessions[0].options == {
            "causal_consistency": ref.causal_consistency,
            "snapshot": ref.snapshot,
        }


def test_a_session_serves_one_operation_at_a_time(sessions):
    with sessions.lent(ONE), pytest.raises(TransactionError, match="two operations at once"), sessions.lent(ONE):
        pass
    with sessions.lent(ONE):
        pass


def test_a_session_is_free_again_after_a_failure(sessions):
    with pytest.raises(AutoReconnect), sessions.lent(ONE):
        raise AutoReconnect("cut")
    with sessions.lent(ONE):
        pass


async def test_a_session_in_use_cannot_be_committed(sessions):
    with sessions.lent(ONE), pytest.raises(TransactionError):
        await sessions.handle(op.CommitTransaction(ONE))


async def test_a_transaction_begins_with_its_options_as_the_drivers(client, sessions):
    options = TransactionOptions(
        read_concern=ReadConcern.SNAPSHOT,
        write_concern=WriteConcern(w="majority"),
        read_preference=ReadPreference.PRIMARY,
        max_commit_time=timedelta(microseconds=2500),
    )
    await sessions.handle(op.StartTransaction(ONE, options))
    name, given = client.sessions[0].calls[0]
    assert name == "start"
    assert given["read_concern"].document == {"level": "snapshot"}
    assert given["write_concern"].document == {"w": "majority"}
    assert given["read_preference"].document == {"mode": "primary"}
    assert given["max_commit_time_ms"] == 3


async def test_options_that_are_not_given_are_left_to_the_client(client, sessions):
    await sessions.handle(op.StartTransaction(ONE, TransactionOptions()))
    assert set(client.sessions[0].calls[0][1].values()) == {None}


async def test_a_transaction_is_committed_or_aborted_and_its_session_ended_once(client, sessions):
    await sessions.handle(op.StartTransaction(ONE, TransactionOptions()))
    await sessions.handle(op.CommitTransaction(ONE))
    await sessions.handle(op.AbortTransaction(ONE))
    await sessions.handle(op.EndSession(ONE))
    await sessions.handle(op.EndSession(ONE))
    assert client.sessions[0].calls[1:] == ["commit", "abort", "end"]
    assert len(client.sessions) == 1


async def test_ending_a_session_that_was_never_used_begins_none(client, sessions):
    await sessions.handle(op.EndSession(ONE))
    assert client.sessions == []


async def test_a_failing_commit_passes_and_frees_the_session(client, sessions):
    with sessions.lent(ONE) as session:
        session.failure = AutoReconnect("cut")
    with pytest.raises(AutoReconnect):
        await sessions.handle(op.CommitTransaction(ONE))
    await sessions.handle(op.AbortTransaction(ONE))


async def test_closing_ends_every_session(client, sessions):
    for ref in (ONE, TWO):
        with sessions.lent(ref):
            pass
    await sessions.aclose()
    await sessions.aclose()
    assert [session.calls for session in client.sessions] == [["end"], ["end"]]
