"""The writing half of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.bulk.numbering import inserted_indexes
from llm_devops_mongodb.collection.reads import Reads
from llm_devops_mongodb.errors import BulkWriteError, DeserializationError, InvalidDocumentError, SerializationError
from llm_devops_mongodb.options import (
    DeleteOptions,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    InsertOptions,
    UpdateOptions,
)
from llm_devops_mongodb.results import DeleteResult, InsertManyResult, InsertOneResult, UpdateResult
from llm_devops_mongodb.transport import expect
from llm_devops_mongodb.validation.places import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from llm_devops_mongodb.codecs import EncodedDocument
    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.options import Filter, Update
    from llm_devops_mongodb.session import Session

T = TypeVar("T")

_INSERT = InsertOptions()
_UPDATE = UpdateOptions()
_UPSERT = UpdateOptions(upsert=True)
_DELETE = DeleteOptions()
_FIND_AND_UPDATE = FindOneAndUpdateOptions()
_FIND_AND_DELETE = FindOneAndDeleteOptions()


class Writes(Reads[T]):
    """Insert, update, replace and delete. No method changes what the caller gave it."""

    async def insert_one(
        self,
        document: T,
        options: InsertOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> InsertOneResult:
        """Insert one document; an ObjectId is made for one without an `_id`.

        Raises:
            DuplicateKeyError: Its `_id`, or another unique key, is there already.
            InvalidDocumentError: A name, the depth or the size is refused; nothing was sent.
            SerializationError: A value cannot be written as BSON, or `document` is not a `T`; nothing was sent.
        """
        encoded = self._encoded(document)
        operation = op.InsertOne(*self._target(session, timeout), encoded.raw, options or _INSERT)
        reply = expect(await self._access.transport.handle(operation), replies.InsertReply)
        return InsertOneResult(encoded.id, reply.acknowledged)

    async def insert_many(
        self,
        documents: Iterable[T],
        options: InsertOptions | None = None,
        *,
        ordered: bool = True,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> InsertManyResult:
        """Insert documents, in batches that the server takes.

        Every document is checked and encoded before the first is sent.

        Args:
            documents: At least one.
            options: How to insert.
            ordered: Stop at the first that fails; False tries each.
            session: The session to write in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            BulkWriteError: Some were not inserted. `result` holds the ids of those that were and `write_errors` why
                the others were not, both by the index in `documents`.
            InvalidDocumentError: There are no documents, or one is refused; nothing was sent.
            SerializationError: One cannot be written as BSON; nothing was sent.
        """
        encoded = self._all_encoded(documents)
        raws = tuple(document.raw for document in encoded)
        operation = op.InsertMany(*self._target(session, timeout), raws, ordered, options or _INSERT)
        try:
            reply = expect(await self._access.transport.handle(operation), replies.InsertReply)
        except BulkWriteError as error:
            error.result = _partly_inserted(encoded, error, ordered=ordered)
            raise
        return InsertManyResult({index: document.id for index, document in enumerate(encoded)}, reply.acknowledged)

    async def update_one(
        self,
        filter: Filter,
        update: Update,
        options: UpdateOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> UpdateResult:
        """Change the first document that matches.

        Args:
            filter: What must match; `{}` matches every document.
            update: Update operators, a builder of them, or a pipeline.
            options: Upsert, array filters and the rest.
            session: The session to write in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: Filter or update is malformed; nothing was sent.
            WriteError: The server refused it.
        """
        operation = op.UpdateOne(
            *self._target(session, timeout),
            self._access.chosen(filter),
            self._access.update(update),
            options or _UPDATE,
        )
        return self._updated(await self._access.transport.handle(operation))

    async def update_many(
        self,
        filter: Filter,
        update: Update,
        options: UpdateOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> UpdateResult:
        """Change every document that matches; the driver does not send it again after a broken connection.

        Args:
            filter: What must match. An explicit `{}` matches every document; None and a `FilterBuilder` without
                conditions are refused.
            update: Update operators, a builder of them, or a pipeline.
            options: Upsert, array filters and the rest.
            session: The session to write in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: The filter was forgotten, or filter or update is malformed; nothing was sent.
            WriteError: The server refused it; with outcome `"unknown"`, documents before the failure are changed.
        """
        _refuse("update_many", sort=options and options.sort)
        operation = op.UpdateMany(
            *self._target(session, timeout),
            self._access.chosen(filter, many=True),
            self._access.update(update),
            options or _UPDATE,
        )
        return self._updated(await self._access.transport.handle(operation))

    async def replace_one(
        self,
        filter: Filter,
        replacement: T,
        options: UpdateOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> UpdateResult:
        """Replace the first document that matches; it keeps its `_id`.

        Args:
            filter: What must match.
            replacement: The new document. Its `_id`, where it has one, must be the old one's.
            options: Upsert and the rest.
            session: The session to write in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.
        """
        _refuse("replace_one", array_filters=options and options.array_filters)
        operation = op.ReplaceOne(
            *self._target(session, timeout),
            self._access.chosen(filter),
            self._replacement(replacement),
            options or _UPDATE,
        )
        return self._updated(await self._access.transport.handle(operation))

    async def upsert(
        self, filter: Filter, document: T, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> UpdateResult:
        """Set the fields of `document` on the first match, or insert it where there is none.

        `$set` of every field but `_id`; `$setOnInsert` of `_id` where `document` has one.

        Raises:
            InvalidDocumentError: The filter is None or malformed, or `document` is refused, as it is for a name with a
                dot: `$set` would take it for a path. Nothing was sent.
            SerializationError: Neither `document` nor the filter has an `_id`, and the model's may not be an ObjectId.
        """
        raw_filter = self._access.chosen(filter)
        fields = self._codec.to_document(document)
        if (check := self._access.check) is not None:
            check(fields)
            _check_no_paths(fields)
        on_insert = {"_id": fields.pop("_id")} if "_id" in fields else {}
        if not on_insert and "_id" not in filter and not self._codec.takes_object_id:
            raise SerializationError(
                "the document has no _id, and its model cannot hold an ObjectId; set it", path="_id"
            )
        update: dict[str, Any] = {"$set": fields}
        if on_insert:
            update["$setOnInsert"] = on_insert
        raw = self._access.sized(self._access.encode(update))
        operation = op.UpdateOne(*self._target(session, timeout), raw_filter, raw, _UPSERT)
        return self._updated(await self._access.transport.handle(operation))

    async def delete_one(
        self,
        filter: Filter,
        options: DeleteOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> DeleteResult:
        """Delete the first document that matches."""
        operation = op.DeleteOne(*self._target(session, timeout), self._access.chosen(filter), options or _DELETE)
        return _deleted(await self._access.transport.handle(operation))

    async def delete_many(
        self,
        filter: Filter,
        options: DeleteOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> DeleteResult:
        """Delete every document that matches.

        Args:
            filter: What must match. An explicit `{}` matches every document; None and a `FilterBuilder` without
                conditions are refused.
            options: Collation and the rest.
            session: The session to write in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: The filter was forgotten or is malformed; nothing was sent.
        """
        operation = op.DeleteMany(
            *self._target(session, timeout), self._access.chosen(filter, many=True), options or _DELETE
        )
        return _deleted(await self._access.transport.handle(operation))

    async def delete_by_id(
        self, id: object, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> bool:
        """Delete the document whose `_id` is `id`; True where there was one.

        A string means what it means to `find_by_id`.

        Raises:
            InvalidObjectIdError: `id` is a string that is no ObjectId, and `T` does not say that keys are strings.
        """
        return (await self.delete_one(self._by_id(id), session=session, timeout=timeout)).deleted_count == 1

    async def find_one_and_update(
        self,
        filter: Filter,
        update: Update,
        options: FindOneAndUpdateOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> T | None:
        """Change the first match and return it as it was before, or after with `return_document="after"`.

        Returns:
            The document; None where nothing matched, or before an upsert.
        """
        operation = op.FindOneAndUpdate(
            *self._target(session, timeout),
            self._access.chosen(filter),
            self._access.update(update),
            options or _FIND_AND_UPDATE,
        )
        return self._changed(await self._access.transport.handle(operation))

    async def find_one_and_replace(
        self,
        filter: Filter,
        replacement: T,
        options: FindOneAndUpdateOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> T | None:
        """Replace the first match and return it as it was before, or after with `return_document="after"`."""
        _refuse("find_one_and_replace", array_filters=options and options.array_filters)
        operation = op.FindOneAndReplace(
            *self._target(session, timeout),
            self._access.chosen(filter),
            self._replacement(replacement),
            options or _FIND_AND_UPDATE,
        )
        return self._changed(await self._access.transport.handle(operation))

    async def find_one_and_delete(
        self,
        filter: Filter,
        options: FindOneAndDeleteOptions | None = None,
        *,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> T | None:
        """Delete the first match and return it; None where nothing matched."""
        operation = op.FindOneAndDelete(
            *self._target(session, timeout), self._access.chosen(filter), options or _FIND_AND_DELETE
        )
        return self._changed(await self._access.transport.handle(operation))

    def _all_encoded(self, documents: Iterable[T]) -> list[EncodedDocument]:
        if isinstance(documents, (Mapping, str, bytes)):
            raise InvalidDocumentError("insert_many takes several documents; give one to insert_one")
        encoded = [self._encoded(document) for document in documents]
        if not encoded:
            raise InvalidDocumentError("there are no documents to insert")
        return encoded

    def _replacement(self, document: T) -> RawDocument:
        return self._access.replacement(document, self._codec)

    def _changed(self, reply: replies.Reply) -> T | None:
        """Read the document that was changed; where it does not fit, the change happened all the same."""
        try:
            return self._document(reply)
        except DeserializationError as error:
            error.outcome = "applied"
            raise

    def _updated(self, reply: replies.Reply) -> UpdateResult:
        updated = expect(reply, replies.UpdateReply)
        upserted_id = None if updated.upserted is None else self._access.id_in(updated.upserted)
        return UpdateResult(updated.matched_count, updated.modified_count, upserted_id, updated.acknowledged)


def _check_no_paths(fields: Mapping[str, Any]) -> None:
    for name in fields:
        if "." in name:
            raise InvalidDocumentError(f"{shown(name)}: $set would take a name with a dot for a path", path=name)


def _refuse(method: str, **options: object) -> None:
    """Refuse options that the server has for a method's sisters only."""
    for name, value in options.items():
        if value is not None:
            raise InvalidDocumentError(f"{method} takes no {name}")


def _deleted(reply: replies.Reply) -> DeleteResult:
    deleted = expect(reply, replies.DeleteReply)
    return DeleteResult(deleted.deleted_count, deleted.acknowledged)


def _partly_inserted(encoded: Sequence[EncodedDocument], error: BulkWriteError, *, ordered: bool) -> InsertManyResult:
    """Tell by original index what was inserted: ordered all before the first failure, unordered all but the failed."""
    inserted = inserted_indexes(len(encoded), error, ordered=ordered)
    return InsertManyResult({index: encoded[index].id for index in inserted})
