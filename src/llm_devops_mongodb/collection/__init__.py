"""A collection of typed documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from llm_devops_mongodb.bulk import BulkWriteBuilder
from llm_devops_mongodb.change_streams import watching
from llm_devops_mongodb.codecs import codec_for
from llm_devops_mongodb.collection.explaining import Explanations
from llm_devops_mongodb.collection.paging import Paging
from llm_devops_mongodb.collection.query_builder import QueryBuilder
from llm_devops_mongodb.collection.writes import Writes
from llm_devops_mongodb.options import Settings

if TYPE_CHECKING:
    from datetime import timedelta

    from llm_devops_mongodb.change_streams import ChangeStream, OnEventError
    from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
    from llm_devops_mongodb.options import ChangeStreamOptions, Pipeline
    from llm_devops_mongodb.session import Session

__all__ = ["Collection", "QueryBuilder"]

T = TypeVar("T")
U = TypeVar("U")


class Collection(Writes[T], Paging[T], Explanations[T]):
    """Typed access to one collection, made by `MongoClient.collection` or `Database.collection`.

    An immutable handle: nothing is sent when it is made, many may name one collection, and each has its own type and
    settings. Documents go in as `T` and come back as `T`; names in filters, updates and pipelines are the database's.
    """

    def bulk_write(self) -> BulkWriteBuilder[T]:
        """Begin a bulk write of this collection."""
        return BulkWriteBuilder(self.write_target())

    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[T]:
        """Watch the changes of the collection; use it with `async with`, or await it, to open it.

        Args:
            pipeline: Stages that choose and shape the events: `$match`, `$project`, `$addFields`, `$replaceRoot`,
                `$redact` and their like. They must leave the events' `_id`.
            options: Where to begin, what events carry, and the rest.
            on_error: What to do with an event whose document does not fit `T`: `"event"` gives it without the
                document and with its `error`, `"raise"` raises and goes on at the next call, `"skip"` leaves it out
                and logs it.
            session: The session to watch in; a request for events has it to itself, until it is answered.
            timeout: How long each request may take; None takes the handle's own, or else the configuration's. It does
                not limit how long to wait for an event: that is the `timeout` of `ChangeStream.next`.

        Raises:
            InvalidDocumentError: The pipeline is malformed.
        """
        return watching(
            self._access,
            self._target(session, timeout),
            self._codec,
            pipeline=pipeline,
            options=options,
            on_error=on_error,
        )

    def query(self) -> QueryBuilder[T]:
        """Begin a query; without anything more it finds every document."""
        return QueryBuilder(self)

    @overload
    def with_type(self, T: type[dict[str, Any]]) -> Collection[dict[str, Any]]: ...
    @overload
    def with_type(self, T: type[U]) -> Collection[U]: ...
    def with_type(self, T: Any) -> Collection[Any]:
        """Return a handle for the same collection whose documents are of type `T`.

        Raises:
            TypeError: `T` is no type that documents can be.
        """
        codec = codec_for(T, self._access.bson)
        return Collection(self._access, self._namespace, codec, settings=self._settings, session=self._session)

    def with_options(
        self,
        *,
        read_preference: ReadPreference | None = None,
        read_concern: ReadConcern | None = None,
        write_concern: WriteConcern | None = None,
        timeout: timedelta | None = None,
    ) -> Collection[T]:
        """Return a handle with other settings; what is None stays as it is here.

        Args:
            read_preference: Which members may answer reads.
            read_concern: How durable what is read must be.
            write_concern: How durable a write must be before it is acknowledged.
            timeout: How long each operation may take in all; `timedelta.max` is no limit.
        """
        self._access.warn_of(write_concern)
        given = Settings(
            read_preference=read_preference, read_concern=read_concern, write_concern=write_concern, timeout=timeout
        )
        settings = self._settings.but(given)
        return Collection(self._access, self._namespace, self._codec, settings=settings, session=self._session)

    def within(self, session: Session) -> Collection[T]:
        """Return a handle whose every operation is part of `session`.

        Raises:
            TransactionError: `session` is of another client, when it is used.
        """
        return Collection(self._access, self._namespace, self._codec, settings=self._settings, session=session)
