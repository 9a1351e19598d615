"""A guarded collection over a transport that answers from a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bson

from llm_devops_mongodb import Collection, MongoClient, MongoConfig
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.codecs import BsonSettings
from llm_devops_mongodb.config import QueryGuardConfig
from llm_devops_mongodb.replies import (
    CountReply,
    DeleteReply,
    DocumentReply,
    DoneReply,
    InsertReply,
    Reply,
    UpdateReply,
    ValuesReply,
)
from llm_devops_mongodb.transports.guarded import GuardedTransport
from tests.stub_transport import cursor, frame

INDEXED: dict[str, Any] = {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "s_1"}}
SCAN: dict[str, Any] = {"stage": "COLLSCAN", "filter": {"s": {"$eq": "hunter2"}}}
SORT: dict[str, Any] = {"stage": "SORT", "inputStage": {"stage": "COLLSCAN"}}
NOTHING: dict[str, Any] = {"stage": "EOF"}

Answer = dict[str, Any] | Exception


class Server:
    """Explains every command by one plan, and answers what else it is asked."""

    def __init__(self, plan: Answer = INDEXED, *, documents: int = 0) -> None:
        self.plan = plan
        self.documents = documents
        self.operations: list[Any] = []
        self.closed = 0
        self.namespace: str | None = None
        self.before_explaining: Callable[[], Any] | None = None

    @property
    def explained(self) -> list[dict[str, Any]]:
        """The commands that were to be explained."""
        return [bson.decode(each.command) for each in self.operations if isinstance(each, op.Explain)]

    @property
    def sent(self) -> list[Any]:
        """The other operations."""
        return [each for each in self.operations if not isinstance(each, op.Explain)]

    async def handle(self, operation: op.Operation) -> Reply:
        self.operations.append(operation)
        if isinstance(operation, op.Explain):
            if self.before_explaining is not None:
                await self.before_explaining()
            if isinstance(self.plan, Exception):
                raise self.plan
            planner = {"namespace": self.namespace or str(operation.namespace), "winningPlan": self.plan}
            return DocumentReply(bson.encode({"queryPlanner": planner}))
        return self._answer(operation)

    async def aclose(self) -> None:
        self.closed += 1

    def _answer(self, operation: op.Operation) -> Reply:  # noqa: PLR0911 - one line for each kind of reply
        match operation:
            case op.Find() | op.Aggregate():
                return cursor(*(frame({"_id": n}) for n in range(self.documents)))
            case op.InsertOne() | op.InsertMany():
                return InsertReply(acknowledged=True)
            case op.UpdateOne() | op.UpdateMany() | op.ReplaceOne():
                return UpdateReply(0, 0, None, acknowledged=True)
            case op.DeleteOne() | op.DeleteMany():
                return DeleteReply(0, acknowledged=True)
            case op.CountDocuments():
                return CountReply(0)
            case op.Distinct():
                return ValuesReply(bson.encode({"values": []}))
            case op.RunCommand():
                return DocumentReply(bson.encode({"ok": 1}))
            case op.FindOne() | op.FindOneAndUpdate() | op.FindOneAndReplace() | op.FindOneAndDelete():
                return DocumentReply(None)
            case _:
                return DoneReply()


@dataclass
class Clock:
    """Time that passes only when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Guarded:
    """A client with a guard, and what came of it."""

    server: Server
    config: QueryGuardConfig
    clock: Clock = field(default_factory=Clock)
    warnings: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])

    def __post_init__(self) -> None:
        bson_settings = BsonSettings()
        self.transport = GuardedTransport(
            self.server,
            self.config,
            bson=bson_settings,
            clock=self.clock,
            warn=lambda *told: self.warnings.append(told),
        )
        self.client = MongoClient(MongoConfig(uri="mongodb://localhost"), self.transport)
        self.users: Collection[dict[str, Any]] = self.client.collection("shop", "users")

    @property
    def texts(self) -> list[str]:
        return [str(told[0]) for told in self.warnings]

    @property
    def lines(self) -> list[tuple[str, int]]:
        return [(told[2], told[3]) for told in self.warnings]


def guarded(plan: Answer = INDEXED, *, documents: int = 0, **settings: Any) -> Guarded:
    """Make a client whose guard looks for what `settings` say."""
    return Guarded(Server(plan, documents=documents), QueryGuardConfig(enabled=True, **settings))
