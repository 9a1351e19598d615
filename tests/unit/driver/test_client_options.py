from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.config import MongoConfig, TlsConfig
from llm_devops_mongodb.security.credentials import AuthMechanism, MongoCredentials
from llm_devops_mongodb.security.secrets import SecretString
from llm_devops_mongodb.transports.driver.client_options import client_options


def config_of(**settings):
    return MongoConfig(uri="mongodb://localhost", **settings)


def options_of(*, credentials=None, certificate_key_file=None, **settings):
    return client_options(config_of(**settings), credentials=credentials, certificate_key_file=certificate_key_file)


async def client_of(options):
    """The driver's client, which checks its options and sends nothing."""
    client = AsyncMongoClient("mongodb://localhost", connect=False, **options)
    await client.close()
    return client


async def test_the_defaults_are_the_configurations_and_the_driver_takes_them():
    options = options_of()
    assert options == {
        "minPoolSize": 5,
        "maxPoolSize": 100,
        "connectTimeoutMS": 10_000,
        "serverSelectionTimeoutMS": 30_000,
        "waitQueueTimeoutMS": 10_000,
        "retryReads": True,
        "retryWrites": True,
        "tls": False,
    }
    await client_of(options)


async def test_limits_and_names_become_the_drivers():
    options = options_of(
        min_pool_size=1,
        max_pool_size=3,
        connect_timeout=timedelta(seconds=1),
        server_selection_timeout=timedelta(seconds=2),
        wait_queue_timeout=timedelta(seconds=3),
        heartbeat_frequency=timedelta(seconds=4),
        timeout=timedelta(seconds=5),
        retry_reads=False,
        retry_writes=False,
        compressors=["zlib"],
        app_name="billing",
    )
    client = await client_of(options)
    assert (client.options.pool_options.min_pool_size, client.options.pool_options.max_pool_size) == (1, 3)
    assert client.options.pool_options.connect_timeout == 1
    assert client.options.pool_options.wait_queue_timeout == 3
    assert client.options.server_selection_timeout == 2
    # Each operation is given it, so that one may have none.
    assert client.options.timeout is None
    assert (client.options.retry_reads, client.options.retry_writes) == (False, False)
    assert client.options.pool_options.appname == "billing"
    assert options["heartbeatFrequencyMS"] == 4_000
    assert options["compressors"] == "zlib"


def test_a_limit_below_a_millisecond_does_not_become_no_limit():
    assert options_of(connect_timeout=timedelta(microseconds=100))["connectTimeoutMS"] == 1


async def test_concerns_become_the_drivers():
    preference = ReadPreference.tagged(
        [{"dc": "east", "rack": "1"}, {}], mode="secondary", max_staleness=timedelta(seconds=120)
    )
    concern = WriteConcern(w=2, journal=True, timeout=timedelta(seconds=5))
    options = options_of(read_preference=preference, read_concern=ReadConcern.MAJORITY, write_concern=concern)
    client = await client_of(options)
    assert client.options.read_preference.document == {
        "mode": "secondary",
        "tags": [{"dc": "east", "rack": "1"}, {}],
        "maxStalenessSeconds": 120,
    }
    assert client.options.read_concern.document == {"level": "majority"}
    assert client.options.write_concern.document == {"w": 2, "j": True, "wtimeout": 5_000}


async def test_what_a_concern_does_not_say_is_left_to_the_server():
    options = options_of(read_preference=ReadPreference.NEAREST, write_concern=WriteConcern(w=None, journal=True))
    client = await client_of(options)
    assert client.options.read_preference.document == {"mode": "nearest"}
    assert client.options.write_concern.document == {"j": True}


def test_tls_that_is_off_is_said_out_loud():
    assert options_of()["tls"] is False


def test_tls_becomes_the_drivers(tmp_path):
    authority = tmp_path / "ca.pem"
    authority.touch()
    tls = TlsConfig(enabled=True, ca_file=authority)
    options = options_of(tls=tls, certificate_key_file=Path("/run/client.pem"))
    assert {name: value for name, value in options.items() if name.startswith("tls")} == {
        "tls": True,
        "tlsCAFile": str(authority),
        "tlsCertificateKeyFile": "/run/client.pem",
    }


def test_tls_without_files_trusts_the_systems_authorities():
    options = options_of(tls=TlsConfig(enabled=True))
    assert {name: value for name, value in options.items() if name.startswith("tls")} == {"tls": True}


async def test_credentials_take_the_place_of_the_uris():
    credentials = MongoCredentials("app", SecretString("p4ss"), "accounts", AuthMechanism.SCRAM_SHA_256)
    options = client_options(config_of(), credentials=credentials, certificate_key_file=None)
    client = AsyncMongoClient("mongodb://old:word@localhost/?authSource=old", connect=False, **options)
    await client.close()
    assert options["username"] == "app"
    assert options["password"] == "p4ss"
    assert (options["authSource"], options["authMechanism"]) == ("accounts", "SCRAM-SHA-256")


@pytest.mark.parametrize("mechanism", [AuthMechanism.MONGODB_X509, AuthMechanism.MONGODB_AWS])
async def test_a_mechanism_without_a_password_gives_none(mechanism):
    options = options_of(credentials=MongoCredentials("CN=client", SecretString(""), mechanism=mechanism))
    assert "password" not in options
    assert options["authMechanism"] == str(mechanism)
    assert options["authSource"] == "$external"


async def test_the_driver_takes_x509_without_a_password_and_without_a_name():
    for name in ("CN=client", ""):
        await client_of(
            options_of(credentials=MongoCredentials(name, SecretString(""), mechanism=AuthMechanism.MONGODB_X509))
        )
