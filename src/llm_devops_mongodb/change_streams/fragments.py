"""Events that the server cut in pieces because they are larger than a document may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.codecs import documents_of
from llm_devops_mongodb.errors import CursorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_devops_mongodb.replies import Frame

_FIELD = "splitEvent"


class Fragments:
    """Joins fragments: the whole event has the fields of all, and the token of the last.

    Source: https://www.mongodb.com/docs/manual/reference/operator/aggregation/changeStreamSplitLargeEvent/
    """

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._count = 0

    @property
    def are_pending(self) -> bool:
        """Whether the rest of an event is still to come."""
        return bool(self._count)

    def forget(self) -> None:
        """Drop what there is of an event: the server sends all of it again."""
        self._fields = {}
        self._count = 0

    def joined(self, frame: Frame) -> Frame:
        """Return the events of `frame` that are whole now, one after the other.

        Raises:
            CursorError: A fragment is missing.
        """
        return b"".join(self._whole(frame))

    def _whole(self, frame: Frame) -> Iterator[bytes]:
        for raw in documents_of(frame):
            fields = dict(RawBSONDocument(raw))
            place = fields.pop(_FIELD, None)
            if place is None and not self._count:
                yield raw
                continue
            self._count += 1
            if place is None or place["fragment"] != self._count:
                self.forget()
                raise CursorError("a fragment of a large event is missing; resume the stream to read the event again")
            self._fields |= fields
            if self._count == place["of"]:
                yield bson.encode(self._fields)
                self.forget()
