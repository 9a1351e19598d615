"""What all handles of one client share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from llm_devops_mongodb.codecs import encode_document
from llm_devops_mongodb.validation import (
    check_document,
    check_size,
    validate_filter,
    validate_namespace,
    validate_pipeline,
    validate_update,
)

if TYPE_CHECKING:
    from llm_devops_mongodb.codecs import BsonSettings
    from llm_devops_mongodb.config import MongoConfig
    from llm_devops_mongodb.operations import RawDocument, RawPipeline
    from llm_devops_mongodb.options import Document
    from llm_devops_mongodb.transport import Transport

_EMPTY = b"\x05\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Access:
    """The way to a deployment, and how values are checked and encoded on it.

    Attributes:
        transport: Answers operations.
        config: The client's configuration.
        bson: How values are written as BSON and read back.
        new_id: Makes the `_id` of a document that has none.
    """

    transport: Transport
    config: MongoConfig
    bson: BsonSettings
    new_id: Callable[[], ObjectId] = field(default=ObjectId)

    def check_namespace(self, database: str, collection: str) -> None:
        """Refuse a namespace that the server would."""
        validate_namespace(database, collection, max_bytes=self.config.max_namespace_bytes)

    def filter(self, filter: Document | None) -> RawDocument:
        """Check and encode a filter; None matches everything."""
        if filter is None:
            return _EMPTY
        if self.config.validate_documents:
            validate_filter(filter)
        return encode_document(filter, self.bson)

    def update(self, update: Document | Sequence[Document]) -> RawDocument | RawPipeline:
        """Check and encode an update: operators, or a pipeline."""
        if self.config.validate_documents:
            validate_update(update)
        if isinstance(update, Mapping):
            return encode_document(update, self.bson)
        return tuple(encode_document(stage, self.bson) for stage in update)

    def pipeline(self, pipeline: Sequence[Document]) -> RawPipeline:
        """Check and encode a pipeline."""
        if self.config.validate_documents:
            validate_pipeline(pipeline)
        return tuple(encode_document(stage, self.bson) for stage in pipeline)

    @property
    def check(self) -> Callable[[Mapping[str, Any]], None] | None:
        """What looks at every document before it is encoded; None where the configuration turns it off."""
        return check_document if self.config.validate_documents else None

    def encode(self, document: Document) -> RawDocument:
        """Encode a document that is already known to be right."""
        return encode_document(document, self.bson)

    def sized(self, raw: RawDocument) -> RawDocument:
        """Return `raw`; refuse one that is larger than the server takes."""
        check_size(raw)
        return raw
