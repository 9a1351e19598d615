"""Documents taken from where they come from, and encoded, a chunk at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeGuard, TypeVar

from llm_devops_mongodb.bulk.numbering import REFUSALS, Refusal, number
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from llm_devops_mongodb.bulk.target import WriteTarget

T = TypeVar("T")

_SLICE = 200
"""Documents that are encoded before the event loop goes on with what else there is: about a millisecond's work."""

_FULL = 32 * 1024 * 1024
"""A chunk ends when it holds so many bytes: with one more document it still fits in one message, of 48 MB."""


_NO_MORE = object()


@dataclass(slots=True)
class Chunk:
    """Some documents in a row, encoded.

    Attributes:
        first: The index of the first.
        ids: Their `_id`.
        raws: Their BSON.
        size: Bytes of BSON.
        refusal: Why the document after these cannot be inserted; the chunk is not sent then.
    """

    first: int
    ids: list[Any] = field(default_factory=list[Any])
    raws: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    refusal: Refusal | None = None


class Chunks(Generic[T]):
    """Takes documents from an iterable, of either kind, and encodes them; it holds one chunk at most.

    What the iterable raises passes untouched.
    """

    def __init__(
        self, target: WriteTarget[T], documents: Iterable[T] | AsyncIterable[T], size: int, *, stop: Callable[[], bool]
    ) -> None:
        """Begin.

        Args:
            target: Encodes the documents.
            documents: The documents.
            size: Documents in a chunk.
            stop: Tells that no more chunks are wanted; asked now and then while one is made.

        Raises:
            InvalidDocumentError: `documents` is no iterable of documents.
        """
        self._target = target
        self._size = size
        self._stop = stop
        self._taken = 0
        self._documents = _iterator_of(documents)

    async def next(self) -> Chunk | None:
        """Give the next chunk; None once there are no more documents, or no more are wanted."""
        chunk = Chunk(self._taken)
        while not self._is_full(chunk) and await self._fill(chunk):
            # What is under way goes on: the chunk before this one is being sent.
            await asyncio.sleep(0)
            if self._stop():
                return None
        return chunk if chunk.raws or chunk.refusal else None

    async def leave(self, error: BaseException) -> None:
        """Close an async generator before its end because of `error`; what it raises then is noted on that."""
        if _is_generator(self._documents):
            try:
                await self._documents.aclose()
            except Exception as its:  # noqa: BLE001  # of two errors the first is told
                error.add_note(f"closing the documents failed too: {type(its).__name__}")

    def _is_full(self, chunk: Chunk) -> bool:
        return len(chunk.raws) >= self._size or chunk.size >= _FULL or chunk.refusal is not None

    async def _fill(self, chunk: Chunk) -> bool:
        """Add a slice of documents to `chunk`; tell whether there may be more."""
        wanted = min(_SLICE, self._size - len(chunk.raws))
        if hasattr(self._documents, "__anext__"):
            return await self._fill_slowly(chunk, wanted)
        before = self._taken
        for document in islice(self._documents, wanted):
            if not self._add(document, chunk):
                return True
        return self._taken - before == wanted

    async def _fill_slowly(self, chunk: Chunk, wanted: int) -> bool:
        for _ in range(wanted):
            document: Any = await anext(self._documents, _NO_MORE)
            if document is _NO_MORE:
                return False
            if not self._add(document, chunk):
                return True
        return True

    def _add(self, document: T, chunk: Chunk) -> bool:
        """Encode a document into `chunk`; tell whether it takes another."""
        try:
            encoded = self._target.access.document(document, self._target.codec)
        except REFUSALS as error:
            number(error, "document", self._taken)
            chunk.refusal = error
            return False
        self._taken += 1
        chunk.ids.append(encoded.id)
        chunk.raws.append(encoded.raw)
        chunk.size += len(encoded.raw)
        return chunk.size < _FULL


def _is_generator(documents: object) -> TypeGuard[AsyncGenerator[Any, Any]]:
    return isinstance(documents, AsyncGenerator)


def _iterator_of(documents: Any) -> Any:
    if hasattr(documents, "__aiter__"):
        return aiter(documents)
    if isinstance(documents, (str, bytes, bytearray, memoryview)) or is_mapping(documents):
        raise InvalidDocumentError("chunked_insert takes several documents; give one to insert_one")
    if not hasattr(documents, "__iter__"):
        raise InvalidDocumentError(f"chunked_insert takes an iterable of documents, not {type(documents).__name__}")
    return iter(documents)
