from __future__ import annotations

from datetime import timedelta

import bson
import pytest
from bson.binary import UuidRepresentation
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.transports.driver.collections import Collections, RawReply
from llm_devops_mongodb.transports.driver.concerns import Concerns

USERS = Namespace("app", "users")


class Database:
    def __init__(self, name, settings):
        self.name = name
        self.settings = settings

    def get_collection(self, name):
        return object()


class Client:
    """Remembers what it was asked for."""

    def __init__(self):
        self.databases = []

    def get_database(self, name, **settings):
        self.databases.append(Database(name, settings))
        return self.databases[-1]


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def collections(client):
    return Collections(client, Concerns(), uuid_representation=UuidRepresentation.STANDARD)


def test_a_collection_is_made_once_for_each_namespace_and_settings(client, collections):
    made = collections.of(USERS, Settings())
    assert collections.of(Namespace("app", "users"), Settings()) is made
    assert collections.of(USERS, Settings(read_concern=ReadConcern.MAJORITY)) is not made
    assert len(client.databases) == 2


def test_the_memory_of_collections_is_bounded(client, collections):
    for number in range(1024):
        collections.of(Namespace("app", f"c{number}"), Settings())
    first = collections.of(Namespace("app", "c0"), Settings())
    collections.of(Namespace("app", "one more"), Settings())
    assert collections.of(Namespace("app", "c0"), Settings()) is not first


def test_settings_that_are_not_given_are_left_to_the_client(client, collections):
    collections.of(USERS, Settings())
    settings = client.databases[0].settings
    assert (settings["read_preference"], settings["read_concern"], settings["write_concern"]) == (None, None, None)


def test_settings_become_the_drivers(client, collections):
    collections.of(
        USERS,
        Settings(
            read_preference=ReadPreference.tagged(
                [{"dc": "east"}, {}], mode="secondary", max_staleness=timedelta(minutes=2)
            ),
            read_concern=ReadConcern.MAJORITY,
            write_concern=WriteConcern(w=2, journal=True, timeout=timedelta(microseconds=1500)),
        ),
    )
    settings = client.databases[0].settings
    assert settings["read_preference"].document == {
        "mode": "secondary",
        "tags": [{"dc": "east"}, {}],
        "maxStalenessSeconds": 120,
    }
    assert settings["read_concern"].document == {"level": "majority"}
    assert settings["write_concern"].document == {"w": 2, "j": True, "wtimeout": 2}


def test_the_plainest_settings_become_the_drivers(client, collections):
    collections.of(USERS, Settings(read_preference=ReadPreference.PRIMARY, write_concern=WriteConcern(w="majority")))
    settings = client.databases[0].settings
    assert settings["read_preference"].document == {"mode": "primary"}
    assert settings["write_concern"].document == {"w": "majority"}


def test_documents_stay_raw_and_their_dates_whole(collections):
    raw = bson.encode({"at": bson.DatetimeMS(2**60), "in": {"a": 1}})
    document = bson.decode(raw, collections.codec_options)
    assert isinstance(document, RawReply)
    assert isinstance(document["in"], RawBSONDocument)
    assert document.raw == raw
    assert document["at"] == bson.DatetimeMS(2**60)


def test_the_driver_may_add_its_labels_to_a_raw_reply():
    reply = RawReply(bson.encode({"code": 91, "errmsg": "no"}))
    reply.update({"errorLabels": ["RetryableWriteError"]})
    assert dict(reply) == {"code": 91, "errmsg": "no", "errorLabels": ["RetryableWriteError"]}
    assert bson.decode(reply.raw) == dict(reply)
