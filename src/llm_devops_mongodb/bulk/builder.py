"""A bulk write of one collection, built write by write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeGuard, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.bulk import encoding
from llm_devops_mongodb.bulk.sending import sent
from llm_devops_mongodb.bulk.writes import BulkWrites

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from llm_devops_mongodb.bulk.target import WriteTarget
    from llm_devops_mongodb.operations import Write
    from llm_devops_mongodb.options import BulkWriteOptions, Document, Filter, Hint, Sort, Update
    from llm_devops_mongodb.results import BulkWriteResult
    from llm_devops_mongodb.session import Session

T = TypeVar("T")


class BulkWriteBuilder(Generic[T]):
    """Writes of one collection, sent together: made by `Collection.bulk_write`.

    An immutable value: each method returns a new builder, and any of them may be executed. Every write is checked and
    encoded where it is asked for, so that nothing the caller changes later changes it; an error tells the write by
    its number, from 0. The `_id` of a document that has none is made then too: a builder that is executed again does
    not insert the same documents twice, it fails with duplicate keys.

    Example:
        ```python
        result = await (
            users.bulk_write()
            .insert(User(name="Ada"))
            .update_one({"name": "Grace"}, {"$inc": {"logins": 1}}, upsert=True)
            .delete_many({"left": {"$lt": a_year_ago}})
            .ordered(False)
            .execute()
        )
        ```
    """

    __slots__ = ("_target", "_writes")

    def __init__(self, target: WriteTarget[T], writes: BulkWrites[Write] | None = None) -> None:
        self._target = target
        self._writes: BulkWrites[Write] = BulkWrites() if writes is None else writes

    def insert(self, document: T) -> BulkWriteBuilder[T]:
        """Insert a document; an ObjectId is made for one without an `_id`.

        Raises:
            InvalidDocumentError: A name, the depth or the size is refused.
            SerializationError: A value cannot be written as BSON, or `document` is not a `T`.
        """
        return self._and(self._writes.and_one(lambda: encoding.insert(self._target, document)))

    def update_one(
        self,
        filter: Filter,
        update: Update,
        upsert: bool = False,
        *,
        array_filters: Sequence[Document] | None = None,
        hint: Hint | None = None,
        collation: Document | None = None,
        sort: Sort | None = None,
    ) -> BulkWriteBuilder[T]:
        """Change the first document that matches.

        Args:
            filter: What must match; `{}` matches every document.
            update: Update operators, a builder of them, or a pipeline.
            upsert: Insert a document where none matches.
            array_filters: Which elements `$[name]` means.
            hint: The index to use.
            collation: How strings compare.
            sort: Which of several matches is meant; servers from 8.0.

        Raises:
            InvalidDocumentError: Filter, update or an option is malformed.
        """
        options: dict[str, Any] = {"array_filters": array_filters, "hint": hint, "collation": collation, "sort": sort}
        access = self._target.access
        return self._and(
            self._writes.and_one(lambda: encoding.update(access, filter, update, multi=False, upsert=upsert, **options))
        )

    def update_many(
        self,
        filter: Filter,
        update: Update,
        upsert: bool = False,
        *,
        array_filters: Sequence[Document] | None = None,
        hint: Hint | None = None,
        collation: Document | None = None,
    ) -> BulkWriteBuilder[T]:
        """Change every document that matches; the driver sends nothing of such a bulk write again.

        Args:
            filter: What must match. An explicit `{}` matches every document; None and a `FilterBuilder` without
                conditions are refused.
            update: Update operators, a builder of them, or a pipeline.
            upsert: Insert a document where none matches.
            array_filters: Which elements `$[name]` means.
            hint: The index to use.
            collation: How strings compare.

        Raises:
            InvalidDocumentError: The filter was forgotten, or filter, update or an option is malformed.
        """
        options: dict[str, Any] = {"array_filters": array_filters, "hint": hint, "collation": collation}
        access = self._target.access
        return self._and(
            self._writes.and_one(lambda: encoding.update(access, filter, update, multi=True, upsert=upsert, **options))
        )

    def replace_one(
        self,
        filter: Filter,
        replacement: T,
        upsert: bool = False,
        *,
        hint: Hint | None = None,
        collation: Document | None = None,
        sort: Sort | None = None,
    ) -> BulkWriteBuilder[T]:
        """Replace the first document that matches; it keeps its `_id`.

        Args:
            filter: What must match.
            replacement: The new document. Its `_id`, where it has one, must be the old one's.
            upsert: Insert it where none matches.
            hint: The index to use.
            collation: How strings compare.
            sort: Which of several matches is meant; servers from 8.0.

        Raises:
            InvalidDocumentError: Filter, document or an option is malformed.
            SerializationError: A value cannot be written as BSON, or `replacement` is not a `T`.
        """
        options: dict[str, Any] = {"hint": hint, "collation": collation, "sort": sort}
        return self._and(
            self._writes.and_one(lambda: encoding.replace(self._target, filter, replacement, upsert=upsert, **options))
        )

    def delete_one(
        self, filter: Filter, *, hint: Hint | None = None, collation: Document | None = None
    ) -> BulkWriteBuilder[T]:
        """Delete the first document that matches."""
        access = self._target.access
        return self._and(
            self._writes.and_one(lambda: encoding.delete(access, filter, multi=False, hint=hint, collation=collation))
        )

    def delete_many(
        self, filter: Filter, *, hint: Hint | None = None, collation: Document | None = None
    ) -> BulkWriteBuilder[T]:
        """Delete every document that matches; the driver sends nothing of such a bulk write again.

        Args:
            filter: What must match. An explicit `{}` matches every document; None and a `FilterBuilder` without
                conditions are refused.
            hint: The index to use.
            collation: How strings compare.

        Raises:
            InvalidDocumentError: The filter was forgotten, or filter or an option is malformed.
        """
        access = self._target.access
        return self._and(
            self._writes.and_one(lambda: encoding.delete(access, filter, multi=True, hint=hint, collation=collation))
        )

    def ordered(self, ordered: bool = True) -> BulkWriteBuilder[T]:
        """Stop at the first write that fails, which is the default; False tries each, in any order."""
        return self._and(self._writes.ordered(ordered))

    def options(self, options: BulkWriteOptions) -> BulkWriteBuilder[T]:
        """Take options of the bulk write as a whole, in place of those from before."""
        return self._and(self._writes.with_options(options, self._target.access))

    async def execute(self, *, session: Session | None = None, timeout: timedelta | None = None) -> BulkWriteResult:
        """Send the writes, cut into messages that the server takes (100,000 writes, 48 MB).

        Args:
            session: The session to write in; it comes before the collection's own.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Returns:
            What was written; indexes are those of the writes in this builder, from 0.

        Raises:
            InvalidDocumentError: There is nothing to write.
            BulkWriteError: Some writes failed. `result` tells what was written and `write_errors`, by the index of
                the write, why each of the others was not; after an ordered failure the later ones were not tried.
                Where something else ended it after some writes were done, such as a lost connection or the time
                limit, `ended_by` is that error, and the writes that neither tells of may have been applied.
            MongoError: The same before any write was done.
        """
        writes = self._writes.all()
        fields = self._target.fields(session, timeout)
        operation = op.BulkWrite(*fields, writes, self._writes.is_ordered, self._writes.options)
        return await sent(operation, self._target.access)

    def __len__(self) -> int:
        return len(self._writes.writes)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if not _is_builder(other):
            return NotImplemented
        return self._target == other._target and self._writes == other._writes

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as for a list of writes

    def __repr__(self) -> str:
        return f"BulkWriteBuilder({str(self._target.namespace)!r}, {self._writes.shown(self._writes.writes)})"

    def _and(self, writes: BulkWrites[Write]) -> BulkWriteBuilder[T]:
        return BulkWriteBuilder(self._target, writes)


def _is_builder(value: object) -> TypeGuard[BulkWriteBuilder[Any]]:
    return isinstance(value, BulkWriteBuilder)
