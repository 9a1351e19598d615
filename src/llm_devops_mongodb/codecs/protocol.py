"""What a codec does: it turns a `T` into BSON and BSON into a `T`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from bson import ObjectId

T = TypeVar("T")

Check = Callable[[Mapping[str, Any]], None]
"""Looks at a document before it is encoded, and raises if it does not like it."""


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """A document that is ready to be sent.

    Attributes:
        id: Its `_id`, as it will be read back: a datetime is cut to milliseconds, a Decimal is a Decimal128.
        raw: Its BSON, `_id` first.
    """

    id: Any
    raw: bytes


class Codec(Protocol[T]):
    """Writes `T` as BSON and reads it back. It holds no state, so it may be shared.

    The model's key (a field with the alias `_id`, else one called `_id` or `id`) is `_id` in the document, both ways,
    at the top level only.
    """

    @property
    def document_type(self) -> type[T]:
        """The type of the documents."""
        ...

    @property
    def takes_object_id(self) -> bool:
        """Whether a document's `_id` may be an ObjectId; False for a model whose key is, say, text."""
        ...

    def encode(
        self, document: T, *, new_id: Callable[[], ObjectId] = ObjectId, check: Check | None = None
    ) -> EncodedDocument:
        """Encode a document that is to be inserted. It is not changed.

        Args:
            document: The document.
            new_id: Makes the `_id` where the document has none, or a model's is None.
            check: Looks at the document, `_id` included, before it is encoded.

        Raises:
            SerializationError: `document` is not a `T`, holds what BSON cannot, or has no `_id` and its model cannot
                hold an ObjectId.
        """
        ...

    def to_document(self, document: T) -> dict[str, Any]:
        """Return the document as plain values, to be stored under an `_id` that may be another's.

        Returns:
            A new dict, `_id` first, and only where the document has one; a model whose key is None has none.

        Raises:
            SerializationError: `document` is not a `T`, or holds what BSON cannot.
        """
        ...

    def decode(self, raw: bytes, *, namespace: str = "") -> T:
        """Read one document.

        Args:
            raw: Its BSON.
            namespace: `database.collection`, for errors.

        Raises:
            DeserializationError: It does not fit `T`, or is not BSON.
        """
        ...

    def decode_frame(self, frame: bytes, *, namespace: str = "") -> list[T]:
        """Read all documents of a frame, in their order.

        Args:
            frame: BSON documents one after the other.
            namespace: `database.collection`, for errors.

        Raises:
            DeserializationError: The first that does not fit `T`, or is not BSON.
        """
        ...

    def convert(self, documents: list[dict[str, Any]]) -> list[T]:
        """Make `T` of documents that are decoded already; they may be changed.

        Raises:
            DeserializationError: One of them does not fit; `decode` tells which, and why.
        """
        ...
