import dataclasses
from typing import TYPE_CHECKING

import pytest

from llm_devops_mongodb.security.credentials import (
    AuthMechanism,
    MongoCredentials,
    NoopCredentialProvider,
    StaticCredentialProvider,
)
from llm_devops_mongodb.security.secrets import SecretString

if TYPE_CHECKING:
    from llm_devops_mongodb.security.credentials import CredentialProvider

    PROVIDERS: list[CredentialProvider] = [
        NoopCredentialProvider(),
        StaticCredentialProvider(MongoCredentials("", SecretString(""))),
    ]


def test_mechanisms_have_mongodbs_own_names():
    assert {mechanism.name: str(mechanism) for mechanism in AuthMechanism} == {
        "SCRAM_SHA_256": "SCRAM-SHA-256",
        "SCRAM_SHA_1": "SCRAM-SHA-1",
        "MONGODB_X509": "MONGODB-X509",
        "PLAIN": "PLAIN",
        "GSSAPI": "GSSAPI",
        "MONGODB_AWS": "MONGODB-AWS",
        "MONGODB_OIDC": "MONGODB-OIDC",
    }


@pytest.mark.parametrize(
    ("mechanism", "source"),
    [(mechanism, "admin" if "SCRAM" in mechanism else "$external") for mechanism in AuthMechanism],
)
def test_users_are_looked_up_where_the_mechanism_keeps_them(mechanism, source):
    assert MongoCredentials("ann", SecretString("x"), mechanism=mechanism).auth_source == source


def test_a_given_source_is_kept():
    credentials = MongoCredentials("ann", SecretString("x"), "staff", AuthMechanism.PLAIN)
    assert credentials.auth_source == "staff"
    assert credentials == MongoCredentials("ann", SecretString("x"), "staff", AuthMechanism.PLAIN)


def test_credentials_do_not_show_their_password():
    credentials = MongoCredentials("ann", SecretString("hunter2"))
    assert "hunter2" not in f"{credentials} {dataclasses.asdict(credentials)}"


def test_a_password_in_the_clear_is_refused_without_repeating_it():
    with pytest.raises(TypeError) as caught:
        MongoCredentials("ann", "hunter2")
    assert "hunter2" not in str(caught.value)


async def test_the_static_provider_gives_the_same_always():
    credentials = MongoCredentials("ann", SecretString("x"))
    provider = StaticCredentialProvider(credentials)
    await provider.refresh()
    assert await provider.get_credentials() is credentials


async def test_the_noop_provider_gives_nothing():
    provider = NoopCredentialProvider()
    await provider.refresh()
    assert await provider.get_credentials() is None
