"""Documents that stay plain dicts of BSON's own types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from llm_devops_mongodb.codecs.collector import collector_paused
from llm_devops_mongodb.codecs.decoding import UNDECODABLE, all_decoded, decode_document
from llm_devops_mongodb.codecs.encoding import encode_with_id, wrong_type
from llm_devops_mongodb.codecs.frames import documents_of
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_devops_mongodb.codecs.protocol import Check, EncodedDocument
    from llm_devops_mongodb.codecs.settings import BsonSettings


@dataclass(frozen=True, slots=True)
class DictCodec:
    """Reads dicts; writes mappings of any class as they are. See `Codec`."""

    settings: BsonSettings

    @property
    def document_type(self) -> type[dict[str, Any]]:
        """Plain `dict`."""
        return dict

    @property
    def takes_object_id(self) -> bool:
        """Always."""
        return True

    def encode(
        self, document: Mapping[str, Any], *, new_id: Callable[[], ObjectId] = ObjectId, check: Check | None = None
    ) -> EncodedDocument:
        """Encode a document that is to be inserted; an `_id` of None is one, and stored as null."""
        _check_type(document)
        if "_id" not in document:
            document = {**document, "_id": new_id()}
        return encode_with_id(document, self.settings, check=check)

    def to_document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy, `_id` first."""
        _check_type(document)
        return {"_id": document["_id"], **document} if "_id" in document else dict(document)

    def decode(self, raw: bytes, *, namespace: str = "") -> dict[str, Any]:
        """Read one document."""
        return decode_document(raw, self.settings, namespace=namespace)

    def decode_frame(self, frame: bytes, *, namespace: str = "") -> list[dict[str, Any]]:
        """Read all documents of a frame, in their order."""
        try:
            with collector_paused():
                return all_decoded(frame, self.settings.codec_options)
        except UNDECODABLE:
            return [self.decode(raw, namespace=namespace) for raw in documents_of(frame)]

    def convert(self, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the documents as they are."""
        return documents


def _check_type(document: object) -> None:
    if not is_mapping(document):
        raise wrong_type(dict, document)
