"""Change streams as the server gives them: one cursor, batch by batch, with the place where each batch ends.

The driver's own change stream is not used: it closes itself where a reader is cancelled, resumes once and hides that,
and shows a batch's place only event by event. Resuming is the business of who reads: it is another operation.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from pymongo.errors import ConnectionFailure

from llm_devops_mongodb.replies import ChangeBatch
from llm_devops_mongodb.transports.driver.arguments import milliseconds
from llm_devops_mongodb.transports.driver.deadlines import Deadline
from llm_devops_mongodb.transports.driver.errors import DRIVER_ERRORS

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta

    from pymongo.asynchronous.client_session import AsyncClientSession
    from pymongo.asynchronous.command_cursor import AsyncCommandCursor

    from llm_devops_mongodb.operations import Watch
    from llm_devops_mongodb.options import ChangeStreamOptions
    from llm_devops_mongodb.transports.driver.cursors import Kill, Lent, Reaper, Translate

_NAMES = {
    "full_document": "fullDocument",
    "full_document_before_change": "fullDocumentBeforeChange",
    "start_at_operation_time": "startAtOperationTime",
    "show_expanded_events": "showExpandedEvents",
}
_SPLIT: dict[str, Any] = {"$changeStreamSplitLargeEvent": {}}


def stages_of(operation: Watch, pipeline: list[Any]) -> list[Any]:
    """Return `pipeline` with the stage that makes it a change stream, and the one that cuts large events."""
    options = operation.options
    watched: dict[str, Any] = {"allChangesForCluster": True} if operation.whole_deployment else {}
    watched |= {name: getattr(options, key) for key, name in _NAMES.items() if getattr(options, key) is not None}
    if options.resume_after is not None:
        watched["resumeAfter"] = options.resume_after.as_document()
    if options.start_after is not None:
        watched["startAfter"] = options.start_after.as_document()
    return [{"$changeStream": watched}, *pipeline, *([_SPLIT] if options.split_large_events else [])]


def arguments_of(options: ChangeStreamOptions, *, limit: timedelta | None) -> dict[str, Any]:
    """Return the arguments of the driver's `aggregate`.

    Args:
        options: Those of the change stream.
        limit: How long one request may take: the server is to answer well before.
    """
    given: dict[str, Any] = {
        "batchSize": options.batch_size,
        "collation": options.collation,
        "comment": options.comment,
    }
    await_time = options.max_await_time
    if limit is not None:
        await_time = min(limit / 2, await_time or limit)
    if await_time is not None:
        given["maxAwaitTimeMS"] = milliseconds(await_time)
    return {name: value for name, value in given.items() if value is not None}


class DriverChangeBatches:
    """The batches of one cursor: a `ChangeBatches`.

    Args:
        cursor: The driver's cursor; the first batch is in it.
        translate: Makes this library's error of the driver's.
        lent: Lends the session it was opened in for a request.
        reaper: Finishes what nobody waits for.
        kill: Has the server let go of a cursor that the driver has forgotten.
        session: Its own session, which ends with it; None where the caller gave one.
        limit: How long one request may take.
    """

    def __init__(
        self,
        cursor: AsyncCommandCursor[Any],
        *,
        translate: Translate,
        lent: Lent,
        reaper: Reaper,
        kill: Kill,
        session: AsyncClientSession | None,
        limit: timedelta | None,
    ) -> None:
        self._cursor = cursor
        self._translate = translate
        self._lent = lent
        self._reaper = reaper
        self._kill = kill
        self._session = session
        self._limit = limit
        self._closed = False

    async def next(self) -> ChangeBatch | None:
        """Ask for one batch; the first came when the cursor was opened."""
        if self._closed:
            return None
        deadline = None if self._limit is None else Deadline(self._limit)
        number = self._cursor.cursor_id or 0
        try:
            with self._lent():
                batch = await self._pulled(deadline)
        except DRIVER_ERRORS as error:
            failure = self._translate(error, deadline)
            await self.aclose()
            if isinstance(error, ConnectionFailure) and number:
                # The driver takes the cursor for gone with its connection. The server keeps it for ten minutes.
                self._reaper.adopt(self._kill(number))
            raise failure from error
        except BaseException:
            self._reaper.adopt(self._given_up(number))
            raise
        if batch.is_last:
            await self.aclose()
        return batch

    async def aclose(self) -> None:
        """Close the cursor on the server, which ends a request that is under way."""
        if self._closed:
            return
        self._closed = True
        with suppress(Exception):
            await self._cursor.close()
        await self._end_session()

    async def _pulled(self, deadline: Deadline | None) -> ChangeBatch:
        events: list[Any] = []
        # The public `try_next` gives one event, and nothing public tells where a batch ends.
        cursor: Any = self._cursor
        with nullcontext() if deadline is None else deadline.bounding():
            await cursor._next_batch(events)  # noqa: SLF001
        token = cursor._post_batch_resume_token  # noqa: SLF001
        frame = b"".join([event.raw for event in events])
        return ChangeBatch(frame, getattr(token, "raw", None), is_last=not cursor.alive)

    async def _given_up(self, number: int) -> None:
        """Close behind a reader that was cancelled: with it the driver closed the connection and forgot the cursor."""
        self._closed = True
        with suppress(Exception):
            await self._cursor.close()
        if number:
            await self._kill(number)
        await self._end_session()

    def __del__(self) -> None:
        # Of a stream that nobody closed the driver closes the cursor, but does not know that the session is its own.
        if (session := self._session) is not None:
            session._end_implicit_session()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):
                await session.end_session()


async def closed_behind(opening: Coroutine[Any, Any, Any], session: AsyncClientSession | None) -> Any:
    """Await `opening`; where it fails, end the session that was made for it."""
    try:
        return await opening
    except BaseException:
        if session is not None:
            await session.end_session()
        raise
