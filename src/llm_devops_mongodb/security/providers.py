"""Providers that look up the credentials where a platform keeps them: in the environment, or in files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import ConfigError
from llm_devops_mongodb.security.credentials import AuthMechanism, MongoCredentials
from llm_devops_mongodb.security.secrets import SecretString
from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.table_files import TABLE_SUFFIXES, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAMES = ("username", "password", "auth_source", "mechanism")
_NEEDED: dict[AuthMechanism, tuple[str, ...]] = {
    AuthMechanism.MONGODB_X509: (),
    AuthMechanism.MONGODB_OIDC: ("password",),
    AuthMechanism.MONGODB_AWS: (),
    AuthMechanism.GSSAPI: ("username",),
}
"""What a login cannot do without, where that is not a name and a password."""


class EnvCredentialProvider:
    """Reads the credentials from environment variables, each time it is asked.

    `MONGODB_USERNAME`, `MONGODB_PASSWORD`, `MONGODB_AUTH_SOURCE` and `MONGODB_AUTH_MECHANISM`; in place of the
    password `MONGODB_PASSWORD_FILE` may name a file that holds it, as container platforms mount secrets. A process does
    not see its environment change from outside; such a file it does.

    Args:
        prefix: What the variables' names start with.
        environ: The environment; None is the process's own.
    """

    def __init__(self, prefix: str = "MONGODB_", environ: Mapping[str, str] | None = None) -> None:
        self._prefix = prefix
        self._environ: Mapping[str, str] = os.environ if environ is None else environ

    def __repr__(self) -> str:
        return f"{type(self).__name__}(prefix={self._prefix!r})"

    async def get_credentials(self) -> MongoCredentials | None:
        """Return what the variables say now; None where none of them is set.

        Raises:
            ConfigError: Only a part of what a login needs is there, or the file cannot be read.
        """
        return await asyncio.to_thread(self._read)

    async def refresh(self) -> None:
        """Do nothing: the variables and the file are read each time."""

    def _read(self) -> MongoCredentials | None:
        variables = {
            "username": "USERNAME",
            "password": "PASSWORD",
            "auth_source": "AUTH_SOURCE",
            "mechanism": "AUTH_MECHANISM",
        }
        told = {
            name: SecretString(self._environ[self._prefix + variable])
            for name, variable in variables.items()
            if self._environ.get(self._prefix + variable)
        }
        if (file := self._environ.get(f"{self._prefix}PASSWORD_FILE")) and "password" not in told:
            told["password"] = _read_secret(Path(file))
        if not told:
            return None
        return _credentials(told, lambda name: self._prefix + variables[name])


class FileCredentialProvider:
    """Reads the credentials from a file or a folder, each time it is asked: what is written there anew counts.

    - A TOML, JSON or YAML file (`.toml`, `.json`, `.yaml`) holds `username`, `password`, and, where the usual ones do
      not fit, `auth_source` and `mechanism`. YAML needs the extra `yaml`.
    - A folder holds one file for each of these names, as Kubernetes and Vault's agent mount secrets.
    - Any other file holds the password alone; then `username` is given here.

    Who writes the file should replace it at once, by renaming; one that is met half written is refused, and read again
    while a client waits for new credentials.

    Args:
        path: The file or the folder; it need not be there yet.
        username: The user, where the file does not name it.
        auth_source: The database that knows the user, where the file does not name it.
        mechanism: How the login is proved, where the file does not name it.

    Example:
        ```python
        client = await MongoClient.connect(uri, credentials=FileCredentialProvider("/run/secrets/mongodb"))
        ```
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        username: str | None = None,
        auth_source: str | None = None,
        mechanism: AuthMechanism | str | None = None,
    ) -> None:
        self._path = Path(path)
        given = {"username": username, "auth_source": auth_source, "mechanism": mechanism}
        self._given: dict[str, SecretString] = {
            name: SecretString(str(value)) for name, value in given.items() if value is not None
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"

    async def get_credentials(self) -> MongoCredentials:
        """Return what is written now.

        Raises:
            ConfigError: There is nothing to read, or it does not say what a login needs. Nothing of it is repeated.
        """
        return await asyncio.to_thread(self._read)

    async def refresh(self) -> None:
        """Do nothing: the file is read each time."""

    def _read(self) -> MongoCredentials:
        return _credentials({**self._given, **self._written()}, lambda name: f"{name} in {self._path}")

    def _written(self) -> dict[str, SecretString]:
        if self._path.is_dir():
            return {name: _read_secret(self._path / name) for name in _NAMES if (self._path / name).exists()}
        if self._path.suffix.lower() not in TABLE_SUFFIXES:
            return {"password": _read_secret(self._path)}
        return _read_secrets(self._path)


def _credentials(told: Mapping[str, SecretString], place: Callable[[str], str]) -> MongoCredentials:
    """Make credentials of texts by their names.

    Args:
        told: The texts. Each is kept as a secret: a traceback with local variables would show others.
        place: Tells where one of them belongs, for the error that misses it.
    """
    mechanism = AuthMechanism.SCRAM_SHA_256
    if "mechanism" in told:
        mechanism = _mechanism(told["mechanism"].expose_secret(), place("mechanism"))
    for name in _NEEDED.get(mechanism, ("username", "password")):
        if name not in told or not told[name].expose_secret():
            raise ConfigError("credentials", f"{place(name)} is missing")
    nothing = SecretString("")
    return MongoCredentials(
        username=told.get("username", nothing).expose_secret(),
        password=told.get("password", nothing),
        auth_source=told.get("auth_source", nothing).expose_secret(),
        mechanism=mechanism,
    )


def _mechanism(name: str, place: str) -> AuthMechanism:
    known = {str(mechanism): mechanism for mechanism in AuthMechanism}
    if name not in known:
        raise ConfigError("credentials", f"{place} is none of {', '.join(known)}")
    return known[name]


def _read_secret(file: Path) -> SecretString:
    """Read a file that holds one secret; the new line that editors put at its end is none of it."""
    try:
        return SecretString(file.read_text("utf-8-sig").removesuffix("\n").removesuffix("\r"))
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        # Not chained: it holds the whole text.
        fault = "is not UTF-8"
    raise ConfigError(str(file), fault)


def _read_secrets(file: Path) -> dict[str, SecretString]:
    table = {name: SecretString(value) if isinstance(value, str) else None for name, value in read_table(file).items()}
    for name, value in table.items():
        if name not in _NAMES:
            raise ConfigError(str(file), f"unknown name {name!r}{hint(name, _NAMES)}")
        if value is None:
            raise ConfigError(str(file), f"{name} is not a text")
    return {name: value for name, value in table.items() if value is not None}
