"""Which documents of a query lie beyond a boundary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.pages.brackets import beyond

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.options import Document
    from llm_devops_mongodb.pages.sort_keys import SortKey


# The server takes 16 MiB, and none of these but at the top.
_MOST_BYTES = 4 * 1024 * 1024
_ONLY_ONCE = (b"$near", b"$text")


def within_bounds(
    filter: RawDocument, order: Sequence[SortKey], *, values: Sequence[Any], inclusive: bool
) -> RawDocument:
    """Return the filter of what matches `filter` and comes after `values` in `order`.

    It has one branch for each key: equal by the keys before, and beyond by this one. Each reads its own stretch of an
    index on the order, and the server merges them sorted; a bound on the first key alone would read all its ties. The
    user's filter is repeated in every branch where it may be: beside the branches, the server does not find an index
    that begins with the filter's fields.

    Args:
        filter: The user's, whole and untouched.
        order: The keys; all of them together tell any two documents apart.
        values: The boundary, one value for each key.
        inclusive: Whether the document at the boundary is part of it.
    """
    user = RawBSONDocument(filter)
    branches = list(_branches(order, values, inclusive=inclusive))
    if _may_repeat(filter, len(branches)):
        whole = _any_of([{"$and": [user, branch]} for branch in branches])
    else:
        whole = {"$and": [user, _any_of(branches)]}
    return bson.encode(whole)


def _any_of(branches: Sequence[Document]) -> Document:
    return branches[0] if len(branches) == 1 else {"$or": branches}


def _may_repeat(filter: RawDocument, times: int) -> bool:
    return len(filter) * times <= _MOST_BYTES and not any(name in filter for name in _ONLY_ONCE)


def _branches(order: Sequence[SortKey], values: Sequence[Any], *, inclusive: bool) -> Iterator[Document]:
    ties: list[Document] = []
    last = len(order) - 1
    for rank, (key, value) in enumerate(zip(order, values, strict=True)):
        step = beyond(key, value, inclusive=inclusive and rank == last)
        yield {"$and": [*ties, step]} if ties else step
        ties.append({key.path: {"$eq": value}})
