"""The indexes of a collection."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.codecs import decode_document
from llm_devops_mongodb.collection.handle import CollectionHandle
from llm_devops_mongodb.errors import InvalidDocumentError, WriteError
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.transport import expect
from llm_devops_mongodb.validation.orders import fields_and_directions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.concerns import WriteConcern
    from llm_devops_mongodb.options import Document, Hint, Sort
    from llm_devops_mongodb.session import Session

T = TypeVar("T")

_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


class Indexes(CollectionHandle[T]):
    """Create, list and drop indexes."""

    async def create_index(
        self,
        keys: Sort,
        *,
        name: str | None = None,
        unique: bool | None = None,
        sparse: bool | None = None,
        expire_after: timedelta | None = None,
        partial_filter: Document | None = None,
        collation: Document | None = None,
        hidden: bool | None = None,
        options: Mapping[str, Any] | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> str:
        """Create an index; one that is there already is no error.

        Args:
            keys: Fields and directions (1, -1, or a kind such as `"text"`, `"2dsphere"`, `"hashed"`).
            name: Its name; made of the keys where it is None: `status_1_created_-1`.
            unique: Refuse a second document with the same keys.
            sparse: Leave out documents without the field.
            expire_after: Delete documents this long after the date that the one key holds.
            partial_filter: Index only what matches.
            collation: How strings compare.
            hidden: Keep it up to date, but let no query use it.
            options: Any other setting by the server's own name, such as `{"wildcardProjection": …}`.
            session: The session to create it in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Returns:
            The index's name.

        Raises:
            InvalidDocumentError: There are no keys; nothing was sent.
            DuplicateKeyError: It is to be unique, and documents that are there have the same keys.
            QueryError: The server refused it: an index of that name, or on those keys, is there with other settings.
        """
        key = _index_key(keys)
        name = name or "_".join(f"{field}_{direction}" for field, direction in key.items())
        index: dict[str, Any] = {"key": key, "name": name, **(options or {})}
        given = {
            "unique": unique,
            "sparse": sparse,
            "expireAfterSeconds": _seconds(expire_after),
            "partialFilterExpression": partial_filter,
            "collation": collation,
            "hidden": hidden,
        }
        index |= {setting: value for setting, value in given.items() if value is not None}
        await self._change({"createIndexes": self.name, "indexes": [index]}, session, timeout)
        return str(index["name"])

    async def list_indexes(
        self, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> list[dict[str, Any]]:
        """Return every index as the server describes it: `key`, `name` and its settings. No collection, no indexes."""
        reply = await self._access.transport.handle(op.ListIndexes(*self._target(session, timeout)))
        documents = expect(reply, replies.DocumentsReply).documents
        return [decode_document(document, self._access.bson) for document in documents]

    async def drop_index(
        self, index: Hint, *, session: Session | None = None, timeout: timedelta | None = None
    ) -> None:
        """Drop an index by its name, or by its fields and directions.

        Raises:
            InvalidDocumentError: It is `"*"`, which would drop every index but that on `_id`; nothing was sent.
            QueryError: There is no such index.
        """
        if index == "*":
            raise InvalidDocumentError("'*' would drop every index; drop each by its name")
        named = index if isinstance(index, str) else _index_key(index)
        await self._change({"dropIndexes": self.name, "index": named}, session, timeout)

    async def _change(self, command: Document, session: Session | None, timeout: timedelta | None) -> None:
        """Run a command that writes: on the primary, with the handle's write concern, which the driver adds to none."""
        asked = session or self._session
        concern = None if asked is not None and asked.in_transaction else self._settings.write_concern
        reply = await self._run({**command, **_write_concern(concern)}, session, timeout, settings=Settings())
        if failure := reply.get("writeConcernError"):
            raise WriteError(
                "it is done, but not acknowledged as asked",
                code=failure.get("code"),
                code_name=failure.get("codeName"),
                outcome="applied",
            )

    async def _run(
        self,
        command: Document,
        session: Session | None,
        timeout: timedelta | None,
        *,
        settings: Settings | None = None,
    ) -> dict[str, Any]:
        _, own, reference = self._target(session, timeout)
        settings = own if settings is None else settings.within(own.timeout)
        operation = op.RunCommand(self._namespace.of_database(), settings, reference, self._access.encode(command))
        reply = expect(await self._access.transport.handle(operation), replies.DocumentReply)
        return decode_document(reply.document or b"", self._access.bson)


def _index_key(keys: Any) -> dict[str, Any]:
    key = fields_and_directions(keys, "index")
    if not key or "" in key:
        raise InvalidDocumentError("an index needs a field")
    if any(not direction or isinstance(direction, bool) for direction in key.values()):
        raise InvalidDocumentError("index: a direction is 1, -1, or a kind such as 'text', '2dsphere' or 'hashed'")
    return key


def _seconds(duration: Any) -> int | None:
    if duration is None:
        return None
    if not isinstance(duration, timedelta) or duration < timedelta() or duration % _SECOND:
        raise InvalidDocumentError("expire_after is a timedelta of whole seconds, not negative")
    return duration // _SECOND


def _write_concern(concern: WriteConcern | None) -> dict[str, Any]:
    if concern is None:
        return {}
    given: dict[str, Any] = {"w": concern.w, "j": concern.journal or None}
    if concern.timeout is not None:
        given["wtimeout"] = -(-concern.timeout // _MILLISECOND)
    return {"writeConcern": {name: value for name, value in given.items() if value is not None}}
