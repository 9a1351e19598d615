"""The plans of queries, explained once for each shape."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.advice.plans import Plan
from llm_devops_mongodb.codecs import decode_document, encode_document
from llm_devops_mongodb.errors import MongoError
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.replies import DocumentReply
from llm_devops_mongodb.transport import expect
from llm_devops_mongodb.transports.guarded.explaining import asked_by, command_of, scans_by_wish
from llm_devops_mongodb.transports.guarded.findings import Finding, findings_in
from llm_devops_mongodb.transports.guarded.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.codecs import BsonSettings
    from llm_devops_mongodb.config import QueryGuardConfig
    from llm_devops_mongodb.transport import Transport
    from llm_devops_mongodb.transports.guarded.explaining import Explainable
    from llm_devops_mongodb.transports.guarded.shapes import Shape

_log = logging.getLogger("llm_devops_mongodb")

_MOST_SHAPES = 1000
_OF_NOTHING = "EOF"


@dataclass(frozen=True, slots=True)
class _Known:
    findings: tuple[Finding, ...]
    since: float


class Plans:
    """What is wrong with the plans of operations.

    A plan in order is explained once. One that is not may be put in order meanwhile by an index that someone else
    made, so it is explained anew: before every error, and for warnings once a `window`.
    """

    def __init__(
        self, inner: Transport, config: QueryGuardConfig, *, bson: BsonSettings, clock: Callable[[], float]
    ) -> None:
        self._inner = inner
        self._config = config
        self._bson = bson
        self._clock = clock
        self._known: Recent[Shape, _Known] = Recent(_MOST_SHAPES)
        self._turns: WeakValueDictionary[Shape, asyncio.Lock] = WeakValueDictionary()

    async def findings(self, operation: Explainable, shape: Shape) -> tuple[Finding, ...]:
        """Return what is wrong with the plan of `operation`; nothing where the server does not explain it."""
        known = self._valid(shape)
        if known is not None:
            return known.findings
        turn = self._turns.setdefault(shape, asyncio.Lock())
        async with turn:
            # Several tasks may ask at once: the first explains, the others find what it found.
            known = self._valid(shape)
            return await self._explained(operation, shape) if known is None else known.findings

    def forget(self) -> None:
        """Forget all plans, because the indexes have changed."""
        self._known.clear()

    def _valid(self, shape: Shape) -> _Known | None:
        known = self._known.get(shape)
        if known is None or not known.findings:
            return known
        is_fresh = self._clock() - known.since < self._config.window.total_seconds()
        return known if is_fresh and self._config.mode == "warn" else None

    async def _explained(self, operation: Explainable, shape: Shape) -> tuple[Finding, ...]:
        try:
            plan = await self._plan_of(operation)
        except MongoError as error:
            # No right to explain, or nothing that can be explained: not the program's concern.
            _log.debug("%s: not explained: %s", operation.namespace, error)
            return () if error.is_retryable else self._keep(shape, ())
        if _OF_NOTHING in plan.stages:
            # There is no such collection yet; its plan says nothing about the next time.
            return ()
        return self._keep(shape, self._wrong_with(plan, operation))

    def _keep(self, shape: Shape, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        self._known.put(shape, _Known(findings, self._clock()))
        return findings

    def _wrong_with(self, plan: Plan, operation: Explainable) -> tuple[Finding, ...]:
        if scans_by_wish(operation):
            return ()
        return findings_in(plan, asked_by(operation), namespace=operation.namespace, config=self._config)

    async def _plan_of(self, operation: Explainable) -> Plan:
        command = encode_document(command_of(operation), self._bson)
        settings = Settings() if isinstance(operation, op.WRITES) else operation.settings
        asking = op.Explain(operation.namespace, settings, None, command, "queryPlanner")
        reply = expect(await self._inner.handle(asking), DocumentReply)
        return Plan.of(decode_document(reply.document or b"\x05\0\0\0\0", self._bson))
