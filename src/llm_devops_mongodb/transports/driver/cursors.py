"""Server cursors as streams of frames that leave nothing behind.

The driver closes the connection of a read that is cancelled and forgets the cursor, which then stays on the server
for ten minutes. So each call to the server runs in a task of its own: a cancelled reader leaves at once, and the call
is finished and its cursor closed behind it. A session ends only after that, for the driver closes no cursor afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pymongo
from bson.int64 import Int64
from pymongo.errors import ConnectionFailure, PyMongoError

from llm_devops_mongodb.errors import CursorError, OperationTimeoutError
from llm_devops_mongodb.transports.driver.deadlines import Deadline
from llm_devops_mongodb.transports.driver.errors import DRIVER_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractContextManager
    from datetime import timedelta

    from pymongo.asynchronous.command_cursor import AsyncCommandCursor
    from pymongo.asynchronous.cursor import AsyncCursor
    from pymongo.asynchronous.database import AsyncDatabase

    from llm_devops_mongodb.errors import MongoError
    from llm_devops_mongodb.replies import Frame

    DriverCursor = AsyncCursor[Any] | AsyncCommandCursor[Any]
    Translate = Callable[[BaseException, Deadline | None], MongoError]
    Lent = Callable[[], AbstractContextManager[object]]
    Kill = Callable[[int], Coroutine[Any, Any, None]]

_TAILABLE_PAUSE = 0.05
_KILL_LIMIT = 5.0
_DOCUMENTS = 1000
"""Documents in a frame, where nobody said how many a batch has."""


class Reaper:
    """Finishes behind their backs what cancelled readers left under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def adopt(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end, whoever has left."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self, *, grace: float) -> None:
        """Give what is under way `grace` seconds, then cancel it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        late = tuple(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def opened(opening: Coroutine[Any, Any, DriverCursor], reaper: Reaper) -> DriverCursor:
    """Await a call that opens a cursor; if the caller is cancelled meanwhile, the cursor is closed when it opens."""
    call = asyncio.ensure_future(opening)
    try:
        # Not a shield: from Python 3.14 it reports the failure of what it shielded, which here is nobody's concern.
        await asyncio.wait((call,))
    except asyncio.CancelledError:
        reaper.adopt(_close_when_opened(call))
        raise
    return call.result()


async def _close_when_opened(call: asyncio.Future[DriverCursor]) -> None:
    for cursor in await asyncio.gather(call, return_exceptions=True):
        if not isinstance(cursor, BaseException):
            await _quietly(cursor.close())


class CursorFrames:
    """The frames of one cursor: a `FrameStream`."""

    def __init__(self, cursor: DriverCursor, *, translate: Translate, lent: Lent, reaper: Reaper, kill: Kill) -> None:
        self._cursor = cursor
        self._kill = kill
        self._number = 0
        self._translate = translate
        self._lent = lent
        self._reaper = reaper
        self._call: asyncio.Task[Frame | None] | None = None
        self._failure: MongoError | None = None
        self._closed = False
        self._deadline: Deadline | None = None

    def end_by(self, deadline: Deadline) -> None:
        """Fail where the last frame has not come by then."""
        self._deadline = deadline

    async def next(self) -> Frame | None:
        """The next frame; None once there are no more."""
        if self._failure is not None:
            raise self._failure
        if self._closed:
            return None
        if self._call is not None:
            raise CursorError("two tasks read one stream; give each its own")
        with self._lent():
            frame = await self._pulled()
        if frame is None:
            await self.aclose()
            if self._failure is not None:
                raise self._failure
        return frame

    async def aclose(self) -> None:
        """Close the server's cursor. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._call is not None:
            # Another task is reading: it gets what it waits for, and the cursor is closed behind it.
            self._reaper.adopt(self._close_after(self._call))
            return
        closing = asyncio.ensure_future(_quietly(self._cursor.close()))
        try:
            await asyncio.wait((closing,))
        except asyncio.CancelledError:
            self._reaper.adopt(_quietly(closing))
            raise

    async def _pulled(self) -> Frame | None:
        call = self._call = asyncio.create_task(self._pull())
        try:
            await asyncio.wait((call,))
        except asyncio.CancelledError:
            self._abandon(call)
            raise
        self._call = None
        try:
            return call.result()
        except OperationTimeoutError as error:
            self._failure = error
            await self.aclose()
            raise
        except DRIVER_ERRORS as error:
            self._failure = self._translate(error, self._deadline)
            await self.aclose()
            if isinstance(error, ConnectionFailure) and self._number:
                # The driver takes the cursor for gone with its connection. The server keeps it for ten minutes.
                self._reaper.adopt(self._kill(self._number))
            raise self._failure from error

    async def _pull(self) -> Frame | None:
        while not self._closed:
            try:
                frame = await self._batch()
            except StopAsyncIteration:
                if not self._cursor.alive:
                    self._failure = self._loss()
                    return None
                # Only a tailable cursor lives on at the end of its data.
                await asyncio.sleep(_TAILABLE_PAUSE)
                continue
            if frame:
                return frame
        return None

    async def _batch(self) -> bytes:
        self._number = self._cursor.cursor_id or 0
        if self._deadline is None:
            return await self._read()
        with self._deadline.bounding():
            return await self._read()

    async def _read(self) -> bytes:
        batch: bytes = await self._cursor.next()
        return batch

    def _loss(self) -> MongoError | None:
        """Why the cursor ended, where that was not the end of its data."""
        return None

    def _abandon(self, call: asyncio.Task[Frame | None]) -> None:
        self._failure = CursorError("reading was cancelled, and the cursor is closed; ask again")
        self._closed = True
        self._reaper.adopt(self._close_after(call))

    async def _close_after(self, call: asyncio.Task[Frame | None]) -> None:
        await asyncio.gather(call, return_exceptions=True)
        await _quietly(self._cursor.close())


class DocumentFrames(CursorFrames):
    """The frames of a cursor of raw documents: an aggregation's.

    The driver's raw batches of an aggregation cost a round trip more: it asks for an empty first batch.
    """

    def __init__(
        self,
        cursor: DriverCursor,
        *,
        translate: Translate,
        lent: Lent,
        reaper: Reaper,
        kill: Kill,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(cursor, translate=translate, lent=lent, reaper=reaper, kill=kill)
        self._length = batch_size or _DOCUMENTS

    async def _read(self) -> bytes:
        documents = await self._cursor.to_list(self._length)
        if not documents:
            raise StopAsyncIteration
        return b"".join(document.raw for document in documents)


class TailableFrames(CursorFrames):
    """The frames of a tailable cursor, which ends only where the server closes it.

    The driver hides why a tailable cursor was lost: its place was overwritten, or it was killed. The number it then
    still has tells that it was.
    """

    _limit: timedelta | None = None

    def end_by(self, deadline: Deadline) -> None:
        """Fail where one request takes longer: waiting for what is not there yet is what the cursor is for."""
        self._limit = deadline.limit

    async def _batch(self) -> bytes:
        self._deadline = None if self._limit is None else Deadline(self._limit)
        return await super()._batch()

    def _loss(self) -> MongoError | None:
        if not self._cursor.cursor_id:
            return None
        return CursorError("the tailable cursor was lost: its place was overwritten, or it was killed")


async def _quietly(work: Awaitable[object]) -> None:
    """Await `work`. A cursor that cannot be closed is left to the server's own time limit; there is nobody to tell."""
    with contextlib.suppress(Exception):
        await work


async def kill_cursor(database: AsyncDatabase[Any], collection: str, number: int) -> None:
    """Have the server let go of a cursor that the driver no longer knows, as far as the server can be reached."""
    with contextlib.suppress(PyMongoError), pymongo.timeout(_KILL_LIMIT):
        await database.command(
            "killCursors",
            collection or "$cmd.aggregate",
            cursors=[Int64(number)],
            read_preference=database.read_preference,
        )
