"""The members of an embedded server as one replica set: its founding, its primary, its first user."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import MongoError
from llm_devops_mongodb.testing.administration import run_command
from llm_devops_mongodb.testing.hello import hello
from llm_devops_mongodb.testing.member import POLL_SECONDS
from llm_devops_mongodb.testing.mongod import MongodStartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.testing.access import Access
    from llm_devops_mongodb.testing.member import Member

_HELLO_LIMIT = timedelta(seconds=1)
_COMMAND_LIMIT = timedelta(seconds=10)


class ReplicaSet:
    """Members that are asked one by one, without credentials.

    Args:
        members: The members, in the order of the configuration.
        access: What a client needs.
    """

    def __init__(self, members: Sequence[Member], access: Access) -> None:
        self._members = members
        self._access = access
        self._tls = access.tls_context()

    async def found(self, config: Mapping[str, Any]) -> None:
        """Initiate the replica set, create the first user where there is to be one, and wait for every member."""
        await self._run(self._members[0], {"replSetInitiate": config}, within=_COMMAND_LIMIT)
        if self._access.username is not None:
            await self._create_first_user()
        for member in self._members:
            await self.joined(member)

    async def joined(self, member: Member) -> None:
        """Wait until `member` is the primary or a secondary.

        Raises:
            MongodStartError: It ended instead.
        """
        while member.is_running:
            answer = await self._hello(member)
            if answer.get("isWritablePrimary") or answer.get("secondary"):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise MongodStartError("the server ended before it was ready", log=member.log.excerpt())

    async def primary(self, *, within: timedelta) -> Member:
        """Return the primary, waiting for an election where there is none.

        Raises:
            MongoError: There is none within the limit.
        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                # A primary that was cut off may take itself for one until it hears of the other.
                while True:
                    writable = await self._writable()
                    if len(writable) == 1:
                        return writable[0]
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise MongoError(f"no primary within {within.total_seconds():g} s", is_timeout=True) from error

    async def _writable(self) -> list[Member]:
        asked = [member for member in self._members if member.is_running and not member.is_paused]
        answers = await asyncio.gather(*map(self._hello, asked))
        return [member for member, answer in zip(asked, answers, strict=True) if answer.get("isWritablePrimary")]

    async def _create_first_user(self) -> None:
        # The one command the server lets a client of the same machine run while there is no user:
        # https://www.mongodb.com/docs/manual/core/localhost-exception/
        user = {"createUser": self._access.username, "pwd": self._access.password, "roles": ["root"]}
        primary = await self.primary(within=_COMMAND_LIMIT)
        await self._run(primary, {**user, "mechanisms": ["SCRAM-SHA-1", "SCRAM-SHA-256"]}, within=_COMMAND_LIMIT)

    async def _hello(self, member: Member) -> dict[str, Any]:
        return await hello(member.host, member.port, tls=self._tls, within=_HELLO_LIMIT)

    async def _run(self, member: Member, document: Mapping[str, Any], *, within: timedelta) -> dict[str, Any]:
        uri = self._access.uri([member.address], authenticated=False, directConnection="true")
        return await run_command(uri, document, within=within)
