"""What makes two queries the same to a cursor."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import bson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.pages.sort_keys import SortKey

_BYTES = 16


def fingerprint(
    namespace: str, filter: RawDocument, *, order: Iterable[SortKey], collation: RawDocument, let: RawDocument
) -> bytes:
    """Return 16 bytes that differ where namespace, filter, order, collation or variables do.

    Filters are compared as BSON: the same conditions in another sequence are another filter.
    """
    keys = [[key.path, key.direction] for key in order]
    query = {"namespace": namespace, "filter": filter, "order": keys, "collation": collation, "let": let}
    return hashlib.sha256(bson.encode(query)).digest()[:_BYTES]
