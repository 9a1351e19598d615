"""A change stream that goes on where it was, whatever happens to a server or to who reads it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from llm_devops_mongodb.change_streams.events import OperationType
from llm_devops_mongodb.change_streams.fragments import Fragments
from llm_devops_mongodb.change_streams.outage import RESUMABLE, Outage, is_resumable, is_too_late
from llm_devops_mongodb.change_streams.position import Position
from llm_devops_mongodb.codecs import decode_document, split_frame
from llm_devops_mongodb.errors import CursorError, InvalidDocumentError, MongoError, OperationTimeoutError
from llm_devops_mongodb.options import checked_timeout
from llm_devops_mongodb.replies import ChangeStreamReply
from llm_devops_mongodb.resume_token import ResumeToken
from llm_devops_mongodb.transport import expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from types import TracebackType

    from bson import Timestamp

    from llm_devops_mongodb.change_streams.events import ChangeEvent
    from llm_devops_mongodb.change_streams.reading import EventReader
    from llm_devops_mongodb.codecs import BsonSettings
    from llm_devops_mongodb.operations import Watch
    from llm_devops_mongodb.replies import ChangeBatch, ChangeBatches
    from llm_devops_mongodb.transport import Transport

T = TypeVar("T")

OnEventError = Literal["event", "raise", "skip"]
"""What to do with an event whose document does not fit `T`: give it and let it say so, raise, or leave it out."""

_USUAL_WAIT = timedelta(seconds=1)
"""How long a server waits for events where nothing is said."""

_GRACE = 1.5
"""Seconds that a request under way has to end behind a stream that was closed."""

_log = logging.getLogger("llm_devops_mongodb")


class ChangeStream(Generic[T]):
    """The changes of a collection, a database or a deployment, in their order.

    It opens at `async with`, when it is awaited, or when it is first read. Where a server fails it is opened again
    after the last event that was given out, so none is lost and none comes twice. One task reads it; a wait may be
    cancelled or cut short at any time: the request goes on, and the next call takes its answer.

    Example:
        ```python
        async with users.watch() as stream:
            async for event in stream:
                print(event.operation, event.document_key)
        ```
    """

    def __init__(
        self,
        transport: Transport,
        operation: Watch,
        reader: EventReader[T],
        *,
        bson: BsonSettings,
        on_error: OnEventError = "event",
        outage: Outage | None = None,
    ) -> None:
        if on_error not in {"event", "raise", "skip"}:
            raise InvalidDocumentError("on_error is 'event', 'raise' or 'skip'")
        self._transport = transport
        self._operation = operation
        self._reader = reader
        self._bson = bson
        self._on_error = on_error
        self._outage = outage or Outage(operation.options.resume_limit)
        self._position = Position(operation.options)
        self._fragments = Fragments() if operation.options.split_large_events else None
        self._batches: ChangeBatches | None = None
        self._batch_token: ResumeToken | None = None
        self._chunks: deque[bytes] = deque()
        self._events: deque[ChangeEvent[T]] = deque()
        self._call: asyncio.Task[ChangeBatch | None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._failure: MongoError | None = None
        self._resumes = 0
        self._is_opened = False
        self._is_last_batch = False
        self._is_invalidated = False
        self._is_ended = False
        self._is_held = False
        self._is_reading = False

    @property
    def resume_token(self) -> ResumeToken | None:
        """Where the stream would go on now; None while the server has told no place.

        It is that of the last event given out, and at the end of a batch the server's own, which moves on without
        events too.
        """
        return self._position.token

    @property
    def operation_time(self) -> Timestamp | None:
        """The deployment's logical time when the stream was first opened; a stream may start there again."""
        return self._position.operation_time

    @property
    def alive(self) -> bool:
        """False once it has ended, has failed for good, or is closed."""
        return self._closing is None and self._failure is None and not self._is_ended

    @property
    def resumes(self) -> int:
        """How often it was opened again after a failure."""
        return self._resumes

    async def open(self) -> Self:
        """Open it, if it is not open: it tells what happens from then on.

        Raises:
            HistoryLostError: It was to begin at a place that the deployment no longer knows.
            ResumeTokenError: The server does not take the token it was to begin after.
            QueryError: The server refuses the pipeline or an option, or keeps no history (a standalone server).
        """
        if not self._is_opened:
            with self._alone():
                await self._advance()
        return self

    async def next(self, *, timeout: timedelta | None = None) -> ChangeEvent[T] | None:
        """Wait for the next event; None once the stream has ended: after an `invalidate`, or because it was closed.

        Args:
            timeout: How long to wait; None waits for ever.

        Raises:
            OperationTimeoutError: There was no event in time. The stream goes on: call again.
            HistoryLostError: The deployment no longer keeps what comes next.
            DeserializationError: The document does not fit `T`; only with `on_error="raise"`. The stream goes on.
            MongoError: It failed.
        """
        event = self._taken()
        if event is not None:
            return event
        limit = checked_timeout(timeout)
        timer = asyncio.timeout(None if limit is None else limit.total_seconds())
        try:
            async with timer:
                return await self._awaited()
        except TimeoutError:
            if limit is None or not timer.expired():
                raise
            raise OperationTimeoutError("there was no event in time; the stream goes on", timeout=limit) from None

    async def try_next(self) -> ChangeEvent[T] | None:
        """Return the next event if there is one; at most one request is made, which waits for `max_await_time`.

        Raises:
            MongoError: It failed. Where a server may recover the stream lives on (`alive`): call again.
        """
        event = self._taken()
        if event is None and self._may_go_on():
            with self._alone():
                await self._advance_once()
            event = self._taken()
        return event

    async def next_batch(self) -> list[ChangeEvent[T]]:
        """Return some events that are at hand, or of one more request as `try_next` makes it; none is an empty list.

        `resume_token` is then after all of them. For readers of very many events: the request for the next batch is
        made while this one is worked on.

        Raises:
            MongoError: As of `try_next`.
        """
        events = self._drained()
        if not events and self._may_go_on():
            with self._alone():
                await self._advance_once()
            events = self._drained()
        if events and self._batches is not None and not self._is_last_batch and self.alive:
            self._ask()
        return events

    async def resume(self) -> None:
        """Open it anew after the last event that was given out; after an `invalidate` too.

        Raises:
            CursorError: It is closed.
            MongoError: It cannot be opened there.
        """
        if self._closing is not None:
            raise CursorError("the change stream is closed; watch again, with start_after its resume_token")
        with self._alone():
            # A task, so that it is done whole where this is cancelled.
            dropping = asyncio.create_task(self._drop())
            await asyncio.wait((dropping,))
            self._failure = None
            self._is_ended = self._is_invalidated = False
            await self._advance()

    async def aclose(self) -> None:
        """Close it and the server's cursor. May be called again; a `next` under way returns None."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._drop())
            if self._closed is not None:
                self._closed.set_result(None)
        # Not a shield: from Python 3.14 it reports the failure of what it shielded.
        await asyncio.wait((self._closing,))

    async def into_stream(self) -> AsyncGenerator[ChangeEvent[T], None]:
        """Give the events one by one, and close the stream at the end."""
        try:
            while (event := self._taken() or await self._awaited()) is not None:
                yield event
        finally:
            await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[ChangeEvent[T], None]:
        # A stream that nobody holds is closed where its loop ends.
        try:
            while (event := self._taken() or await self._awaited()) is not None:
                yield event
        finally:
            if not self._is_held:
                await self.aclose()

    def __await__(self) -> Generator[object, None, Self]:
        return self._held().__await__()

    async def __aenter__(self) -> Self:
        return await self._held()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _held(self) -> Self:
        """Open it for one who closes it; who is cancelled meanwhile never gets it to close."""
        self._is_held = True
        try:
            return await self.open()
        except asyncio.CancelledError:
            await self.aclose()
            raise

    async def _awaited(self) -> ChangeEvent[T] | None:
        """Ask for batches until one has an event, for as long as there is hope."""
        with self._alone():
            while self._may_go_on():
                try:
                    await self._advance()
                except MongoError as error:
                    self._survive(error)
                    if is_too_late(error) or not self._outage.met():
                        raise
                    await self._outage.wait()
                if (event := self._taken()) is not None:
                    return event
        return None

    async def _advance_once(self) -> None:
        """Make one request, and one more to go on where it fails."""
        if not self._is_opened:
            await self._advance()
            if self._chunks:
                return
        try:
            await self._advance()
        except MongoError as error:
            self._survive(error)
            if is_too_late(error):
                raise
            try:
                await self._advance()
            except MongoError as again:
                self._survive(again)
                raise

    def _may_go_on(self) -> bool:
        if self._failure is not None:
            raise self._failure
        return self.alive

    def _survive(self, error: MongoError) -> None:
        """Make ready to open the stream again; raise `error` where that cannot help."""
        if not self._is_opened:
            raise error
        if not is_resumable(error):
            self._failure = error
            raise error
        self._batches = None
        if self._fragments is not None:
            self._fragments.forget()
        _log.warning("change stream on %s: %s; it goes on", self._operation.namespace, type(error).__name__)

    async def _advance(self) -> None:
        """Take one batch: that of the request under way, or of a new one."""
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
        call = self._ask()
        await asyncio.wait((call, self._closed), return_when=asyncio.FIRST_COMPLETED)
        if self._closing is None:
            self._call = None
            self._take_batch(call.result())

    def _ask(self) -> asyncio.Task[ChangeBatch | None]:
        """Make a request, unless one is under way."""
        if self._call is None:
            self._call = asyncio.create_task(self._pulled())
            self._call.add_done_callback(_seen)
        return self._call

    async def _pulled(self) -> ChangeBatch | None:
        if self._batches is None:
            operation = replace(self._operation, options=self._position.options())
            reply = expect(await self._transport.handle(operation), ChangeStreamReply)
            if asyncio.current_task() is not self._call:
                # The stream was closed, or is opened elsewhere, meanwhile.
                await reply.batches.aclose()
                return None
            self._position.opened_at(reply.operation_time)
            self._resumes += self._is_opened
            self._is_opened = True
            self._batches = reply.batches
        else:
            batch = await self._batches.next()
            self._outage.is_over()
            return batch
        return await self._batches.next()

    def _take_batch(self, batch: ChangeBatch | None) -> None:
        if batch is None:
            if not self._is_invalidated:
                raise CursorError("the server closed the cursor of the change stream", labels={RESUMABLE})
            self._is_ended = True
            return
        self._is_last_batch = batch.is_last
        self._batch_token = None if batch.token is None else ResumeToken(decode_document(batch.token, self._bson))
        frame = batch.frame if self._fragments is None else self._fragments.joined(batch.frame)
        if frame:
            self._outage.is_over()
            self._chunks.extend(split_frame(frame))
        elif self._batch_token is not None and not self._is_within_event:
            self._wait_is_over(self._batch_token)

    def _wait_is_over(self, token: ResumeToken) -> None:
        """Be after a batch without events; the last one tells of an invalidation that the pipeline left out."""
        if self._is_last_batch:
            self._position.passed(token, invalidates=True)
            self._is_invalidated = self._is_ended = True
        else:
            self._position.waited(token)

    def _taken(self) -> ChangeEvent[T] | None:
        """Take the next event at hand, and be after it."""
        while self._events or self._decoded():
            event = self._events.popleft()
            self._pass(event)
            if event.error is None or self._is_given(event, event.error):
                return event
        return None

    def _drained(self) -> list[ChangeEvent[T]]:
        """Take the events at hand, and be after them."""
        if not self._events:
            self._decoded()
        events = list(self._events)
        if self._on_error == "raise":
            # One that does not fit is raised by a call of its own: those before it are not lost by that.
            events = list(takewhile(_fits, events)) or events[:1]
        for _ in events:
            self._events.popleft()
        if events:
            self._pass(events[-1])
        return [event for event in events if event.error is None or self._is_given(event, event.error)]

    def _is_given(self, event: ChangeEvent[T], error: MongoError) -> bool:
        """Tell whether an event that does not fit is given out; raise or log it where that was asked."""
        if self._on_error == "raise":
            raise error
        if self._on_error == "skip":
            _log.warning("skipped: %s", error, extra={"error": error})
        return self._on_error == "event"

    def _decoded(self) -> bool:
        """Make events of the next chunk; False where there is none."""
        if not self._chunks:
            return False
        try:
            self._events.extend(self._reader.read(self._chunks.popleft()))
        except MongoError as error:
            # What comes after an event that cannot be read is not given out as if there was none.
            self._chunks.clear()
            self._failure = error
            raise
        return True

    def _pass(self, event: ChangeEvent[T]) -> None:
        is_last = not self._events and not self._chunks and not self._is_within_event
        is_invalidate = event.operation is OperationType.INVALIDATE
        token = self._batch_token if is_last and not is_invalidate else None
        self._is_invalidated = is_invalidate or (is_last and self._is_last_batch)
        self._position.passed(token or event.id, invalidates=self._is_invalidated)

    @property
    def _is_within_event(self) -> bool:
        return self._fragments is not None and self._fragments.are_pending

    @contextmanager
    def _alone(self) -> Generator[None]:
        if self._is_reading:
            raise CursorError("two tasks read one change stream; give each its own")
        self._is_reading = True
        try:
            yield
        finally:
            self._is_reading = False

    async def _drop(self) -> None:
        """Give up what is at hand and under way, and close the server's cursor."""
        batches, call = self._batches, self._call
        self._batches = self._call = None
        self._chunks.clear()
        self._events.clear()
        if self._fragments is not None:
            self._fragments.forget()
        if batches is not None:
            await batches.aclose()
        if call is not None:
            longest = self._operation.options.max_await_time or _USUAL_WAIT
            # A server that is to wait longer than usual is not waited for.
            within = _GRACE if longest <= _USUAL_WAIT else 0
            ending = asyncio.create_task(_ended(call, within=within))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)


async def _ended(call: asyncio.Task[ChangeBatch | None], *, within: float) -> None:
    """See that a request ends: by itself, or else by cancelling it, which costs its connection.

    A server that waits for events notices that their cursor was killed only when it is done with waiting.
    """
    await asyncio.wait((call,), timeout=within)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


def _seen(call: asyncio.Task[ChangeBatch | None]) -> None:
    """Take note of how a request ended: nobody may come back for its answer."""
    if not call.cancelled():
        call.exception()


def _fits(event: ChangeEvent[Any]) -> bool:
    return event.error is None
