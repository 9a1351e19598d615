"""The reading half of a collection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.codecs import codec_for, decode_values
from llm_devops_mongodb.collection.handle import CollectionHandle
from llm_devops_mongodb.cursor import DocumentStream, OnError, collected
from llm_devops_mongodb.errors import TransactionError
from llm_devops_mongodb.options import AggregateOptions, CountOptions, DistinctOptions, FindOptions
from llm_devops_mongodb.query.fields import name_of
from llm_devops_mongodb.transport import expect
from llm_devops_mongodb.validation import parse_object_id
from llm_devops_mongodb.validation.values import is_mapping, is_regex

if TYPE_CHECKING:
    from datetime import timedelta

    from llm_devops_mongodb.codecs import Codec
    from llm_devops_mongodb.options import Filter, Pipeline
    from llm_devops_mongodb.query.fields import Field
    from llm_devops_mongodb.session import Session

T = TypeVar("T")
R = TypeVar("R")

StreamOptionsT = TypeVar("StreamOptionsT", FindOptions, AggregateOptions)

_STREAM_BATCH = 1000
_FIND = FindOptions()
_COUNT = CountOptions()
_DISTINCT = DistinctOptions()
_AGGREGATE = AggregateOptions()


class Reads(CollectionHandle[T]):
    """Find, count, distinct and aggregate."""

    async def find_one(
        self,
        filter: Filter | None = None,
        options: FindOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> T | None:
        """Return the first document that matches, or None.

        Args:
            filter: What must match; None matches every document.
            options: Projection, sort and the rest; `limit` and `batch_size` have no effect.
            session: The session to read in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: The filter is malformed.
            DeserializationError: The document does not fit `T`.
            MongoError: Reading failed.
        """
        operation = op.FindOne(*self._target(session, timeout), self._access.filter(filter), options or _FIND)
        return self._document(await self._access.transport.handle(operation))

    async def find_by_id(
        self, id: object, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> T | None:
        """Return the document whose `_id` is `id`, or None.

        A string means the ObjectId that its 24 hexadecimal digits spell, unless `T` declares another type of key. Give
        `find_one({"_id": text})` to look for a string where the keys are of both kinds.

        Raises:
            InvalidObjectIdError: `id` is a string that is no ObjectId, and `T` does not say that keys are strings.
        """
        return await self.find_one(self._by_id(id), session=session, timeout=timeout)

    async def find(
        self,
        filter: Filter | None = None,
        options: FindOptions | None = None,
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[T]:
        """Return every document that matches, as a list.

        Args:
            filter: What must match; None matches every document.
            options: Projection, sort, limit and the rest.
            on_error: `"skip"` leaves out a document that does not fit `T` and logs where it is; `"raise"` raises.
            session: The session to read in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            QueryError: More than the configuration's `max_find_results` match; use `find_stream`, or a limit.
            DeserializationError: A document does not fit `T`; only with `on_error="raise"`.
            MongoError: Reading failed.
        """
        operation = op.Find(*self._target(session, timeout), self._access.filter(filter), options or _FIND)
        return await self._collected(operation, self._codec, on_error)

    def find_stream(
        self,
        filter: Filter | None = None,
        options: FindOptions | None = None,
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> DocumentStream[T]:
        """Return every document that matches, one by one, in constant memory.

        Args:
            filter: What must match; None matches every document.
            options: Projection, sort, limit and the rest; `batch_size` is 1000 where it is not given.
            on_error: `"skip"` leaves out a document that does not fit `T` and logs where it is; `"raise"` raises.
            session: The session to read in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Example:
            ```python
            async with traces.find_stream({"model": "gpt-4"}) as stream:
                async for trace in stream:
                    ...
            ```
        """
        operation = op.Find(*self._target(session, timeout), self._access.filter(filter), _streamed(options or _FIND))
        return self._stream(operation, self._codec, on_error)

    async def count_documents(
        self,
        filter: Filter | None = None,
        options: CountOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        """Count the documents that match, exactly. It reads them, or an index."""
        operation = op.CountDocuments(*self._target(session, timeout), self._access.filter(filter), options or _COUNT)
        return expect(await self._access.transport.handle(operation), replies.CountReply).count

    async def estimated_document_count(
        self, *, options: CountOptions | None = None, session: Session | None = None, timeout: timedelta | None = None
    ) -> int:
        """Count all documents from the collection's metadata: fast, and wrong after an unclean shutdown.

        The server allows neither a filter nor a transaction; of the options it takes `comment` and `max_time`.
        """
        session = session or self._session
        if session is not None and session.in_transaction:
            raise TransactionError("metadata is not part of a transaction; use count_documents")
        operation = op.EstimatedDocumentCount(*self._target(session, timeout), options or _COUNT)
        return expect(await self._access.transport.handle(operation), replies.CountReply).count

    @overload
    async def distinct(
        self,
        field: str | Field[Any],
        filter: Filter | None = None,
        *,
        options: DistinctOptions | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[Any]: ...
    @overload
    async def distinct(
        self,
        field: str | Field[Any],
        filter: Filter | None = None,
        T: type[R] = ...,  # pyright: ignore[reportInvalidTypeVarUse]  # left out it is the overload above
        *,
        options: DistinctOptions | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[R]: ...
    async def distinct(
        self,
        field: str | Field[Any],
        filter: Filter | None = None,
        T: Any = object,
        *,
        options: DistinctOptions | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[Any]:
        """Return the distinct values of `field` among the documents that match.

        An array counts by its elements. All values must fit one reply of 16 MiB.

        Args:
            field: The field's dotted name, or a field taken from the model.
            filter: What must match; None matches every document.
            T: The type of the values; `object` leaves them as BSON gives them.
            options: Collation and the rest.
            session: The session to read in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            DeserializationError: A value does not fit `T`; its path is its position.
        """
        operation = op.Distinct(
            *self._target(session, timeout), name_of(field), self._access.filter(filter), options or _DISTINCT
        )
        reply = expect(await self._access.transport.handle(operation), replies.ValuesReply)
        return decode_values(reply.values, T, self._access.bson, namespace=str(self._namespace))

    @overload
    async def aggregate(
        self,
        pipeline: Pipeline,
        options: AggregateOptions | None = None,
        T: type[dict[str, Any]] = ...,
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[dict[str, Any]]: ...
    @overload
    async def aggregate(
        self,
        pipeline: Pipeline,
        options: AggregateOptions | None = None,
        T: type[R] = ...,  # pyright: ignore[reportInvalidTypeVarUse]  # left out it is the overload above
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[R]: ...
    async def aggregate(
        self,
        pipeline: Pipeline,
        options: AggregateOptions | None = None,
        T: Any = dict,
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> list[Any]:
        """Run a pipeline and return its documents as a list.

        Args:
            pipeline: The stages. One that ends in `$out` or `$merge` writes, and returns nothing.
            options: How to run it.
            T: The type of the results, which is seldom the collection's.
            on_error: `"skip"` leaves out a result that does not fit `T` and logs where it is; `"raise"` raises.
            session: The session to run it in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: The pipeline is malformed.
            QueryError: There are more results than the configuration's `max_find_results`.
            DeserializationError: A result does not fit `T`; only with `on_error="raise"`.
        """
        operation = op.Aggregate(
            *self._target(session, timeout), self._access.pipeline(pipeline), options or _AGGREGATE
        )
        return await self._collected(operation, codec_for(T, self._access.bson), on_error)

    @overload
    def aggregate_stream(
        self,
        pipeline: Pipeline,
        options: AggregateOptions | None = None,
        T: type[dict[str, Any]] = ...,
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> DocumentStream[dict[str, Any]]: ...
    @overload
    def aggregate_stream(
        self,
        pipeline: Pipeline,
        options: AggregateOptions | None = None,
        T: type[R] = ...,  # pyright: ignore[reportInvalidTypeVarUse]  # left out it is the overload above
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> DocumentStream[R]: ...
    def aggregate_stream(
        self,
        pipeline: Pipeline,
        options: AggregateOptions | None = None,
        T: Any = dict,
        *,
        on_error: OnError = "raise",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> DocumentStream[Any]:
        """Run a pipeline and return its documents one by one; the arguments are those of `aggregate`.

        `batch_size` is 1000 where it is not given.
        """
        operation = op.Aggregate(
            *self._target(session, timeout), self._access.pipeline(pipeline), _streamed(options or _AGGREGATE)
        )
        return self._stream(operation, codec_for(T, self._access.bson), on_error)

    def _document(self, reply: replies.Reply) -> T | None:
        raw = expect(reply, replies.DocumentReply).document
        return None if raw is None else self._codec.decode(raw, namespace=str(self._namespace))

    def _by_id(self, id: object) -> dict[str, object]:
        if isinstance(id, str) and self._codec.takes_object_id:
            return {"_id": parse_object_id(id)}
        # A document may read as operators, a regular expression as a pattern: here both mean themselves.
        return {"_id": {"$eq": id} if is_mapping(id) or is_regex(id) else id}

    async def _collected(self, operation: op.Find | op.Aggregate, codec: Codec[R], on_error: OnError) -> list[R]:
        frames = expect(await self._access.transport.handle(operation), replies.CursorReply).frames
        most = self._access.config.max_find_results
        return await collected(frames, codec, namespace=str(self._namespace), on_error=on_error, most=most)

    def _stream(self, operation: op.Find | op.Aggregate, codec: Codec[R], on_error: OnError) -> DocumentStream[R]:
        async def open_frames() -> replies.FrameStream:
            return expect(await self._access.transport.handle(operation), replies.CursorReply).frames

        return DocumentStream(open_frames, codec, namespace=str(self._namespace), on_error=on_error)


def _streamed(options: StreamOptionsT) -> StreamOptionsT:
    """Ask for small replies: the server's own are 16 MiB after the first, and were measured no faster."""
    return options if options.batch_size is not None else replace(options, batch_size=_STREAM_BATCH)
