"""A transport that answers from a script and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bson

from llm_devops_mongodb.operations import Operation
from llm_devops_mongodb.replies import CursorReply, Reply

Answer = Reply | Exception | Callable[[Operation], Reply]


class StubTransport:
    """Answers the given answers in turn; the last one goes on."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.operations: list[Any] = []
        self.closed = 0

    async def handle(self, operation: Operation) -> Reply:
        self.operations.append(operation)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(operation) if callable(answer) else answer

    async def aclose(self) -> None:
        self.closed += 1


class StubFrames:
    """Frames from a list; an exception in it is raised."""

    def __init__(self, frames: Iterable[bytes | Exception]) -> None:
        self._frames = list(frames)
        self.closed = 0

    async def next(self) -> bytes | None:
        frame = self._frames.pop(0) if self._frames else None
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def aclose(self) -> None:
        self.closed += 1


def frame(*documents: dict[str, Any]) -> bytes:
    """The documents as one frame."""
    return b"".join(bson.encode(document) for document in documents)


def cursor(*frames: bytes | Exception) -> CursorReply:
    """A reply whose stream gives `frames`."""
    return CursorReply(StubFrames(frames))
