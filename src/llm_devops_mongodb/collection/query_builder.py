"""A query in the making: a value that knows its collection, and asks it when it is executed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeGuard, TypeVar

from llm_devops_mongodb.concerns import ReadPreference
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.options import CountOptions, FindOptions
from llm_devops_mongodb.query.built import frozen, is_same
from llm_devops_mongodb.query.expressions import resolved_filter
from llm_devops_mongodb.query.fields import is_field, name_of
from llm_devops_mongodb.validation import validate_filter
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.queries import (
    validate_collation,
    validate_count,
    validate_max_time,
    validate_order,
    validate_projection,
)
from llm_devops_mongodb.validation.values import built, is_mapping, is_sequence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from llm_devops_mongodb.collection import Collection
    from llm_devops_mongodb.cursor import DocumentStream, OnError
    from llm_devops_mongodb.options import Document, Filter, Hint, Sort
    from llm_devops_mongodb.query.fields import Field
    from llm_devops_mongodb.results import KeysetPage, PaginatedResult, QueryAnalysis
    from llm_devops_mongodb.session import Session

T = TypeVar("T")

_NO_OPTIONS = FindOptions()
_MOST_IN_A_REPLY = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class QueryBuilder(Generic[T]):
    """A query of one collection, made by `Collection.query`. It never changes: each method returns a new one.

    Two are equal when they ask the same of the same collection, with all fields in the same order. Nothing is sent
    before `execute`, `first`, `stream`, `count`, `explain`, `page` or `keyset_page`.

    Example:
        ```python
        newest = users.query().filter({"active": True}).sort("created", -1).limit(10)
        for user in await newest.execute():
            ...
        ```
    """

    _collection: Collection[T]
    _filter: Filter = field(default_factory=dict[str, Any])
    _options: FindOptions = _NO_OPTIONS

    def __eq__(self, other: object) -> bool:
        if not _is_query(other):
            return NotImplemented
        return (
            self._collection == other._collection
            and is_same(self._filter, other._filter)
            and is_same(_options_of(self._options), _options_of(other._options))
        )

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # documents and arrays have none

    def __repr__(self) -> str:
        names = [name for name in FindOptions.__dataclass_fields__ if getattr(self._options, name) != _default(name)]
        told = "".join(f", {name}={getattr(self._options, name)!r}" for name in names)
        return f"QueryBuilder({self._collection!r}, {dict(self._filter)!r}{told})"

    def filter(self, filter: Filter) -> QueryBuilder[T]:
        """Match `filter` too: a query with several filters matches what all of them match.

        Raises:
            InvalidDocumentError: It is malformed.
        """
        validate_filter(filter)
        added = resolved_filter(frozen(dict(built(filter))))
        if not added:
            return self
        return replace(self, _filter={"$and": [self._filter, added]} if self._filter else added)

    def project(self, fields: Mapping[Any, Any] | Sequence[str | Field[Any]]) -> QueryBuilder[T]:
        """Return these fields only; `_id` comes along unless a document says `{"_id": 0}`.

        Args:
            fields: Names, or a projection document.
        """
        if is_mapping(fields):
            projection = fields_and_directions(fields, "projection")
        elif is_sequence(fields) and fields:
            projection = dict.fromkeys(map(name_of, fields), 1)
        else:
            raise InvalidDocumentError("project takes a document, or at least one field's name")
        validate_projection(projection)
        return self._with(projection=frozen(projection))

    def sort(self, by: Sort, direction: Any = None) -> QueryBuilder[T]:
        """Order by one field, or by several; it takes the place of an earlier order.

        Args:
            by: A field, or fields and directions, most significant first.
            direction: Of one field: 1, the default, is ascending, -1 descending; or `{"$meta": "textScore"}`.
        """
        if direction is not None:
            if not isinstance(by, str) and not is_field(by):
                raise InvalidDocumentError("a direction beside fields that have their own; give it with its field")
            by = [(name_of(by), direction)]
        return self._with(sort=_order(by))

    def skip(self, count: int) -> QueryBuilder[T]:
        """Pass over the first `count` documents. The server reads them all the same; `keyset_page` does not."""
        return self._with(skip=validate_count("skip", count, least=0))

    def limit(self, count: int) -> QueryBuilder[T]:
        """Return at most `count` documents; at least 1."""
        return self._with(limit=validate_count("limit", count, least=1))

    def hint(self, index: Hint) -> QueryBuilder[T]:
        """Use this index: its name, or its fields and directions."""
        if not isinstance(index, str) and not is_mapping(index) and not is_sequence(index):
            raise InvalidDocumentError("a hint is an index's name, or its fields and directions")
        if not index:
            raise InvalidDocumentError("the hint names no index")
        return self._with(hint=index if isinstance(index, str) else frozen(fields_and_directions(index, "hint")))

    def collation(self, collation: Document) -> QueryBuilder[T]:
        """Compare strings by these rules, such as `{"locale": "en", "strength": 2}`."""
        validate_collation(collation)
        return self._with(collation=frozen(dict(collation)))

    def batch_size(self, count: int) -> QueryBuilder[T]:
        """Ask for `count` documents a reply; at least 1."""
        return self._with(batch_size=validate_count("batch_size", count, least=1, most=_MOST_IN_A_REPLY))

    def max_time(self, duration: timedelta) -> QueryBuilder[T]:
        """Let the server work on it for no longer than this."""
        return self._with(max_time=validate_max_time(duration))

    def read_preference(self, preference: ReadPreference) -> QueryBuilder[T]:
        """Let these members answer."""
        if not isinstance(preference, ReadPreference):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InvalidDocumentError("read_preference takes a ReadPreference")
        return replace(self, _collection=self._collection.with_options(read_preference=preference))

    async def execute(
        self, *, on_error: OnError = "raise", session: Session | None = None, timeout: timedelta | None = None
    ) -> list[T]:
        """Return every document as a list; see `Collection.find`."""
        return await self._collection.find(
            self._filter, self._options, on_error=on_error, session=session, timeout=timeout
        )

    async def first(self, *, session: Session | None = None, timeout: timedelta | None = None) -> T | None:
        """Return the first document, or None; see `Collection.find_one`."""
        return await self._collection.find_one(self._filter, self._options, session=session, timeout=timeout)

    def stream(
        self, *, on_error: OnError = "raise", session: Session | None = None, timeout: timedelta | None = None
    ) -> DocumentStream[T]:
        """Return the documents one by one in constant memory; see `Collection.find_stream`."""
        return self._collection.find_stream(
            self._filter, self._options, on_error=on_error, session=session, timeout=timeout
        )

    async def count(self, *, session: Session | None = None, timeout: timedelta | None = None) -> int:
        """Count the documents that `execute` would return: `skip` and `limit` count too."""
        options = self._options
        counting = CountOptions(
            skip=options.skip or None,
            limit=options.limit or None,
            hint=options.hint,
            collation=options.collation,
            comment=options.comment,
            max_time=options.max_time,
        )
        return await self._collection.count_documents(self._filter, counting, session=session, timeout=timeout)

    async def explain(self, *, session: Session | None = None, timeout: timedelta | None = None) -> QueryAnalysis:
        """Tell how the server answers the query, and what would help; see `Collection.explain`."""
        return await self._collection.explain(self._filter, self._options, session=session, timeout=timeout)

    async def page(
        self,
        page: int,
        page_size: int,
        *,
        total: bool | int = True,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> PaginatedResult[T]:
        """Return one page by its number, from 0; see `Collection.find_paginated`.

        Raises:
            InvalidDocumentError: The query has a skip or a limit of its own.
        """
        sort, options = self._paged()
        return await self._collection.find_paginated(
            self._filter, page, page_size, sort, total=total, options=options, session=session, timeout=timeout
        )

    async def keyset_page(
        self,
        limit: int,
        *,
        after: str | None = None,
        before: str | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> KeysetPage[T]:
        """Return the page after or before a cursor; see `Collection.find_page`. Without a sort it goes by `_id`.

        Raises:
            InvalidDocumentError: The query has a skip or a limit of its own, or the cursor is refused.
        """
        sort, options = self._paged()
        return await self._collection.find_page(
            self._filter,
            sort=sort or "_id",
            limit=limit,
            after=after,
            before=before,
            options=options,
            session=session,
            timeout=timeout,
        )

    def _paged(self) -> tuple[Sort | None, FindOptions]:
        if self._options.skip or self._options.limit:
            raise InvalidDocumentError("a page has its own skip and limit; leave those of the query out")
        return self._options.sort, replace(self._options, sort=None)

    def _with(self, **changed: Any) -> QueryBuilder[T]:
        return replace(self, _options=replace(self._options, **changed))


def _is_query(value: object) -> TypeGuard[QueryBuilder[Any]]:
    return isinstance(value, QueryBuilder)


def _options_of(options: FindOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in FindOptions.__dataclass_fields__}


def _default(name: str) -> Any:
    return FindOptions.__dataclass_fields__[name].default


def _order(given: Any) -> dict[str, Any]:
    order = {name_of(name): direction for name, direction in fields_and_directions(given, "sort").items()}
    validate_order(order)
    return frozen(order)  # type: ignore[no-any-return]  # a dict stays one
