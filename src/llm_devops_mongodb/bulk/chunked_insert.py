"""Inserting documents without end, in chunks."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Generic, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.bulk.chunks import Chunk, Chunks
from llm_devops_mongodb.bulk.tally import InsertProgress, Tally
from llm_devops_mongodb.bulk.writes import checked_order
from llm_devops_mongodb.errors import BulkWriteError, InvalidDocumentError, MongoError
from llm_devops_mongodb.options import InsertOptions
from llm_devops_mongodb.replies import InsertReply
from llm_devops_mongodb.transport import expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from datetime import timedelta

    from llm_devops_mongodb.bulk.target import WriteTarget
    from llm_devops_mongodb.collection import Collection
    from llm_devops_mongodb.results import InsertManyResult
    from llm_devops_mongodb.session import Session

__all__ = ["InsertProgress", "chunked_insert"]

T = TypeVar("T")

_DEFAULT_OPTIONS = InsertOptions()


async def chunked_insert(
    collection: Collection[T],
    documents: Iterable[T] | AsyncIterable[T],
    chunk_size: int = 1000,
    *,
    ordered: bool = True,
    on_progress: Callable[[InsertProgress], object] | None = None,
    options: InsertOptions | None = None,
    session: Session | None = None,
    timeout: timedelta | None = None,
) -> InsertManyResult:
    """Insert documents as they come, however many, in constant memory.

    Documents are let go as soon as they are encoded: at most two chunks are held, one that is being sent and one that
    is being encoded meanwhile. One chunk is under way at a time, in the order given, each sent as `insert_many` sends
    it. In a session, which serves one operation at a time, the next document is asked for when the chunk before it is
    done, so that `documents` may read in the same session.

    Args:
        collection: Where to.
        documents: Any iterable or async iterable, even of no documents. It is read up to one chunk further than what
            is inserted when something fails.
        chunk_size: Documents in a chunk; one ends earlier when it holds 32 MiB. `optimal_batch_size` recommends one.
        ordered: Stop at the first document that fails; False tries each.
        on_progress: Called after each chunk; what it returns is awaited if it can be. Its error ends the insertion.
        options: How to insert.
        session: The session to write in.
        timeout: How long each chunk may take; None takes the handle's own, or else the configuration's.

    Returns:
        The ids by the index in `documents`; `inserted_ids` is a mapping that needs 12 bytes for an ObjectId. Without
        documents an empty result.

    Raises:
        BulkWriteError: Not everything was inserted. `result` holds the ids of what was, `write_errors` why single
            documents were not, both by the index in `documents`. It is also raised where something else ends the
            insertion after the first chunk, such as a lost connection or a document that is refused: that error is
            its `__cause__`, whose code and labels it has, but for those that call the whole safe to do again.
        MongoError: The same before the first chunk was done: as `insert_many` raises it.
        InvalidDocumentError: `documents` is a single document or a text, `chunk_size` is below 1, or `ordered` or
            `options` are of the wrong kind. With an index in text and path: the first chunk holds a document that is
            refused; nothing was sent.

    What `documents` or `on_progress` raises passes untouched, once the chunk under way is done; how far the insertion
    came is known to `on_progress`, and where documents had failed before, a note on the error says so. Where the chunk
    under way is the last, as when it fails, what `documents` raised meanwhile is not told. A cancelled or interrupted
    insertion cancels the chunk under way, whose documents may have been inserted. An async generator is closed where
    it is not read to its end.

    Example:
        ```python
        async def rows() -> AsyncIterator[Row]:
            async for line in lines:
                yield Row.parse(line)

        result = await chunked_insert(table, rows(), 5_000, on_progress=print)
        ```
    """
    if not isinstance(chunk_size, int) or isinstance(chunk_size, bool) or chunk_size < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # untyped callers
        raise InvalidDocumentError("chunk_size is a whole number of at least 1")
    options = _DEFAULT_OPTIONS if options is None else options
    if not isinstance(options, InsertOptions):  # pyright: ignore[reportUnnecessaryIsInstance]  # untyped callers
        raise InvalidDocumentError(f"options are InsertOptions, not {type(options).__name__}", path="options")
    insertion = _Insertion(
        collection.write_target(),
        options=options,
        ordered=checked_order(ordered),
        session=session,
        timeout=timeout,
        on_progress=on_progress,
    )
    return await insertion.run(documents, chunk_size)


class _Insertion(Generic[T]):
    """One insertion under way."""

    def __init__(
        self,
        target: WriteTarget[T],
        *,
        options: InsertOptions,
        ordered: bool,
        session: Session | None,
        timeout: timedelta | None,
        on_progress: Callable[[InsertProgress], object] | None,
    ) -> None:
        self._target = target
        self._options = options
        self._ordered = ordered
        self._session = session
        self._timeout = timeout
        self._on_progress = on_progress
        self._sending: asyncio.Task[None] | None = None
        self._tally = Tally(ordered=ordered)

    async def run(self, documents: Iterable[T] | AsyncIterable[T], chunk_size: int) -> InsertManyResult:
        """Insert everything, or until the tally says that it is over; leave nothing under way or open."""
        chunks = Chunks(self._target, documents, chunk_size, stop=self._is_stopped)
        try:
            await self._insert(chunks)
            return self._tally.result()
        except GeneratorExit:  # there is no event loop any more, and nothing can be awaited
            raise
        except BaseException as error:
            await self._cancel()
            await chunks.leave(error)
            raise

    async def _insert(self, chunks: Chunks[T]) -> None:
        try:
            while (chunk := await self._next(chunks)) is not None and not await self._is_over_after(chunk):
                await self._begin(chunk)
            await self._settled()
        except Exception as error:
            await self._settle_beside(error)
            if failed := self._tally.failed:
                error.add_note(failed)
            raise

    async def _next(self, chunks: Chunks[T]) -> Chunk | None:
        """Give the next chunk. Documents that are read too far may raise what they like: that is not told."""
        try:
            return await chunks.next()
        except Exception as error:
            if await self._settle_beside(error) and self._tally.is_over:
                return None
            raise

    def _is_stopped(self) -> bool:
        if self._sending is None or not self._sending.done():
            return False
        return self._tally.is_over or self._sending.exception() is not None

    async def _is_over_after(self, chunk: Chunk) -> bool:
        """Wait for the chunk before `chunk`; tell whether `chunk` is not to be sent."""
        await self._settled()
        if chunk.refusal is not None:
            self._tally.end(chunk.refusal)
        return self._tally.is_over

    async def _begin(self, chunk: Chunk) -> None:
        self._sending = asyncio.create_task(self._send(chunk))
        if self._session or self._target.session:
            await self._settled()
        else:
            # The next chunk is encoded while the server works on this one, so this one goes first.
            await asyncio.sleep(0)

    async def _settled(self) -> None:
        if self._sending is not None:
            sending, self._sending = self._sending, None
            await sending

    async def _settle_beside(self, error: Exception) -> bool:
        """Let the chunk under way end before the caller hears of `error`; tell whether it raised nothing of its own."""
        try:
            await self._settled()
        except Exception as its:  # noqa: BLE001  # of two errors the first is told
            error.add_note(f"the chunk under way failed too: {type(its).__name__}")
            return False
        return True

    async def _cancel(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self, chunk: Chunk) -> None:
        try:
            fields = self._target.fields(self._session, self._timeout)
            operation = op.InsertMany(*fields, tuple(chunk.raws), self._ordered, self._options)
            reply = expect(await self._target.access.transport.handle(operation), InsertReply)
        except BulkWriteError as error:
            self._tally.add_partial(chunk, error)
        except MongoError as error:
            self._tally.end(error)
            return
        else:
            self._tally.add(chunk, acknowledged=reply.acknowledged)
        await self._tell()

    async def _tell(self) -> None:
        if self._on_progress is not None:
            told = self._on_progress(self._tally.progress)
            if inspect.isawaitable(told):
                await told
