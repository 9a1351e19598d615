"""Everyone who takes part in a case that needs a server: ours once for each kind of model, and each peer."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient

from benchmarks.documents import documents
from benchmarks.harness import Absent, Arena, Entrant, Measure
from benchmarks.ours import opened as opened_ours
from benchmarks.peers import PEERS, opening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from benchmarks.subjects import Subject

NO_TARGETS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """The subjects that could be opened, and those that could not.

    Attributes:
        ours: Ours by kind of model.
        peers: Each peer by name, or why it is absent.
    """

    ours: Mapping[str, Subject]
    peers: Mapping[str, Subject | Absent]

    def entrants(
        self,
        case: str,
        measure: Callable[[Any], Measure],
        *,
        offering: type[Any],
        targets: Mapping[str, float] = NO_TARGETS,
    ) -> list[Entrant | Absent]:
        """The entrants of a case.

        Args:
            case: The case's name, which starts the name of each of its rows.
            measure: Makes a subject's `Entrant.measure`.
            offering: The protocol a subject must offer to take part.
            targets: The target of a row, by kind of model.
        """

        def peer(name: str, subject: Subject | Absent) -> Entrant | Absent:
            if isinstance(subject, Absent):
                return subject
            if not isinstance(subject, offering):
                return Absent(name=name, reason=f"offers no {case}")
            return Entrant(name=name, measure=measure(subject))

        ours = [
            Entrant(name=kind, measure=measure(subject), row=f"{case} {kind}", target=targets.get(kind))
            for kind, subject in self.ours.items()
        ]
        return [*ours, *(peer(name, subject) for name, subject in self.peers.items())]


@asynccontextmanager
async def lineup(arena: Arena) -> AsyncIterator[Lineup]:
    """Connects everyone, and closes their connections at the end."""
    async with AsyncExitStack() as stack:
        peers: dict[str, Subject | Absent] = {}
        for name in PEERS:
            peer = opening(name)
            if isinstance(peer, Absent):
                peers[name] = peer
            else:
                peers[name] = await stack.enter_async_context(peer(arena.uri, arena.database))
        ours = await stack.enter_async_context(opened_ours(arena.uri, arena.database))
        yield Lineup(ours=ours, peers=peers)


@asynccontextmanager
async def stored(arena: Arena, collection: str, *, count: int) -> AsyncIterator[None]:
    """The first `count` documents, in that collection as long as the block runs."""
    async with AsyncMongoClient[dict[str, Any]](arena.uri) as client:
        target = client[arena.database][collection]
        await target.drop()
        await target.insert_many(documents(count))
        try:
            yield
        finally:
            await target.drop()
