"""Operations, answers and batches as the lines of a cassette: without secrets, and as the hook of the program wants."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from llm_devops_mongodb.codecs import documents_of
from llm_devops_mongodb.simulation.answers import Form, told_error, told_reply
from llm_devops_mongodb.simulation.cassette import Interaction, Part
from llm_devops_mongodb.simulation.cassette.content import NOTHING
from llm_devops_mongodb.simulation.documents import decoded, packed, text_of
from llm_devops_mongodb.simulation.secrecy import answer_aliases

if TYPE_CHECKING:
    from datetime import datetime

    from bson.codec_options import CodecOptions

    from llm_devops_mongodb.errors import MongoError
    from llm_devops_mongodb.replies import Frame, Reply
    from llm_devops_mongodb.simulation import following
    from llm_devops_mongodb.simulation.describing import Asked
    from llm_devops_mongodb.simulation.recorder import SimulationRecorder

_DIGITS = 6
_NONE: frozenset[str] = frozenset()


class Timing(NamedTuple):
    """When something was asked, and how long the answer took."""

    at: datetime
    seconds: float


class Note:
    """One operation that is under way, until its answer and what it opened are written.

    Args:
        recorder: Where it is written.
        asked: The operation.
        part: What it is part of.
        client: The number of the client.
        options: How values are written as BSON.
    """

    def __init__(
        self,
        recorder: SimulationRecorder,
        asked: Asked,
        part: following.Part,
        *,
        client: int,
        options: CodecOptions[Any],
    ) -> None:
        self._recorder = recorder
        self._redactor = recorder.redactor
        self._asked = asked
        self._part = part
        self._client = client
        self._number = recorder.next_number()
        self._parts = 0
        self._is_left_out = False
        self._is_suspect = self._redactor.fields.may_be_in(asked.request)
        self._aliases: frozenset[str] = (
            answer_aliases(asked.operation, asked.request, self._redactor.fields) if self._is_suspect else _NONE
        )
        self._form = Form(options, pack=self._decoded if recorder.has_hook else self._packed)

    def reply(self, reply: Reply, timing: Timing) -> None:
        """Write the answer."""
        self._write(timing, reply=told_reply(reply, self._form))

    def error(self, error: MongoError, timing: Timing) -> None:
        """Write the error that was the answer."""
        self._write(timing, error=told_error(error, self._form))

    def cancelled(self, timing: Timing) -> None:
        """Write that nobody waited for the answer."""
        self._write(timing, is_cancelled=True)

    def batch(self, frame: Frame, timing: Timing, *, token: bytes | None = None, is_last: bool = False) -> None:
        """Write a batch of a stream."""
        members: dict[str, Any] = {}
        if token is not None:
            members["raw_token"] = _json(packed(token))
        if is_last:
            members["is_last"] = True
        if self._recorder.has_hook:
            documents = [decoded(self._hidden(document)) for document in documents_of(frame)]
            changed = self._recorder.changed(self._told(documents=documents))
            if changed is None:
                return
            members["raw_documents"] = _text(changed["documents"])
        elif self._aliases or self._redactor.may_hold_secrets(frame):
            members["raw_documents"] = _json([packed(self._hidden(document)) for document in documents_of(frame)])
        else:
            members["raw_frame"] = msgspec.Raw(b'"%b"' % base64.b64encode(frame))
        self._write_part(timing, **members)

    def failed(self, error: MongoError, timing: Timing) -> None:
        """Write that a stream failed."""
        self._write_part(timing, raw_error=_json(told_error(error, self._form)))

    def ended(self, timing: Timing, *, is_exhausted: bool) -> None:
        """Write how a stream ended."""
        self._write_part(timing, end="exhausted" if is_exhausted else "abandoned")

    def _write(self, timing: Timing, **answer: Any) -> None:
        request = self._asked.request
        if self._is_suspect:
            request = self._redactor.request(request, self._aliases)
        if self._recorder.has_hook:
            changed = self._recorder.changed(self._told(request=decoded(request), **answer))
            if changed is None:
                self._is_left_out = True
                return
            members = {
                name: _text(changed[name]) for name in ("request", "reply", "error") if changed.get(name) is not None
            }
        else:
            members = {"request": _json(packed(request))}
            members |= {name: _json(answer[name]) for name in ("reply", "error") if name in answer}
        self._recorder.write(
            Interaction(
                number=self._number,
                at=timing.at,
                seconds=round(timing.seconds, _DIGITS),
                client=self._client,
                session=self._part.session,
                transaction=self._part.transaction,
                snapshot=self._asked.session is not None and self._asked.session.snapshot,
                operation=self._asked.operation,
                namespace=self._asked.namespace,
                is_cancelled=bool(answer.get("is_cancelled")),
                raw_request=members.get("request", NOTHING),
                raw_reply=members.get("reply", NOTHING),
                raw_error=members.get("error", NOTHING),
            )
        )

    def _write_part(self, timing: Timing, **members: Any) -> None:
        if self._is_left_out:
            return
        self._parts += 1
        seconds = round(timing.seconds, _DIGITS)
        self._recorder.write(Part(of=self._number, part=self._parts, at=timing.at, seconds=seconds, **members))

    def _told(self, **content: Any) -> dict[str, Any]:
        return {"operation": self._asked.operation, "namespace": self._asked.namespace, **content}

    def _decoded(self, raw: bytes) -> dict[str, Any]:
        return decoded(self._hidden(raw))

    def _packed(self, raw: bytes) -> dict[str, str]:
        return packed(self._hidden(raw))

    def _hidden(self, raw: bytes) -> bytes:
        return self._redactor.reply(raw, self._aliases)


def _json(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _text(value: Any) -> msgspec.Raw:
    return msgspec.Raw(text_of(value).encode())
