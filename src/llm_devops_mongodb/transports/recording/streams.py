"""Streams that write down what they give."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from llm_devops_mongodb.errors import MongoError
from llm_devops_mongodb.replies import ChangeBatch, Frame
from llm_devops_mongodb.simulation.notes import Timing

if TYPE_CHECKING:
    from llm_devops_mongodb.simulation.notes import Note

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Pulled(Protocol[T_co]):
    """What is pulled piece by piece, until it gives None."""

    async def next(self) -> T_co | None: ...

    async def aclose(self) -> None: ...


class _Recorded(ABC, Generic[T]):
    """A stream whose pieces are written down as they are read; those that nobody reads are not."""

    def __init__(self, inner: _Pulled[T], note: Note) -> None:
        self._inner = inner
        self._note = note
        self._is_over = False

    async def next(self) -> T | None:
        """The next piece; None once there are no more."""
        at, began = datetime.now(UTC), perf_counter()
        try:
            given = await self._inner.next()
        except MongoError as error:
            if not self._is_over:
                self._is_over = True
                self._note.failed(error, Timing(at, perf_counter() - began))
            raise
        timing = Timing(at, perf_counter() - began)
        if given is not None:
            self._write(given, timing)
        else:
            self._end(timing, is_exhausted=True)
        return given

    async def aclose(self) -> None:
        """Give up the rest."""
        self._end(Timing(datetime.now(UTC), 0.0), is_exhausted=False)
        await self._inner.aclose()

    def _end(self, timing: Timing, *, is_exhausted: bool) -> None:
        if not self._is_over:
            self._is_over = True
            self._note.ended(timing, is_exhausted=is_exhausted)

    @abstractmethod
    def _write(self, given: T, timing: Timing) -> None:
        """Write a piece down."""


class RecordedFrames(_Recorded[Frame]):
    """The frames of a cursor."""

    def _write(self, given: Frame, timing: Timing) -> None:
        self._note.batch(given, timing)


class RecordedBatches(_Recorded[ChangeBatch]):
    """The batches of a change stream, those without events too."""

    def _write(self, given: ChangeBatch, timing: Timing) -> None:
        self._note.batch(given.frame, timing, token=given.token, is_last=given.is_last)
