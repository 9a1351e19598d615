"""A transport that answers from a recording."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bson.errors import BSONError

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.errors import ClientStateError, SerializationError, SimulationMismatchError
from llm_devops_mongodb.simulation.answers import Form, error_of, reply_of
from llm_devops_mongodb.simulation.describing import described
from llm_devops_mongodb.simulation.documents import parsed, raw_of
from llm_devops_mongodb.simulation.following import SessionFollower, scope_of
from llm_devops_mongodb.simulation.tape import Question
from llm_devops_mongodb.transports.replay.streams import ReplayedBatches, ReplayedFrames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bson.codec_options import CodecOptions

    from llm_devops_mongodb.operations import Operation
    from llm_devops_mongodb.replies import Reply
    from llm_devops_mongodb.simulation.cassette import Interaction
    from llm_devops_mongodb.simulation.replayer import SimulationReplayer

_MOST_KEPT = 10_000
_STREAMS = {"cursor", "change_stream"}


class ReplayTransport:
    """Answers operations by `replayer`.

    Args:
        replayer: What answers.
        options: How values are written as BSON, and read.
        finishes: Whether the replay ends when the transport is closed.
    """

    def __init__(self, replayer: SimulationReplayer, *, options: CodecOptions[Any], finishes: bool = True) -> None:
        self._replayer = replayer
        self._finishes = finishes
        self._options = options
        self._sessions = SessionFollower()
        self._kept: dict[int, Reply] = {}
        self._is_closed = False
        self._form = Form(options, unpack=self._unpacked, live=replayer.bindings.live)

    async def handle(self, operation: Operation) -> Reply:
        """Answer `operation` as it was answered when it was recorded.

        Raises:
            SimulationMismatchError: It was not recorded; it tells the nearest that was.
            MongoError: It failed when it was recorded.
        """
        if self._is_closed:
            raise ClientStateError("the client is closed; connect a new one")
        if isinstance(operation, op.EndSession):
            self._sessions.part_of(operation, operation.session)
            return replies.DoneReply()
        try:
            interaction = self._replayer.answer(self._question_of(operation))
        except SimulationMismatchError:
            # Nothing is sent to begin a transaction, so nothing need have been recorded.
            if isinstance(operation, op.StartTransaction) and not self._replayer.strict:
                return replies.DoneReply()
            raise
        await self._pause(interaction.seconds)
        return await self._answer(interaction, operation)

    async def aclose(self) -> None:
        """Answer no more.

        Raises:
            SimulationMismatchError: The replay is strict, and not everything that was recorded was asked for.
        """
        if not self._is_closed:
            self._is_closed = True
            self._kept.clear()
            if self._replayer.strict and self._finishes:
                self._replayer.check_complete()

    def _question_of(self, operation: Operation) -> Question:
        try:
            asked = described(operation, self._options)
        except (BSONError, OverflowError) as error:
            raise SerializationError("the operation holds a value that BSON cannot") from error
        part = self._sessions.part_of(operation, asked.session)
        snapshot = asked.session is not None and asked.session.snapshot
        # Beginning a transaction says nothing of what happens in it: its session is found by what does.
        is_silent = part.session is None or isinstance(operation, op.StartTransaction)
        return Question(
            asked.operation,
            asked.namespace,
            scope_of(part, snapshot=snapshot),
            None if is_silent else (id(self), part.session),
            asked.request,
        )

    async def _answer(self, interaction: Interaction, operation: Operation) -> Reply:
        if interaction.is_cancelled:
            await asyncio.sleep(self._replayer.idle_limit.total_seconds())
            raise SimulationMismatchError(
                f"interaction {interaction.number}, {interaction.operation}, was cancelled when it was recorded, and "
                "has no answer"
            )
        if self._replayer.before_replay is not None:
            return self._changed(interaction, operation)
        if bytes(interaction.raw_error):
            raise error_of(parsed(bytes(interaction.raw_error)), self._form)
        kept = self._kept.get(interaction.number)
        if kept is None:
            told = parsed(bytes(interaction.raw_reply))
            if told["kind"] in _STREAMS:
                return self._stream(interaction, told, operation)
            kept = reply_of(told, Form(self._options))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[interaction.number] = kept
        return self._live(kept)

    def _changed(self, interaction: Interaction, operation: Operation) -> Reply:
        """Answer what the program's own hook makes of the recorded answer."""
        hook = self._replayer.before_replay
        assert hook is not None  # noqa: S101  # the caller has looked
        told = {
            "operation": interaction.operation,
            "namespace": interaction.namespace,
            "request": interaction.request,
            **({"reply": interaction.reply} if interaction.reply is not None else {"error": interaction.error}),
        }
        changed = hook(told)
        if changed.get("error") is not None:
            raise error_of(changed["error"], self._form)
        reply: Mapping[str, Any] = changed["reply"]
        if reply["kind"] in _STREAMS:
            return self._stream(interaction, reply, operation)
        return reply_of(reply, self._form)

    def _stream(self, interaction: Interaction, told: Mapping[str, Any], operation: Operation) -> Reply:
        if told["kind"] == "cursor":
            return replies.CursorReply(ReplayedFrames(interaction, self._form, pause=self._pause))
        opened = told.get("opened")
        time = None if opened is None else self._form.unpacked_value("operation_time", opened)
        wait = operation.options.max_await_time if isinstance(operation, op.Watch) else None
        batches = ReplayedBatches(
            interaction,
            self._form,
            pause=self._pause,
            idle=wait or timedelta(seconds=1),
            limit=self._replayer.idle_limit,
        )
        return replies.ChangeStreamReply(batches, time)

    def _live(self, reply: Reply) -> Reply:
        """Return a reply with the values of this run in its documents."""
        live = self._replayer.bindings.live
        match reply:
            case replies.DocumentReply(document=bytes(document)):
                changed = live(document)
                return reply if changed is document else replies.DocumentReply(changed)
            case replies.UpdateReply(upserted=bytes(upserted)):
                return replace(reply, upserted=live(upserted))
            case replies.BulkWriteReply(upserted=upserted) if upserted:
                return replace(reply, upserted=tuple((index, live(document)) for index, document in upserted))
            case replies.ValuesReply(values=values):
                return replies.ValuesReply(live(values))
            case replies.DocumentsReply(documents=documents):
                return replies.DocumentsReply(tuple(live(document) for document in documents))
            case _:
                return reply

    def _unpacked(self, told: Mapping[str, Any]) -> bytes:
        return self._replayer.bindings.live(raw_of(told))

    async def _pause(self, seconds: float) -> None:
        """Wait as long as an answer takes."""
        latency = self._replayer.latency
        if latency is None:
            return
        await asyncio.sleep(seconds if latency == "recorded" else latency.total_seconds())
