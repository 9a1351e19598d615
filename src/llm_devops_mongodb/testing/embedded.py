"""A real server for tests: started here, private, and gone without a trace."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack

from llm_devops_mongodb.errors import ConfigError, MongoError
from llm_devops_mongodb.testing.access import Access
from llm_devops_mongodb.testing.administration import run_command
from llm_devops_mongodb.testing.keeper import Keeper
from llm_devops_mongodb.testing.member import Member
from llm_devops_mongodb.testing.mongod import MongodStartError, find_mongod
from llm_devops_mongodb.testing.protection import protect
from llm_devops_mongodb.testing.replica_set import ReplicaSet
from llm_devops_mongodb.testing.settings import ServerOptions, ServerSettings, ServerTls

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from pathlib import Path

    from llm_devops_mongodb.testing.certificates import CertificateAuthority

_MOST_MEMBERS = 7  # that may vote, https://www.mongodb.com/docs/manual/reference/limits/


class EmbeddedMongo:
    """A replica set of real servers on the loopback interface, for tests and development; never for production.

    Started within a second for one member and within three for three, in a private temporary folder, on ports that
    nobody else uses. Processes and folder are gone when it is stopped, when its start fails or is cancelled, and when
    this process ends in whatever way, SIGKILL included. It depends on no event loop: one may start it and another
    stop it. Linux and macOS.

    Args:
        members: How many members the replica set has, 1 to 7.
        auth: True asks every client for credentials and invents a first user, a pair is that user's name and
            password. The user has the role `root` and both SCRAM mechanisms.
        tls: True demands TLS and a client's certificate, with certificates made for the occasion; a `ServerTls` says
            more.
        settings: Anything of `ServerSettings`, such as `oplog_size=1` or `set_parameters={"cursorTimeoutMillis": 100}`.

    Example:
        ```python
        async with EmbeddedMongo() as server, MongoClient.connect(server.uri) as client:
            await client.collection("app", "users").insert_one({"name": "Ada"})
        ```
    """

    def __init__(
        self,
        members: int = 1,
        *,
        auth: bool | tuple[str, str] | None = None,
        tls: bool | ServerTls | None = None,
        **settings: Unpack[ServerOptions],
    ) -> None:
        if not 1 <= members <= _MOST_MEMBERS:
            raise ConfigError("members", f"must be 1 to {_MOST_MEMBERS}")
        self._size = members
        self._auth = auth
        self._tls = tls
        self._settings = ServerSettings(**settings)
        self._resources: ExitStack | None = None
        self._members: tuple[Member, ...] = ()
        self._access = Access()
        self._authority: CertificateAuthority | None = None

    @property
    def uri(self) -> str:
        """The connection string: every member, the replica set, and what authentication and TLS need."""
        return self._access.uri(self._addresses, replicaSet=self.replica_set)

    @property
    def members(self) -> tuple[Member, ...]:
        """The members, in the order of the replica set's configuration; none before the start and after the stop."""
        return self._members

    @property
    def replica_set(self) -> str:
        """The name of the replica set."""
        return self._settings.replica_set

    @property
    def username(self) -> str | None:
        """The first user's name, None without authentication."""
        return self._access.username

    @property
    def password(self) -> str | None:
        """The first user's password, None without authentication."""
        return self._access.password

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority to trust, None without TLS."""
        return self._access.ca_file

    @property
    def client_certificate_file(self) -> Path | None:
        """A client's certificate and key in one file, None without TLS."""
        return self._access.client_certificate_file

    @property
    def authority(self) -> CertificateAuthority | None:
        """The authority that signed the certificates and can sign more, None without TLS."""
        return self._authority

    async def start(self) -> Self:
        """Start the members and wait until one is the primary, every other a secondary, and the first user exists.

        Raises:
            MongodNotFoundError: There is no server program.
            MongodStartError: A server ended instead, told at once with the end of its log, or was not ready in time.
            MongoError: It is running already.
        """
        if self._resources is not None:
            raise MongoError("the server is running already")
        with ExitStack() as resources:
            resources.callback(self._forget)
            await self._start(resources)
            self._resources = resources.pop_all()
        return self

    async def stop(self) -> None:
        """Kill every member and remove every file; both are gone when this returns. Idempotent.

        Holds the event loop for the 10 to 50 ms this takes: nothing can cancel it half-way.
        """
        if self._resources is not None:
            self._resources.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def primary(self, *, within: timedelta = timedelta(seconds=15)) -> Member:
        """Return the primary, waiting for an election where there is none.

        Args:
            within: How long is waited.

        Raises:
            MongoError: There is none within the limit.
        """
        return await ReplicaSet(self._members, self._access).primary(within=within)

    async def run_command(self, document: Mapping[str, Any], *, database: str = "admin") -> dict[str, Any]:
        """Run a command on the primary as the first user, such as a `createUser` or a `configureFailPoint`.

        Args:
            document: The command.
            database: The database it runs on.

        Returns:
            The server's reply.

        Raises:
            MongoError: The server refused it.
        """
        return await run_command(self.uri, document, database=database, within=self._settings.start_timeout)

    def uri_of(self, member: Member) -> str:
        """Return the connection string for one member alone, whatever its state (`directConnection`)."""
        return self._access.uri([member.address], directConnection="true")

    @property
    def _addresses(self) -> list[str]:
        if not self._members:
            raise MongodStartError("the server is not running")
        return [member.address for member in self._members]

    async def _start(self, resources: ExitStack) -> None:
        binary = self._settings.binary or find_mongod()
        keeper = resources.enter_context(Keeper())
        protection = protect(keeper.folder, auth=self._auth, tls=self._tls)
        self._access = protection.access
        self._authority = protection.tls.authority if protection.tls else None
        for number in range(self._size):
            folder = keeper.folder / f"member-{number}"
            command = partial(self._settings.command_line, binary, folder=folder, security=protection.arguments)
            member = Member(keeper, folder=folder, command=command, joined=self._joined)
            resources.callback(member.release)
            self._members = (*self._members, member)
        await self._in_time(self._assemble())

    async def _assemble(self) -> None:
        for member in self._members:
            member.launch()
        for member in self._members:
            await member.listening(may_change_port=True)
        config = self._settings.replica_set_config(self._addresses)
        await ReplicaSet(self._members, self._access).found(config)

    async def _joined(self, member: Member) -> None:
        await self._in_time(ReplicaSet(self._members, self._access).joined(member))

    async def _in_time(self, work: Coroutine[Any, Any, None]) -> None:
        limit = self._settings.start_timeout.total_seconds()
        try:
            async with asyncio.timeout(limit):
                await work
        except TimeoutError as error:
            logs = "\n".join(member.log.excerpt() for member in self._members)
            raise MongodStartError(f"the server was not ready within {limit:g} s", log=logs) from error

    def _forget(self) -> None:
        self._resources = None
        self._members = ()
        self._access = Access()
        self._authority = None
