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
    from datetime import timedelta

    from bson import Timestamp

    from llm_devops_mongodb.operations import Watch
    from llm_devops_mongodb.options import ChangeStreamOptions
    from llm_devops_mongodb.transports.driver.cursors import DriverCursor, Kill, Lent, Reaper, Translate

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
        limit: How long one request may take.
    """

    def __init__(
        self,
        cursor: DriverCursor,
        *,
        translate: Translate,
        lent: Lent,
        reaper: Reaper,
        kill: Kill,
        limit: timedelta | None,
    ) -> None:
        self._cursor = cursor
        self._translate = translate
        self._lent = lent
        self._reaper = reaper
        self._kill = kill
        self._limit = limit
        self._is_fresh = True
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

    async def _pulled(self, deadline: Deadline | None) -> ChangeBatch:
        events: list[Any] = []
        # The public `try_next` gives one event, and nothing public tells where a batch ends.
        cursor: Any = self._cursor
        if self._is_fresh:
            # What came with the opening. Where that is nothing the driver would ask for more, and wait for it.
            self._is_fresh = False
            events += cursor._data  # noqa: SLF001
            cursor._data.clear()  # noqa: SLF001
        else:
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


def operation_time_of(cursor: Any) -> Timestamp | None:
    """Return the logical time when `cursor` was opened: its session heard it, and nothing public tells that session."""
    session = cursor._session  # noqa: SLF001
    return None if session is None else session.operation_time
