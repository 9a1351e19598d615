"""Who logs in, and where the answer comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from llm_devops_mongodb.security.secrets import SecretString


class AuthMechanism(StrEnum):
    """How a login is proved; the values are MongoDB's own names."""

    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_1 = "SCRAM-SHA-1"
    MONGODB_X509 = "MONGODB-X509"
    PLAIN = "PLAIN"
    GSSAPI = "GSSAPI"
    MONGODB_AWS = "MONGODB-AWS"
    MONGODB_OIDC = "MONGODB-OIDC"


_SCRAM = frozenset({AuthMechanism.SCRAM_SHA_256, AuthMechanism.SCRAM_SHA_1})


def _check_secret(password: object) -> None:
    if not isinstance(password, SecretString):
        raise TypeError("the password must be a SecretString")


@dataclass(frozen=True, slots=True)
class MongoCredentials:
    """A user and how it logs in.

    Attributes:
        username: The user's name; for X.509 the subject of the certificate.
        password: Its secret; empty for mechanisms without one, such as X.509.
        auth_source: The database that knows the user. Where it is not given: `admin`, or `$external` for every
            mechanism but SCRAM.
        mechanism: How the login is proved.

    Raises:
        TypeError: The password is not a `SecretString`, and would be shown.
    """

    username: str
    password: SecretString
    auth_source: str = ""
    mechanism: AuthMechanism = AuthMechanism.SCRAM_SHA_256

    def __post_init__(self) -> None:
        _check_secret(self.password)
        if not self.auth_source:
            object.__setattr__(self, "auth_source", "admin" if self.mechanism in _SCRAM else "$external")


class CredentialProvider(Protocol):
    """Knows the credentials of the moment, and can be asked to fetch them anew."""

    async def get_credentials(self) -> MongoCredentials | None:
        """Return the credentials to log in with, or None to log in with what the connection string says."""
        ...

    async def refresh(self) -> None:
        """Fetch the credentials anew: the ones given out were refused or are about to end."""
        ...


class StaticCredentialProvider:
    """Gives out the same credentials always.

    Args:
        credentials: What to give out.
    """

    def __init__(self, credentials: MongoCredentials) -> None:
        self._credentials = credentials

    async def get_credentials(self) -> MongoCredentials:
        """Return the credentials."""
        return self._credentials

    async def refresh(self) -> None:
        """Do nothing: there is no source to ask."""


class NoopCredentialProvider:
    """Gives out nothing: the connection string's credentials count, or there are none."""

    async def get_credentials(self) -> None:
        """Return None."""

    async def refresh(self) -> None:
        """Do nothing."""
