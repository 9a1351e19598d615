"""Pages of a collection: by number, and by where the one before ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import pages, replies
from llm_devops_mongodb.codecs import documents_of
from llm_devops_mongodb.collection.reads import Reads
from llm_devops_mongodb.errors import InvalidCursorError, QueryError
from llm_devops_mongodb.options import CountOptions, FindOptions
from llm_devops_mongodb.results import KeysetPage, PaginatedResult
from llm_devops_mongodb.transport import expect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.options import Document, Filter, Sort
    from llm_devops_mongodb.session import Session

T = TypeVar("T")

_FIND = FindOptions()


class Paging(Reads[T]):
    """Find one page at a time."""

    async def find_paginated(
        self,
        filter: Filter | None,
        page: int,
        page_size: int,
        sort: Sort | None = None,
        *,
        total: bool | int = True,
        options: FindOptions | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> PaginatedResult[T]:
        """Return a page by its number.

        The server reads and drops all documents of the pages before, and what is inserted or deleted meanwhile moves
        documents from page to page; `find_page` has neither fault. Sort by a unique field last, or ties may come in
        another order each time. Page and total are read one after the other, and may differ by what happens between.

        Args:
            filter: What must match; None matches every document.
            page: The page's number, from 0.
            page_size: Documents on a page; at least 1.
            sort: The order.
            total: True counts all matches, which takes the server longer the more there are; False does not count; a
                number counts no further than that. Nothing is counted where the page itself tells.
            options: Projection and the rest; hint, collation, comment and time limit are the count's too.
            session: The session to read in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: A number or an option is refused, or the filter is malformed.
            QueryError: The filter has `$near` or `$where`, which the server does not count by: give `total=False`.
            DeserializationError: A document does not fit `T`.
            MongoError: Reading failed.
        """
        options = options or _FIND
        pages.check_options(options)
        pages.check_page_size("page_size", page_size, most=self._access.config.max_find_results)
        pages.check_page_number(page, page_size)
        pages.check_total(total, options)
        where = self._access.filter(filter)
        asked = replace(options, sort=sort, skip=page * page_size)
        left = self._time_left(timeout)
        with left:
            found = await self._documents(where, asked, most=page_size + 1, session=session, timeout=left())
        result = PaginatedResult(
            items=self._decoded(found[:page_size]),
            total=None,
            page=page,
            page_size=page_size,
            has_next=len(found) > page_size,
        )
        if total is False:
            return result
        most = None if total is True else total
        counted = _told_by(result)
        if counted is None:
            with left:
                counted = await self._count(where, options, most=most, session=session, timeout=left())
        is_capped = most is not None and counted > most
        return replace(result, total=most if is_capped else counted, total_is_capped=is_capped)

    async def find_page(
        self,
        filter: Filter | None,
        *,
        sort: Sort,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        options: FindOptions | None = None,
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> KeysetPage[T]:
        """Return the page after or before a cursor, or the first.

        Every page costs the same where an index on the sort, `_id` included, serves it. Documents that are there
        throughout come exactly once, whatever is inserted and deleted meanwhile; one whose sort key is changed may come
        twice or not at all. Values come in the server's order across all types; a missing field is null. `_id` must be
        unique in what is read, as it is in any collection that is not sharded by another key; and no text where the
        options have a collation, which may take two texts for equal.

        Args:
            filter: What must match; None matches every document.
            sort: The order; `_id` is its last key, unless it is among the keys already.
            limit: Documents on a page; at least 1.
            after: A cursor of an earlier page of the same query: the page that follows it.
            before: The same: the page that ends there. Its documents come in the order of `sort` too.
            options: Projection and the rest. The fields of the sort must be returned.
            session: The session to read in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Returns:
            The page and its cursors. They are signed, not encrypted: they show the sort keys of its first and last
            documents to who holds them, and any change to them is refused.

        Raises:
            InvalidCursorError: The cursor was changed, or is of another filter, sort, collation or collection, or of
                another client and no `cursor_secret` is set.
            InvalidDocumentError: The sort, the limit or an option is refused, or the filter is malformed.
            QueryError: A document of the page has no one place in the order: it holds an array at a key, or a
                deprecated type.
            DeserializationError: A document does not fit `T`.
            MongoError: Reading failed.

        Example:
            ```python
            page = await users.find_page({"active": True}, sort={"created": -1}, limit=20)
            page = await users.find_page({"active": True}, sort={"created": -1}, limit=20, after=page.next_cursor)
            ```
        """
        options = options or _FIND
        order = pages.total_order(sort)
        pages.check_page_size("limit", limit, most=self._access.config.max_find_results)
        pages.check_options(options)
        pages.check_projection(options.projection, order)
        where = self._access.filter(filter)
        seal = self._seal(where, order, options)
        gap = _gap(seal, after, before)
        backward = before is not None
        way = pages.flipped(order) if backward else order
        if gap is not None:
            where = pages.within_bounds(where, way, values=gap.values, inclusive=gap.follows == backward)
        asked = replace(options, sort=pages.as_sort(way))
        found = await self._documents(where, asked, most=limit + 1, session=session, timeout=timeout)
        _check_collated(found, options.collation)
        # The last on the page and the first after it must be apart.
        pages.positions_of(found[limit - 1 :], order)
        shown = found[:limit][:: -1 if backward else 1]
        edges = _edges(shown, order) or (gap, gap)
        return _page(self._decoded(shown), seal, edges, more=len(found) > limit, backward=backward, began=gap is None)

    def _seal(self, where: RawDocument, order: Sequence[pages.SortKey], options: FindOptions) -> pages.CursorSeal:
        query = pages.fingerprint(
            str(self._namespace),
            where,
            order=order,
            collation=self._access.encode(options.collation or {}),
            let=self._access.encode(options.let or {}),
        )
        return pages.CursorSeal(self._access.cursor_key, query, len(order))

    async def _documents(
        self,
        where: RawDocument,
        options: FindOptions,
        *,
        most: int,
        session: Session | None,
        timeout: timedelta | None,
    ) -> list[RawDocument]:
        # A batch of one more than the limit lets the server close its cursor with the first reply.
        batch_size = most + 1 if options.batch_size is None else options.batch_size
        asked = replace(options, limit=most, batch_size=batch_size)
        reply = await self._access.transport.handle(op.Find(*self._target(session, timeout), where, asked))
        frames = expect(reply, replies.CursorReply).frames
        documents: list[RawDocument] = []
        try:
            while (frame := await frames.next()) is not None:
                documents.extend(documents_of(frame))
        finally:
            await frames.aclose()
        return documents

    async def _count(
        self,
        where: RawDocument,
        options: FindOptions,
        *,
        most: int | None,
        session: Session | None,
        timeout: timedelta | None,
    ) -> int:
        """Count, at most one further than `most`, which tells that there are more."""
        counting = CountOptions(
            limit=None if most is None else most + 1,
            hint=options.hint,
            collation=options.collation,
            comment=options.comment,
            max_time=options.max_time,
        )
        operation = op.CountDocuments(*self._target(session, timeout), where, counting)
        return expect(await self._access.transport.handle(operation), replies.CountReply).count

    def _decoded(self, documents: Sequence[RawDocument]) -> list[T]:
        return self._codec.decode_frame(b"".join(documents), namespace=str(self._namespace))


def _told_by(result: PaginatedResult[T]) -> int | None:
    """How many documents there are, where the page is the last; None where it does not tell."""
    is_last = not result.has_next and (result.items or result.page == 0)
    return result.page * result.page_size + len(result.items) if is_last else None


def _gap(seal: pages.CursorSeal, after: str | None, before: str | None) -> pages.Gap | None:
    if after is not None and before is not None:
        raise InvalidCursorError("a page lies after a cursor or before one; give one of the two")
    cursor = before if after is None else after
    return None if cursor is None else seal.read(cursor)


def _check_collated(found: Sequence[RawDocument], collation: Document | None) -> None:
    """Refuse texts in `_id` under a collation: it may take two for equal, and a cursor between them would lose one."""
    if (collation or {}).get("locale", "simple") == "simple":
        return
    if any(isinstance(RawBSONDocument(document).get("_id"), (str, RawBSONDocument)) for document in found):
        raise QueryError(
            "the collation may take two texts in _id for equal, and then a page cannot end between them; leave the "
            "collation out"
        )


def _edges(shown: Sequence[RawDocument], order: Sequence[pages.SortKey]) -> tuple[pages.Gap, pages.Gap] | None:
    """The gaps around the documents of a page; None where there are none."""
    positions = pages.positions_of(shown, order)
    if not positions:
        return None
    return pages.Gap(positions[0], follows=False), pages.Gap(positions[-1], follows=True)


def _page(
    items: list[T],
    seal: pages.CursorSeal,
    edges: tuple[pages.Gap | None, pages.Gap | None],
    *,
    more: bool,
    backward: bool,
    began: bool,
) -> KeysetPage[T]:
    """A page with its cursors. What lies behind a cursor is taken for granted: it was there when it was made."""
    has_next = backward or more
    has_prev = more if backward else not began
    start, end = edges
    return KeysetPage(
        items=items,
        next_cursor=seal.write(end) if has_next and end is not None else None,
        previous_cursor=seal.write(start) if has_prev and start is not None else None,
        has_next=has_next,
        has_prev=has_prev,
    )
