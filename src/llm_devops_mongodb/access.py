"""What all handles of one client share."""

from __future__ import annotations

import itertools
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from bson import ObjectId
from bson.codec_options import DatetimeConversion

from llm_devops_mongodb.codecs import encode_document
from llm_devops_mongodb.codecs.decoding import decoded
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.query.built import content_of
from llm_devops_mongodb.query.filters import FilterBuilder
from llm_devops_mongodb.query.pipelines import PipelineBuilder
from llm_devops_mongodb.validation import (
    check_document,
    check_size,
    validate_filter,
    validate_namespace,
    validate_pipeline,
    validate_update,
)
from llm_devops_mongodb.validation.values import built

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llm_devops_mongodb.codecs import BsonSettings, Codec, EncodedDocument
    from llm_devops_mongodb.concerns import WriteConcern
    from llm_devops_mongodb.config import MongoConfig
    from llm_devops_mongodb.operations import RawDocument, RawPipeline
    from llm_devops_mongodb.options import Document, Filter, Pipeline, Update
    from llm_devops_mongodb.session import RetryPolicy
    from llm_devops_mongodb.transport import Transport

T = TypeVar("T")

_EMPTY = b"\x05\x00\x00\x00\x00"
_KEY_BYTES = 32
_CARELESS: tuple[Literal[0], Literal[1]] = (0, 1)

_log = logging.getLogger("llm_devops_mongodb")


def _numbers() -> Iterator[int]:
    return itertools.count(1)


def new_cursor_key() -> bytes:
    """Make a key that nobody knows."""
    return secrets.token_bytes(_KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Access:
    """The way to a deployment, and how values are checked and encoded on it.

    Attributes:
        transport: Answers operations.
        config: The client's configuration.
        bson: How values are written as BSON and read back.
        new_id: Makes the `_id` of a document that has none.
        cursor_key: Signs the cursors of pages.
        told: The write concerns that were warned of.
        session_numbers: The numbers of the client's sessions.
        retry: How patiently transactions are tried again; None is as the configuration says.
    """

    transport: Transport
    config: MongoConfig
    bson: BsonSettings
    new_id: Callable[[], ObjectId] = field(default=ObjectId)
    cursor_key: bytes = field(default_factory=new_cursor_key, repr=False)
    told: set[int] = field(default_factory=set[int], repr=False, compare=False)
    session_numbers: Iterator[int] = field(default_factory=_numbers, repr=False, compare=False)
    retry: RetryPolicy | None = field(default=None, repr=False, compare=False)

    def check_namespace(self, database: str, collection: str) -> None:
        """Refuse a namespace that the server would."""
        validate_namespace(database, collection, max_bytes=self.config.max_namespace_bytes)

    def warn_of(self, write_concern: WriteConcern | None) -> None:
        """Log, once for each client, that writes may be acknowledged and lost."""
        w = None if write_concern is None else write_concern.w
        if w in _CARELESS and w not in self.told:
            self.told.add(w)
            _log.warning(
                "writes with w=%d are lost where another member takes over before it has them; "
                "leave the write concern to the server, or ask for 'majority'",
                w,
            )

    def filter(self, filter: Filter | None) -> RawDocument:
        """Check and encode a filter; None matches everything."""
        if filter is None:
            return _EMPTY
        if isinstance(filter, FilterBuilder):
            # It has checked itself.
            return encode_document(content_of(filter), self.bson)
        document: Document = built(filter)
        if self.config.validate_documents:
            validate_filter(document)
        return encode_document(document, self.bson)

    def chosen(self, filter: Filter | None, *, many: bool = False) -> RawDocument:
        """Check and encode the filter of a write.

        Raises:
            InvalidDocumentError: It was forgotten: it is None, or a builder without conditions for a write of many.
        """
        # No method's signature allows None; a forgotten filter comes from code that is not type-checked.
        if filter is None:
            raise InvalidDocumentError("no filter was given; to mean every document, give {}")
        if many and not filter and built(filter) is not filter:
            raise InvalidDocumentError("the filter has no conditions; to mean every document, give {}")
        return self.filter(filter)

    def update(self, update: Update) -> RawDocument | RawPipeline:
        """Check and encode an update: operators, or a pipeline."""
        given: Document | Sequence[Document] = built(update)
        if self.config.validate_documents:
            validate_update(given)
        if isinstance(given, Mapping):
            return encode_document(given, self.bson)
        return tuple(encode_document(stage, self.bson) for stage in given)

    def pipeline(self, pipeline: Pipeline) -> RawPipeline:
        """Check and encode a pipeline."""
        stages: Sequence[Document] = built(pipeline)
        # A builder has checked its stages, and may hold one that is newer than the checks.
        if self.config.validate_documents and not isinstance(pipeline, PipelineBuilder):
            validate_pipeline(stages)
        return tuple(encode_document(stage, self.bson) for stage in stages)

    def document(self, document: T, codec: Codec[T]) -> EncodedDocument:
        """Check and encode a document that is to be inserted."""
        encoded = codec.encode(document, new_id=self.new_id, check=self.check)
        check_size(encoded.raw)
        return encoded

    def replacement(self, document: T, codec: Codec[T]) -> RawDocument:
        """Check and encode a document that is to take another's place, whose `_id` it need not have."""
        fields = codec.to_document(document)
        if (check := self.check) is not None:
            check(fields)
        elif next(iter(fields), "").startswith("$"):
            # The server tells a replacement from an update by its first name alone.
            raise InvalidDocumentError("a replacement holds no update operators; to change fields, update")
        return self.sized(self.encode(fields))

    @property
    def check(self) -> Callable[[Mapping[str, Any]], None] | None:
        """What looks at every document before it is encoded; None where the configuration turns it off."""
        return check_document if self.config.validate_documents else None

    def encode(self, document: Document) -> RawDocument:
        """Encode a document that is already known to be right."""
        return encode_document(document, self.bson)

    def id_in(self, document: RawDocument) -> Any:
        """Read the `_id` of a document that was written.

        A date that Python has none for stays `DatetimeMS`: it is no reason to lose what the write did.
        """
        options = self.bson.codec_options.with_options(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
        return decoded(document, options)["_id"]

    def sized(self, raw: RawDocument) -> RawDocument:
        """Return `raw`; refuse one that is larger than the server takes."""
        check_size(raw)
        return raw
