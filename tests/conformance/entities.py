"""What a test's operations are done on, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from llm_devops_mongodb import (
    ChangeStream,
    Collection,
    Database,
    DocumentStream,
    MongoClient,
    MongoError,
    Session,
)
from tests.conformance.bson_types import plain
from tests.conformance.recording import EventRecorder
from tests.conformance.verdicts import MismatchError

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class ClientEntity:
    """A client.

    Attributes:
        client: The client itself.
        recorder: What its driver publishes.
        is_replay: It has no driver.
    """

    client: MongoClient
    recorder: EventRecorder
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class SessionEntity:
    """A session.

    Attributes:
        session: The session itself.
        live: The driver's session behind it, for what is asserted of its inside; None in replay.
        lsid: Its logical id, which outlives it; None in replay.
    """

    session: Session
    live: Any = None
    lsid: Any = None

    @classmethod
    def of(cls, session: Session) -> SessionEntity:
        """Look behind `session`, the one place that does: no public name tells the logical id of a session."""
        transport: Any = session._transport
        while (inner := getattr(transport, "_inner", None)) is not None:
            transport = inner
        live = transport._sessions._of(session._ref)
        return cls(session, live, plain(live.session_id))


@dataclass(slots=True)
class CursorEntity:
    """A stream that was opened, and the document that opening it took, if any."""

    stream: DocumentStream[dict[str, Any]]
    taken: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    async def opened(cls, stream: DocumentStream[dict[str, Any]]) -> CursorEntity:
        """Send the command of `stream`, which would wait for its first document to be asked for."""
        first = await stream.next()
        return cls(stream, [] if first is None else [first])

    async def next(self) -> dict[str, Any] | None:
        """Return the next document, None at the end."""
        return self.taken.pop() if self.taken else await self.stream.next()


@dataclass(slots=True)
class ThreadEntity:
    """Operations that are done one after another beside those of the test."""

    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def dispatch(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin `work` once everything before it is done."""
        before = self.tasks[-1] if self.tasks else None

        async def run() -> None:
            if before is not None:
                await before
            await work()

        self.tasks.append(asyncio.create_task(run()))

    async def wait(self) -> None:
        """Wait for everything; what failed is raised."""
        for task in self.tasks:
            await task

    async def stop(self) -> None:
        """Give up what is not done."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


_KINDS: dict[type, str] = {
    ClientEntity: "client",
    Database: "database",
    Collection: "collection",
    SessionEntity: "session",
    CursorEntity: "cursor",
    ChangeStream: "change stream",
    ThreadEntity: "thread",
}


def kind_of(entity: object) -> str:
    """Return what the format calls an entity like this one."""
    return next((name for kind, name in _KINDS.items() if isinstance(entity, kind)), "value")


class EntityMap:
    """The entities of one test."""

    def __init__(self) -> None:
        self._entities: dict[str, Any] = {}
        self._clients: dict[int, MongoClient] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._entities

    def add(self, name: str, entity: Any) -> None:
        """Give an entity its name.

        Raises:
            MismatchError: The name is taken.
        """
        if name in self._entities:
            raise MismatchError(f"entity {name} is there already")
        self._entities[name] = entity

    def belongs(self, entity: Database | Collection[Any], client: MongoClient) -> None:
        """Remember the client that `entity`, one of the test's own, was made of."""
        self._clients[id(entity)] = client

    def client_of(self, entity: Database | Collection[Any]) -> MongoClient:
        """Return the client that `entity` was made of."""
        return self._clients[id(entity)]

    def set_value(self, name: str, value: Any) -> None:
        """Give a value its name, in the place of another value of that name."""
        self._entities[name] = value

    def get(self, name: str, kind: type[E] = object) -> E:  # type: ignore[assignment]  # the widest kind
        """Return an entity.

        Raises:
            MismatchError: There is none of that name, or it is of another kind.
        """
        if name not in self._entities:
            raise MismatchError(f"there is no entity {name}")
        entity = self._entities[name]
        if not isinstance(entity, kind):
            raise MismatchError(f"entity {name} is a {kind_of(entity)}, not a {_KINDS.get(kind, kind.__name__)}")
        return entity

    def value(self, name: str) -> Any:
        """Return the BSON value that is called `name`."""
        value = self.get(name)
        if kind_of(value) != "value":
            raise MismatchError(f"entity {name} is a {kind_of(value)}, not a BSON value")
        return value

    def lsid(self, name: str) -> Any:
        """Return the logical id of the session that is called `name`.

        Raises:
            MismatchError: It has none: no driver made it.
        """
        lsid = self.get(name, SessionEntity).lsid
        if lsid is None:
            raise MismatchError(f"session {name} has no logical id in replay")
        return lsid

    def all_of(self, kind: type[E]) -> list[E]:
        """Return every entity of one kind, in the order in which they were made."""
        return [entity for entity in self._entities.values() if isinstance(entity, kind)]

    async def close(self) -> None:
        """End threads, cursors, streams, sessions and clients, in this order; what fails in it is of no concern."""
        for thread in self.all_of(ThreadEntity):
            await thread.stop()
        for cursor in self.all_of(CursorEntity):
            with suppress(MongoError):
                await cursor.stream.aclose()
        for stream in self.all_of(ChangeStream):
            with suppress(MongoError):
                await stream.aclose()
        for session in self.all_of(SessionEntity):
            with suppress(MongoError):
                await session.session.end()
        for client in self.all_of(ClientEntity):
            with suppress(MongoError):
                await client.client.close()
