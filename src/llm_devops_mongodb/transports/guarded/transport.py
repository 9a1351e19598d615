"""The transport that watches the queries passing through it."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.replies import CursorReply
from llm_devops_mongodb.transports.guarded.callers import present_call
from llm_devops_mongodb.transports.guarded.explaining import WATCHED
from llm_devops_mongodb.transports.guarded.findings import Finding
from llm_devops_mongodb.transports.guarded.frames import CountedFrames
from llm_devops_mongodb.transports.guarded.plans import Plans
from llm_devops_mongodb.transports.guarded.repetitions import REMEDIES, Repetitions
from llm_devops_mongodb.transports.guarded.reporting import Reporter
from llm_devops_mongodb.transports.guarded.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.codecs import BsonSettings
    from llm_devops_mongodb.config import QueryGuardConfig
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import Operation
    from llm_devops_mongodb.replies import Reply
    from llm_devops_mongodb.transport import Transport
    from llm_devops_mongodb.transports.guarded.callers import Call, Caller
    from llm_devops_mongodb.transports.guarded.explaining import Explainable
    from llm_devops_mongodb.transports.guarded.reporting import Warn
    from llm_devops_mongodb.transports.guarded.shapes import Shape

_CHANGES_INDEXES = frozenset(
    {
        *(b"create", b"createIndexes", b"dropIndexes", b"deleteIndexes", b"collMod"),
        *(b"drop", b"dropDatabase", b"renameCollection"),
    }
)


class GuardedTransport:
    """Passes operations on, and tells those that are slow now or will be with more documents.

    It explains each shape of query once, outside of sessions and transactions. What it keeps is bounded, and holds no
    values.

    Attributes:
        inner: What the operations are passed on to.
    """

    def __init__(
        self,
        inner: Transport,
        config: QueryGuardConfig,
        *,
        bson: BsonSettings,
        clock: Callable[[], float] = time.monotonic,
        warn: Warn | None = None,
    ) -> None:
        """Watch what passes to `inner`.

        Args:
            inner: Answers the operations, and explains them.
            config: What to look for.
            bson: How values are written as BSON.
            clock: Seconds that only grow.
            warn: Gives a warning; None is `warnings.warn_explicit`.
        """
        self.inner = inner
        self._config = config
        self._plans = Plans(inner, config, bson=bson, clock=clock)
        self._repetitions = Repetitions(config, clock=clock)
        self._reporter = Reporter(config, warn=warn)
        self._in_transaction: set[int] = set()

    async def handle(self, operation: Operation) -> Reply:
        """Look at `operation`, and pass it on.

        Raises:
            QueryGuardError: It is slow, and the guard is to raise; it was not passed on, unless it is a `find` that
                returns too many documents.
        """
        if isinstance(operation, WATCHED):
            if not self._ignores(operation.namespace):
                return await self._watched(operation, present_call())
            return await self.inner.handle(operation)
        try:
            return await self.inner.handle(operation)
        finally:
            self._learn_from(operation)

    async def aclose(self) -> None:
        """Close what is watched. May be called again."""
        await self.inner.aclose()

    async def _watched(self, operation: Explainable | op.InsertOne, call: Call) -> Reply:
        shape = shape_of(operation)
        self._look_for_loop(operation, call, shape)
        if not isinstance(operation, op.InsertOne) and self._may_explain(operation):
            for finding in await self._plans.findings(operation, shape):
                self._reporter.tell(finding, operation, call.caller)
        reply = await self.inner.handle(operation)
        if isinstance(operation, op.Find) and isinstance(reply, CursorReply) and self._is_unbounded(operation):
            return self._counted(reply, operation, call.caller)
        return reply

    def _ignores(self, namespace: Namespace) -> bool:
        return any(fnmatchcase(str(namespace), pattern) for pattern in self._config.ignore)

    def _look_for_loop(self, operation: Explainable | op.InsertOne, call: Call, shape: Shape) -> None:
        remedy = REMEDIES.get(type(operation))
        if remedy is None or call.is_page or not self._config.repeated_queries:
            return
        if self._repetitions.is_too_many(call, shape):
            most, window = self._config.repeats, self._config.window.total_seconds()
            text = f"was made more than {most} times within {window:g} s; {remedy}"
            self._reporter.tell(Finding("repeated_query", text), operation, call.caller)

    def _may_explain(self, operation: Explainable) -> bool:
        """Tell whether to explain: not where the plan of a collection that the transaction makes would wait for it."""
        is_wanted = self._config.collection_scans or self._config.in_memory_sorts
        is_within = operation.session is not None and operation.session.number in self._in_transaction
        return is_wanted and not is_within and bool(operation.namespace.collection)

    def _is_unbounded(self, find: op.Find) -> bool:
        options = find.options
        return self._config.unbounded_finds and not options.limit and options.batch_size is None

    def _counted(self, reply: CursorReply, find: op.Find, caller: Caller) -> Reply:
        most = self._config.max_documents
        text = f"collects more than {most} documents at once; set a limit, or read them one by one by find_stream"

        def tell() -> None:
            self._reporter.tell(Finding("unbounded_find", text), find, caller)

        return CursorReply(CountedFrames(reply.frames, most=most, tell=tell))

    def _learn_from(self, operation: Operation) -> None:
        match operation:
            case op.StartTransaction():
                self._in_transaction.add(operation.session.number)
                self._repetitions.forget(present_call())
            case op.CommitTransaction() | op.AbortTransaction() | op.EndSession():
                self._in_transaction.discard(operation.session.number)
            case op.DropCollection():
                self._plans.forget()
            case op.RunCommand() if _name_of(operation.command) in _CHANGES_INDEXES:
                self._plans.forget()
            case _:
                pass


def _name_of(command: bytes) -> bytes:
    """Return the name of a command: that of its first field, which follows the length and the type."""
    return command[5 : command.find(b"\0", 5)]
