"""A bulk write of several collections, built write by write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.bulk import encoding
from llm_devops_mongodb.bulk.sending import sent
from llm_devops_mongodb.bulk.writes import BulkWrites
from llm_devops_mongodb.errors import ClientStateError, InvalidDocumentError, TransactionError
from llm_devops_mongodb.options import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.bulk.target import WriteTarget
    from llm_devops_mongodb.collection import Collection
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import Write
    from llm_devops_mongodb.options import BulkWriteOptions, Document, Filter, Hint, Sort, Update
    from llm_devops_mongodb.results import BulkWriteResult
    from llm_devops_mongodb.session import Session

T = TypeVar("T")

_CLIENTS = Settings()


class ClientBulkWriteBuilder:
    """Writes of any collections of a client, sent together: made by `MongoClient.bulk_write`; servers from 8.0.

    An immutable value, as `BulkWriteBuilder` is, whose methods these are, with the collection first. A collection that
    is within a session, or has a write concern of its own, is refused: there is one of each for the whole.

    Example:
        ```python
        result = await (
            client.bulk_write()
            .insert(orders, order)
            .update_one(stock, {"_id": order.item}, {"$inc": {"left": -1}})
            .execute()
        )
        ```
    """

    __slots__ = ("_access", "_settings", "_writes")

    def __init__(
        self,
        access: Access,
        writes: BulkWrites[tuple[Namespace, Write]] | None = None,
        *,
        settings: Settings = _CLIENTS,
    ) -> None:
        self._access = access
        self._settings = settings
        self._writes: BulkWrites[tuple[Namespace, Write]] = BulkWrites() if writes is None else writes

    def insert(self, collection: Collection[T], document: T) -> ClientBulkWriteBuilder:
        """Insert a document; an ObjectId is made for one without an `_id`.

        Raises:
            ClientStateError: The collection is of another client; so for every method.
            InvalidDocumentError: A name, the depth or the size is refused.
            SerializationError: A value cannot be written as BSON, or `document` is not a `T`.
        """
        return self._and(collection, lambda target: encoding.insert(target, document))

    def update_one(
        self,
        collection: Collection[Any],
        filter: Filter,
        update: Update,
        upsert: bool = False,
        *,
        array_filters: Sequence[Document] | None = None,
        hint: Hint | None = None,
        collation: Document | None = None,
        sort: Sort | None = None,
    ) -> ClientBulkWriteBuilder:
        """Change the first document that matches; see `BulkWriteBuilder.update_one`."""
        options: dict[str, Any] = {"array_filters": array_filters, "hint": hint, "collation": collation, "sort": sort}
        return self._and(
            collection,
            lambda target: encoding.update(target.access, filter, update, multi=False, upsert=upsert, **options),
        )

    def update_many(
        self,
        collection: Collection[Any],
        filter: Filter,
        update: Update,
        upsert: bool = False,
        *,
        array_filters: Sequence[Document] | None = None,
        hint: Hint | None = None,
        collation: Document | None = None,
    ) -> ClientBulkWriteBuilder:
        """Change every document that matches; see `BulkWriteBuilder.update_many`."""
        options: dict[str, Any] = {"array_filters": array_filters, "hint": hint, "collation": collation}
        return self._and(
            collection,
            lambda target: encoding.update(target.access, filter, update, multi=True, upsert=upsert, **options),
        )

    def replace_one(
        self,
        collection: Collection[T],
        filter: Filter,
        replacement: T,
        upsert: bool = False,
        *,
        hint: Hint | None = None,
        collation: Document | None = None,
        sort: Sort | None = None,
    ) -> ClientBulkWriteBuilder:
        """Replace the first document that matches; see `BulkWriteBuilder.replace_one`."""
        options: dict[str, Any] = {"hint": hint, "collation": collation, "sort": sort}
        return self._and(
            collection, lambda target: encoding.replace(target, filter, replacement, upsert=upsert, **options)
        )

    def delete_one(
        self,
        collection: Collection[Any],
        filter: Filter,
        *,
        hint: Hint | None = None,
        collation: Document | None = None,
    ) -> ClientBulkWriteBuilder:
        """Delete the first document that matches."""
        return self._and(
            collection,
            lambda target: encoding.delete(target.access, filter, multi=False, hint=hint, collation=collation),
        )

    def delete_many(
        self,
        collection: Collection[Any],
        filter: Filter,
        *,
        hint: Hint | None = None,
        collation: Document | None = None,
    ) -> ClientBulkWriteBuilder:
        """Delete every document that matches; see `BulkWriteBuilder.delete_many`."""
        return self._and(
            collection,
            lambda target: encoding.delete(target.access, filter, multi=True, hint=hint, collation=collation),
        )

    def ordered(self, ordered: bool = True) -> ClientBulkWriteBuilder:
        """Stop at the first write that fails, which is the default; False tries each, in any order."""
        return self._with(self._writes.ordered(ordered))

    def options(self, options: BulkWriteOptions) -> ClientBulkWriteBuilder:
        """Take options of the bulk write as a whole, in place of those from before."""
        return self._with(self._writes.with_options(options, self._access))

    async def execute(self, *, session: Session | None = None, timeout: timedelta | None = None) -> BulkWriteResult:
        """Send the writes, cut into messages that the server takes (100,000 writes, 48 MB).

        Args:
            session: The session to write in.
            timeout: How long it may take in all; None takes the configuration's.

        Returns:
            What was written; indexes are those of the writes in this builder, from 0.

        Raises:
            InvalidDocumentError: There is nothing to write.
            QueryError: The server is older than 8.0; nothing was sent.
            BulkWriteError: Some writes failed, or the connection was lost after some; see `BulkWriteBuilder.execute`.
        """
        writes = self._writes.all()
        reference = None if session is None else session.ref_for(self._access.transport)
        settings = self._settings.within(timeout)
        operation = op.ClientBulkWrite(writes, self._writes.is_ordered, self._writes.options, settings, reference)
        return await sent(operation, self._access)

    def __len__(self) -> int:
        return len(self._writes.writes)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClientBulkWriteBuilder):
            return NotImplemented
        mine = (self._access, self._settings, self._writes)
        return mine == (other._access, other._settings, other._writes)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as for a list of writes

    def __repr__(self) -> str:
        return f"ClientBulkWriteBuilder({self._writes.shown(write for _, write in self._writes.writes)})"

    def _and(self, collection: Collection[T], make: Callable[[WriteTarget[T]], Write]) -> ClientBulkWriteBuilder:
        target = self._own(collection.write_target())
        return self._with(self._writes.and_one(lambda: (target.namespace, make(target))))

    def _own(self, target: WriteTarget[T]) -> WriteTarget[T]:
        """Refuse what a bulk write of several collections would have to ignore."""
        place = str(target.namespace)
        if target.access.transport is not self._access.transport:
            raise ClientStateError(f"{place} is a collection of another client", outcome="not_applied")
        if target.session is not None:
            raise TransactionError(f"{place} is within a session; give the session to execute()", outcome="not_applied")
        if target.settings.write_concern is not None:
            raise InvalidDocumentError(
                f"{place} has a write concern of its own; a bulk write of several collections has one for all"
            )
        return target

    def _with(self, writes: BulkWrites[tuple[Namespace, Write]]) -> ClientBulkWriteBuilder:
        return ClientBulkWriteBuilder(self._access, writes, settings=self._settings)
