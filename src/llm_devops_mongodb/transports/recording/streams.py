"""Streams that write down what they give."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import MongoError
from llm_devops_mongodb.simulation.notes import Timing

if TYPE_CHECKING:
    from llm_devops_mongodb.replies import ChangeBatch, ChangeBatches, Frame, FrameStream
    from llm_devops_mongodb.simulation.notes import Note


class RecordedFrames:
    """Frames that are written down as they are read; those that nobody reads are not."""

    def __init__(self, inner: FrameStream, note: Note) -> None:
        self._inner = inner
        self._note = note
        self._is_over = False

    async def next(self) -> Frame | None:
        """The next frame; None once there are no more."""
        at, began = datetime.now(UTC), perf_counter()
        try:
            frame = await self._inner.next()
        except MongoError as error:
            if not self._is_over:
                self._is_over = True
                self._note.failed(error, Timing(at, perf_counter() - began))
            raise
        timing = Timing(at, perf_counter() - began)
        if frame is not None:
            self._note.batch(frame, timing)
        elif not self._is_over:
            self._is_over = True
            self._note.ended(timing, is_exhausted=True)
        return frame

    async def aclose(self) -> None:
        """Give up the rest."""
        if not self._is_over:
            self._is_over = True
            self._note.ended(Timing(datetime.now(UTC), 0.0), is_exhausted=False)
        await self._inner.aclose()


class RecordedBatches:
    """Batches of a change stream that are written down as they are read, those without events too."""

    def __init__(self, inner: ChangeBatches, note: Note) -> None:
        self._inner = inner
        self._note = note
        self._is_over = False

    async def next(self) -> ChangeBatch | None:
        """The next batch; None once the server has closed the cursor."""
        at, began = datetime.now(UTC), perf_counter()
        try:
            batch = await self._inner.next()
        except MongoError as error:
            if not self._is_over:
                self._is_over = True
                self._note.failed(error, Timing(at, perf_counter() - began))
            raise
        timing = Timing(at, perf_counter() - began)
        if batch is not None:
            self._note.batch(batch.frame, timing, token=batch.token, is_last=batch.is_last)
        elif not self._is_over:
            self._is_over = True
            self._note.ended(timing, is_exhausted=True)
        return batch

    async def aclose(self) -> None:
        """Close the server's cursor."""
        if not self._is_over:
            self._is_over = True
            self._note.ended(Timing(datetime.now(UTC), 0.0), is_exhausted=False)
        await self._inner.aclose()
