"""Streams as they were recorded: whole, or as far as they were read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import SimulationMismatchError
from llm_devops_mongodb.replies import ChangeBatch
from llm_devops_mongodb.simulation.answers import Form, error_of
from llm_devops_mongodb.simulation.documents import parsed, raw_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from llm_devops_mongodb.replies import Frame
    from llm_devops_mongodb.simulation.cassette import Interaction, Part

    Pause = Callable[[float], Awaitable[None]]


class _Parts:
    """The parts of an interaction, one after the other; the last one stays."""

    def __init__(self, interaction: Interaction, form: Form) -> None:
        self._interaction = interaction
        self._form = form
        self._position = 0

    def next(self) -> Part | None:
        """The next part; None where no more was recorded.

        Raises:
            MongoError: It is the error that ended the stream.
        """
        parts = self._interaction.parts
        if self._position >= len(parts):
            return None
        part = parts[self._position]
        if bytes(part.raw_error):
            raise error_of(parsed(bytes(part.raw_error)), self._form)
        if part.end is None:
            self._position += 1
        return part

    def frame(self, part: Part) -> Frame:
        """Return the documents of a batch."""
        return b"".join(self._form.live(document) for document in part.raw_batch())


class ReplayedFrames:
    """The frames of a recorded cursor."""

    def __init__(self, interaction: Interaction, form: Form, *, pause: Pause) -> None:
        self._number = interaction.number
        self._parts = _Parts(interaction, form)
        self._pause = pause
        self._is_closed = False

    async def next(self) -> Frame | None:
        """The next frame; None once there are no more.

        Raises:
            SimulationMismatchError: It was not read any further when it was recorded.
        """
        if self._is_closed:
            return None
        part = self._parts.next()
        if part is not None and part.end is None:
            await self._pause(part.seconds)
            return self._parts.frame(part)
        if part is not None and part.end == "exhausted":
            return None
        raise SimulationMismatchError(
            f"the cursor of interaction {self._number} was read no further when it was recorded; record anew"
        )

    async def aclose(self) -> None:
        """Give up the rest."""
        self._is_closed = True


class ReplayedBatches:
    """The batches of a recorded change stream; where they end, nothing happens any more."""

    def __init__(
        self, interaction: Interaction, form: Form, *, pause: Pause, idle: timedelta, limit: timedelta
    ) -> None:
        self._number = interaction.number
        self._parts = _Parts(interaction, form)
        self._form = form
        self._pause = pause
        self._idle = idle.total_seconds()
        self._left = limit.total_seconds()
        self._token: bytes | None = None
        self._closed = asyncio.Event()

    async def next(self) -> ChangeBatch | None:
        """The next batch; None once the server had closed the cursor.

        Raises:
            SimulationMismatchError: The recording ended long ago, and nothing can happen any more.
        """
        if self._closed.is_set():
            return None
        part = self._parts.next()
        if part is None or part.end == "abandoned":
            return await self._quiet()
        if part.end == "exhausted":
            return None
        await self._pause(part.seconds)
        token = bytes(part.raw_token)
        self._token = raw_of(parsed(token)) if token else None
        return ChangeBatch(self._parts.frame(part), self._token, is_last=part.is_last)

    async def aclose(self) -> None:
        """Close the stream; a `next` under way ends."""
        self._closed.set()

    async def _quiet(self) -> ChangeBatch | None:
        if self._left <= 0:
            raise SimulationMismatchError(
                f"the change stream of interaction {self._number} gave no more when it was recorded, and the program "
                "still waits; record anew"
            )
        self._left -= self._idle
        with suppress(TimeoutError):
            async with asyncio.timeout(self._idle):
                await self._closed.wait()
        return None if self._closed.is_set() else ChangeBatch(b"", self._token)
