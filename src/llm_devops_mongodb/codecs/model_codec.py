"""Documents that are models of any family."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import bson
from bson import ObjectId

from llm_devops_mongodb.codecs.collector import collector_paused
from llm_devops_mongodb.codecs.decoding import UNDECODABLE, all_decoded, decode_document
from llm_devops_mongodb.codecs.encoding import encode_with_id, wrong_type
from llm_devops_mongodb.codecs.faults import fault, type_name, unreadable
from llm_devops_mongodb.codecs.frames import documents_of, split_frame
from llm_devops_mongodb.errors import DeserializationError, SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bson import CodecOptions

    from llm_devops_mongodb.codecs.family import Family
    from llm_devops_mongodb.codecs.protocol import Check, EncodedDocument
    from llm_devops_mongodb.codecs.settings import BsonSettings
    from llm_devops_mongodb.errors import FieldFault

T = TypeVar("T")

_SOME_ID = ObjectId(b"\0" * 12)


@dataclass(frozen=True)
class ModelCodec(Generic[T]):
    """Reads and writes the models of a family. See `Codec`."""

    family: Family[T]
    settings: BsonSettings

    @property
    def document_type(self) -> type[T]:
        """The model."""
        return self.family.document_type

    def encode(
        self, document: T, *, new_id: Callable[[], ObjectId] = ObjectId, check: Check | None = None
    ) -> EncodedDocument:
        """Encode a document that is to be inserted."""
        fields = self._fields(document)
        identity = self.family.id_key.take(fields)
        if identity is None:
            identity = self._made_id(new_id)
        return encode_with_id({"_id": identity, **fields}, self.settings, check=check)

    def to_document(self, document: T) -> dict[str, Any]:
        """Return the document as plain values, with an `_id` only where it has one."""
        fields = self._fields(document)
        identity = self.family.id_key.take(fields)
        return fields if identity is None else {"_id": identity, **fields}

    def decode(self, raw: bytes, *, namespace: str = "") -> T:
        """Read one document."""
        try:
            return self.family.reader.read_one(self._values(raw, namespace))
        except self.family.reader.refusals:
            # From None: the texts of the models' libraries show values.
            raise self._unreadable(raw, namespace) from None

    def decode_frame(self, frame: bytes, *, namespace: str = "") -> list[T]:
        """Read all documents of a frame, in their order."""
        documents: list[T] = []
        with collector_paused():
            for chunk in split_frame(frame):
                documents += self._chunk(chunk, namespace)
        return documents

    def convert(self, documents: list[dict[str, Any]]) -> list[T]:
        """Make models of documents that are decoded already."""
        self.family.id_key.rename(documents)
        try:
            return self.family.reader.read(documents)
        except self.family.reader.refusals:
            raise DeserializationError("a document does not fit its model") from None

    def _chunk(self, chunk: bytes, namespace: str) -> list[T]:
        again: tuple[type[Exception], ...] = (*UNDECODABLE, *self.family.reader.refusals)
        try:
            values = all_decoded(chunk, self._chunk_options)
            self.family.id_key.rename(values)
            return self.family.reader.read(values)
        except again:
            # Once more from the bytes, one by one: reading may have changed the values.
            return [self.decode(raw, namespace=namespace) for raw in documents_of(chunk)]

    def _values(self, raw: bytes, namespace: str) -> list[Any]:
        """Decode one document into what the model's reader takes."""
        values: list[Any] = [decode_document(raw, self.settings, document_type=self.document_type, namespace=namespace)]
        self.family.id_key.rename(values)
        return values

    def _unreadable(self, raw: bytes, namespace: str) -> DeserializationError:
        """Read once more, as one of many: reading changes values, and faults are told by their place in a list."""
        document_id = decode_document(raw, self.settings).get("_id")
        values = self._values(raw, namespace)
        faults: list[FieldFault] = []
        try:
            self.family.reader.read(values)
        except self.family.reader.refusals as error:
            told = self.family.reader.faults(values, error)
            faults = [fault(self.family.id_key.shown(path[1:]), message) for path, message in told]
        return unreadable(self.document_type, faults, document_id=document_id, namespace=namespace)

    def _fields(self, document: T) -> dict[str, Any]:
        if not isinstance(document, self.family.accepted):
            raise wrong_type(self.document_type, document)
        return self.family.written(document)

    def _made_id(self, new_id: Callable[[], ObjectId]) -> ObjectId:
        if not self.takes_object_id:
            raise SerializationError(
                f"the document has no _id, and {type_name(self.document_type)} cannot hold an ObjectId; set its id",
                path="_id",
            )
        return new_id()

    @cached_property
    def _chunk_options(self) -> CodecOptions[dict[str, Any]]:
        # The reader adds time zones faster than bson.
        tz_aware = self.settings.tz_aware and not self.family.reader.adds_utc
        return self.settings.codec_options.with_options(tz_aware=tz_aware)

    @property
    def takes_object_id(self) -> bool:
        """True for a model without a key, and where the key's type may be an ObjectId."""
        return self.family.id_key.written is None or self._key_takes_object_id

    @cached_property
    def _key_takes_object_id(self) -> bool:
        """Tell by trying: only the model knows what its types and validators take."""
        try:
            self.decode(bson.encode({"_id": _SOME_ID}))
        except DeserializationError as error:
            return all(each.path.split(".")[0] != "_id" for each in error.faults)
        except Exception:  # noqa: BLE001  a model's own code, which did not expect a document of nothing but an _id
            return True
        return True
