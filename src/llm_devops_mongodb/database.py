"""A database: its collections and its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.change_streams import watching
from llm_devops_mongodb.codecs import codec_for, decode_document
from llm_devops_mongodb.collection import Collection
from llm_devops_mongodb.cursor import OnError, collected
from llm_devops_mongodb.durations import TimeLeft
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.options import AggregateOptions, Settings, checked_timeout
from llm_devops_mongodb.transport import expect
from llm_devops_mongodb.validation import validate_database_name
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.change_streams import ChangeStream, OnEventError
    from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
    from llm_devops_mongodb.operations import SessionRef
    from llm_devops_mongodb.options import ChangeStreamOptions, Document, Filter, Pipeline
    from llm_devops_mongodb.session import Session

R = TypeVar("R")

_NO_SETTINGS = Settings()
_AGGREGATE = AggregateOptions()


class Database:
    """One database, made by `MongoClient.database`; nothing is sent when it is made."""

    def __init__(self, access: Access, name: str, *, settings: Settings = _NO_SETTINGS) -> None:
        validate_database_name(name)
        self._access = access
        self._namespace = Namespace(name, "")
        self._settings = settings

    def __repr__(self) -> str:
        return f"Database({self.name!r})"

    @property
    def name(self) -> str:
        """The database's name."""
        return self._namespace.database

    @overload
    def collection(self, name: str, T: type[dict[str, Any]] = ...) -> Collection[dict[str, Any]]: ...
    @overload
    def collection(self, name: str, T: type[R]) -> Collection[R]: ...
    def collection(self, name: str, T: Any = dict) -> Collection[Any]:
        """Return a handle for a collection whose documents are of type `T`.

        Args:
            name: The collection's name.
            T: `dict`, a pydantic model, a dataclass, a `msgspec.Struct`, an attrs class or a `TypedDict`.

        Raises:
            InvalidDocumentError: The name is empty, too long, or of a system collection.
            TypeError: `T` is no type that documents can be.
        """
        self._access.check_namespace(self.name, name)
        return Collection(
            self._access, Namespace(self.name, name), codec_for(T, self._access.bson), settings=self._settings
        )

    def with_options(
        self,
        *,
        read_preference: ReadPreference | None = None,
        read_concern: ReadConcern | None = None,
        write_concern: WriteConcern | None = None,
        timeout: timedelta | None = None,
    ) -> Database:
        """Return a handle with other settings, for its collections too; what is None stays as it is here.

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
        return Database(self._access, self.name, settings=self._settings.but(given))

    async def list_collection_names(
        self, filter: Filter | None = None, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> list[str]:
        """Return the names of the collections that match, in alphabetical order."""
        operation = op.ListCollectionNames(
            *self._target(session, self._settings.within(timeout)), self._access.filter(filter)
        )
        return list(expect(await self._access.transport.handle(operation), replies.NamesReply).names)

    async def run_command(
        self,
        command: Document,
        *,
        read_preference: ReadPreference | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> dict[str, Any]:
        """Send a command as it is and return the server's reply.

        The driver neither retries it nor adds concerns to it.

        Args:
            command: The command; its first key is the command's name.
            read_preference: Which members may answer; None is the handle's own, or else the primary.
            session: The session to send it in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: It is empty, or no mapping; nothing was sent.
            QueryError: The server refused it; `code` and `code_name` say why.
        """
        if not is_mapping(command):
            raise InvalidDocumentError("a command is a mapping whose first key is the command's name")
        if not command:
            raise InvalidDocumentError("the command is empty; its first key is the command's name")
        settings = self._settings.but(Settings(read_preference=read_preference, timeout=timeout))
        operation = op.RunCommand(*self._target(session, settings), self._access.encode(command))
        reply = expect(await self._access.transport.handle(operation), replies.DocumentReply)
        return decode_document(reply.document or b"", self._access.bson)

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
        """Run a pipeline that begins with a stage of the database, such as `$currentOp` or `$documents`.

        The arguments are those of `Collection.aggregate`.
        """
        operation = op.Aggregate(
            *self._target(session, self._settings.within(timeout)),
            self._access.pipeline(pipeline),
            options or _AGGREGATE,
        )
        codec = codec_for(T, self._access.bson)
        frames = expect(await self._access.transport.handle(operation), replies.CursorReply).frames
        most = self._access.config.max_find_results
        return await collected(frames, codec, namespace=self.name, on_error=on_error, most=most)

    @overload
    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        T: type[dict[str, Any]] = ...,
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[dict[str, Any]]: ...
    @overload
    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        T: type[R] = ...,  # pyright: ignore[reportInvalidTypeVarUse]  # left out it is the overload above
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[R]: ...
    def watch(
        self,
        pipeline: Pipeline | None = None,
        options: ChangeStreamOptions | None = None,
        T: Any = dict,
        *,
        on_error: OnEventError = "event",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> ChangeStream[Any]:
        """Watch the changes of every collection of the database; the arguments are those of `Collection.watch`.

        `T` is the type of the documents in the events, which are those of all collections.
        """
        return watching(
            self._access,
            self._target(session, self._settings.within(timeout)),
            codec_for(T, self._access.bson),
            pipeline=pipeline,
            options=options,
            on_error=on_error,
        )

    async def list_collections(
        self, filter: Filter | None = None, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> list[dict[str, Any]]:
        """Return the collections and views that match, as the server describes them: `name`, `type`, `options`."""
        command: dict[str, Any] = {"listCollections": 1, "filter": {} if filter is None else dict(filter)}
        found: list[dict[str, Any]] = []
        left = TimeLeft(checked_timeout(timeout) or self._settings.timeout or self._access.config.timeout)
        while True:
            with left:
                cursor = (await self.run_command(command, session=session, timeout=left()))["cursor"]
            found += cursor.get("firstBatch", cursor.get("nextBatch"))
            if not cursor["id"]:
                return found
            command = {"getMore": cursor["id"], "collection": cursor["ns"].partition(".")[2]}

    async def create_collection(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> None:
        """Create a collection, or a view, with settings; a plain one needs no creating: its first insert does it.

        Args:
            name: The collection's name.
            options: Settings by the server's own names, such as `validator`, `capped` with `size`, `timeseries`,
                `collation`, or `viewOn` with `pipeline`.
            session: The session to create it in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            QueryError: It is there already with other settings, or a setting is refused.
        """
        self._access.check_namespace(self.name, name)
        await self.run_command({"create": name, **(options or {})}, session=session, timeout=timeout)

    async def drop_collection(
        self, name: str, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> None:
        """Drop a collection; one that is not there is no error."""
        self._access.check_namespace(self.name, name)
        _, settings, reference = self._target(session, self._settings.within(timeout))
        operation = op.DropCollection(Namespace(self.name, name), settings, reference)
        expect(await self._access.transport.handle(operation), replies.DoneReply)

    def _target(
        self, session: Session | None, settings: Settings | None = None
    ) -> tuple[Namespace, Settings, SessionRef | None]:
        return (
            self._namespace,
            settings or self._settings,
            None if session is None else session.ref_for(self._access.transport),
        )
