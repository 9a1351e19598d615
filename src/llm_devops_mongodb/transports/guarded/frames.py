"""Frames that are counted on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_devops_mongodb.codecs import documents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.replies import Frame, FrameStream


class CountedFrames:
    """The frames of another stream; the first that brings more than `most` documents is told."""

    def __init__(self, frames: FrameStream, *, most: int, tell: Callable[[], None]) -> None:
        self._frames = frames
        self._left: int | None = most
        self._tell = tell
        self._failure: Exception | None = None

    async def next(self) -> Frame | None:
        """The next frame; None once there are no more."""
        if self._failure is not None:
            raise self._failure
        frame = await self._frames.next()
        if frame is not None and self._left is not None:
            self._left -= sum(1 for _ in documents_of(frame))
            if self._left < 0:
                self._left = None
                await self._told()
        return frame

    async def aclose(self) -> None:
        """Close the stream. May be called again."""
        await self._frames.aclose()

    async def _told(self) -> None:
        try:
            self._tell()
        except Exception as error:
            # An error of the guard, or a warning that the program has made one.
            self._failure = error
            await self._frames.aclose()
            raise
