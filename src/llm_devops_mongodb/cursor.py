"""Typed documents, read one by one from a server cursor."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Generic, Literal, Self, TypeVar

from llm_devops_mongodb.codecs import documents_of, split_frame
from llm_devops_mongodb.errors import CursorError, DeserializationError, InvalidDocumentError, QueryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from types import TracebackType

    from llm_devops_mongodb.codecs import Codec
    from llm_devops_mongodb.replies import Frame, FrameStream

T = TypeVar("T")

_log = logging.getLogger("llm_devops_mongodb")

OnError = Literal["raise", "skip"]
"""What to do with a document that does not fit its model."""


class DocumentStream(Generic[T]):
    """The documents of a query or an aggregation, in constant memory.

    Nothing is sent before the first document is asked for. The server's cursor is closed at the end, and however else
    reading ends: a `break`, an error or a cancellation, with `async with` or a plain `async for`. One task reads it.

    After a `DeserializationError` from `next`, the next call goes on with the document after.

    Example:
        ```python
        async with users.find_stream({"active": True}) as stream:
            async for user in stream:
                ...
        ```
    """

    def __init__(
        self,
        open_frames: Callable[[], Awaitable[FrameStream]],
        codec: Codec[T],
        *,
        namespace: str,
        on_error: OnError = "raise",
    ) -> None:
        self._open_frames = open_frames
        self._codec = codec
        self._namespace = namespace
        self._on_error = checked(on_error)
        self._frames: FrameStream | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._ready: deque[T | DeserializationError] = deque()
        self._closed = False
        self._reading = False

    async def next(self) -> T | None:
        """Return the next document, or None at the end.

        Raises:
            DeserializationError: The document does not fit `T`; only with `on_error="raise"`.
            CursorError: The server's cursor was lost; the stream has failed for good.
            MongoError: Reading failed, for good unless it had not begun: then the next call asks the server again.
        """
        while not self._ready:
            if not await self._refill():
                return None
        document = self._ready.popleft()
        if isinstance(document, DeserializationError):
            raise document
        return document

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        # A generator that is dropped half way is closed by the event loop at once, so a plain `async for` may break.
        try:
            while self._ready or await self._refill():
                while self._ready:
                    document = self._ready.popleft()
                    if isinstance(document, DeserializationError):
                        raise document
                    yield document
        finally:
            await self.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give up the rest and free the server's cursor. May be called again."""
        self._closed = True
        self._ready.clear()
        self._chunks = iter(())
        if self._frames is not None:
            await self._frames.aclose()

    async def _refill(self) -> bool:
        """Decode the next chunk; False at the end."""
        chunk = await self._next_chunk()
        if chunk is None:
            return False
        try:
            documents = self._codec.decode_frame(chunk, namespace=self._namespace)
        except DeserializationError:
            one_by_one = _fitting if self._on_error == "skip" else _each
            kept = one_by_one(chunk, self._codec, self._namespace)
            self._ready.extend(kept)
        else:
            self._ready.extend(documents)
        return True

    async def _next_chunk(self) -> bytes | None:
        """Take the next chunk of the frame at hand, or of the next frame; None at the end."""
        while not self._closed:
            chunk = next(self._chunks, None)
            if chunk is not None:
                return chunk
            frame = await self._next_frame()
            # The stream may have been closed meanwhile, and then its frames were not there to be closed.
            if frame is None or self._closed:
                await self.aclose()
            else:
                self._chunks = split_frame(frame)
        return None

    async def _next_frame(self) -> Frame | None:
        if self._reading:
            raise CursorError("two tasks read one stream; give each its own")
        self._reading = True
        try:
            if self._frames is None:
                self._frames = await self._open_frames()
            return await self._frames.next()
        finally:
            self._reading = False


def checked(on_error: OnError) -> OnError:
    """Return `on_error`; refuse what is neither of the two."""
    if on_error not in {"raise", "skip"}:
        raise InvalidDocumentError("on_error is 'raise' or 'skip'")
    return on_error


async def collected(
    frames: FrameStream, codec: Codec[T], *, namespace: str, on_error: OnError, most: int | None
) -> list[T]:
    """Read `frames` to their end into a list, and close them.

    Args:
        frames: What to read.
        codec: Makes the documents.
        namespace: For errors.
        on_error: What to do with a document that does not fit.
        most: How many documents there may be; None is no limit.

    Raises:
        QueryError: There are more than `most`.
        DeserializationError: A document does not fit; only with `on_error="raise"`.
    """
    documents: list[T] = []
    try:
        checked(on_error)
        while (frame := await frames.next()) is not None:
            documents += _decoded(frame, codec, namespace=namespace, on_error=on_error)
            if most is not None and len(documents) > most:
                raise QueryError(
                    f"{namespace} has more than {most} such documents (max_find_results); stream them, or set a limit"
                )
    finally:
        await frames.aclose()
    return documents


def _decoded(frame: Frame, codec: Codec[T], *, namespace: str, on_error: OnError) -> list[T]:
    if on_error == "raise":
        return codec.decode_frame(frame, namespace=namespace)
    documents: list[T] = []
    for chunk in split_frame(frame):
        try:
            documents += codec.decode_frame(chunk, namespace=namespace)
        except DeserializationError:
            documents += _fitting(chunk, codec, namespace)
    return documents


def _fitting(chunk: Frame, codec: Codec[T], namespace: str) -> Iterator[T]:
    """The documents of `chunk` that fit; the others are logged, without their values."""
    for document in _each(chunk, codec, namespace):
        if isinstance(document, DeserializationError):
            _log.warning("skipped: %s", document, extra={"error": document})
        else:
            yield document


def _each(chunk: Frame, codec: Codec[T], namespace: str) -> Iterator[T | DeserializationError]:
    """Each document of `chunk`, or why it does not fit."""
    for raw in documents_of(chunk):
        try:
            yield codec.decode(raw, namespace=namespace)
        except DeserializationError as error:
            yield error
