"""A transport that writes down what passes through it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bson.errors import BSONError

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.errors import MongoError
from llm_devops_mongodb.replies import ChangeStreamReply, CursorReply
from llm_devops_mongodb.simulation.describing import described
from llm_devops_mongodb.simulation.following import SessionFollower
from llm_devops_mongodb.simulation.notes import Note, Timing
from llm_devops_mongodb.transports.recording.streams import RecordedBatches, RecordedFrames

if TYPE_CHECKING:
    from bson.codec_options import CodecOptions

    from llm_devops_mongodb.operations import Operation
    from llm_devops_mongodb.replies import Reply
    from llm_devops_mongodb.simulation.recorder import SimulationRecorder
    from llm_devops_mongodb.transport import Transport


class RecordingTransport:
    """Passes operations on to `inner`, and records them with their answers.

    Args:
        inner: Answers the operations.
        recorder: Where they are written.
        options: How values are written as BSON.
        server_version: The version of the server, for the recording's header.
        finishes: Whether the recording ends when the transport is closed.
    """

    def __init__(
        self,
        inner: Transport,
        recorder: SimulationRecorder,
        *,
        options: CodecOptions[Any],
        server_version: str | None = None,
        finishes: bool = True,
    ) -> None:
        self._inner = inner
        self._recorder = recorder
        self._options = options
        self._finishes = finishes
        self._client = recorder.begin(server_version=server_version)
        self._sessions = SessionFollower()

    async def handle(self, operation: Operation) -> Reply:
        """Pass `operation` on, and record it."""
        if isinstance(operation, op.EndSession):
            self._sessions.part_of(operation, operation.session)
            return await self._inner.handle(operation)
        note = self._noted(operation)
        if note is None:
            return await self._inner.handle(operation)
        at, began = datetime.now(UTC), perf_counter()
        try:
            reply = await self._inner.handle(operation)
        except MongoError as error:
            note.error(error, Timing(at, perf_counter() - began))
            raise
        except asyncio.CancelledError:
            note.cancelled(Timing(at, perf_counter() - began))
            raise
        note.reply(reply, Timing(at, perf_counter() - began))
        if isinstance(reply, CursorReply):
            return CursorReply(RecordedFrames(reply.frames, note))
        if isinstance(reply, ChangeStreamReply):
            return ChangeStreamReply(RecordedBatches(reply.batches, note), reply.operation_time)
        return reply

    async def aclose(self) -> None:
        """Close `inner`, and end the recording where it is this client's."""
        try:
            await self._inner.aclose()
        finally:
            if self._finishes:
                await self._recorder.finish()

    def _noted(self, operation: Operation) -> Note | None:
        try:
            asked = described(operation, self._options)
        except (BSONError, OverflowError):
            # It cannot be sent either: what sends it says why.
            return None
        part = self._sessions.part_of(operation, asked.session)
        return Note(self._recorder, asked, part, client=self._client, options=self._options)
