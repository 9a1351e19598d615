"""The place of an event in a change stream, as the server names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson import Timestamp, json_util
from bson.errors import BSONError

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMESTAMP = "82"
"""What the readable part of a token begins with: the type of a timestamp, in hexadecimal."""

_TIMESTAMP_DIGITS = 16


class ResumeToken:
    """Where a change stream goes on. What it holds is the server's own business; it can be stored and compared.

    Args:
        document: The token as the server gave it: the `_id` of an event.

    Raises:
        InvalidDocumentError: It is no document, or an empty one.

    Example:
        ```python
        text = event.id.to_json()
        stream = users.watch(options=ChangeStreamOptions(resume_after=ResumeToken.from_json(text)))
        ```
    """

    __slots__ = ("_document",)

    def __init__(self, document: Mapping[str, Any]) -> None:
        if not is_mapping(document) or not document:
            raise InvalidDocumentError("a resume token is a document that the server gave, not an empty one")
        self._document: Mapping[str, Any] = document

    def as_document(self) -> dict[str, Any]:
        """Return the token as the server gave it."""
        return dict(self._document)

    def to_json(self) -> str:
        """Return it as canonical Extended JSON."""
        return json_util.dumps(self._document, json_options=json_util.CANONICAL_JSON_OPTIONS)

    @classmethod
    def from_json(cls, text: str) -> ResumeToken:
        """Return the token that `to_json` wrote.

        Raises:
            InvalidDocumentError: The text holds none.
        """
        try:
            document = json_util.loads(text, json_options=json_util.CANONICAL_JSON_OPTIONS)
        except (BSONError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise InvalidDocumentError("the text is not Extended JSON, as ResumeToken.to_json writes it") from None
        return cls(document)

    @property
    def cluster_time(self) -> Timestamp | None:
        """When the change was made, as far as the token tells; for display, for the server promises no format."""
        data = self._document.get("_data")
        digits = data[2 : 2 + _TIMESTAMP_DIGITS] if isinstance(data, str) and data.startswith(_TIMESTAMP) else ""
        try:
            number = int(digits, 16) if len(digits) == _TIMESTAMP_DIGITS else None
        except ValueError:
            return None
        return None if number is None else Timestamp(number >> 32, number & 0xFFFFFFFF)

    def __eq__(self, other: object) -> bool:
        return self._bytes() == other._bytes() if isinstance(other, ResumeToken) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._bytes())

    def __repr__(self) -> str:
        return f"ResumeToken({self.as_document()!r})"

    def __reduce__(self) -> tuple[type[ResumeToken], tuple[dict[str, Any]]]:
        return ResumeToken, (self.as_document(),)

    def _bytes(self) -> bytes:
        return bson.encode(self._document)
