"""Streams whose first frame is read already: a cursor may be opened only when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_devops_mongodb.replies import CursorReply

if TYPE_CHECKING:
    from llm_devops_mongodb.replies import Frame, FrameStream, Reply


async def opened(reply: Reply) -> Reply:
    """Return `reply`; of a stream the first frame is read, so that a failure to open it comes now."""
    if not isinstance(reply, CursorReply):
        return reply
    try:
        first = await reply.frames.next()
    except BaseException:
        await reply.frames.aclose()
        raise
    return CursorReply(_OpenedFrames(reply.frames, first))


class _OpenedFrames:
    """A frame that was read ahead, and the stream that it came from."""

    def __init__(self, frames: FrameStream, first: Frame | None) -> None:
        self._frames = frames
        self._first = first

    async def next(self) -> Frame | None:
        """The next frame; None once there are no more."""
        first, self._first = self._first, None
        return await self._frames.next() if first is None else first

    async def aclose(self) -> None:
        """Give up the rest and free the server's cursor."""
        self._first = None
        await self._frames.aclose()
