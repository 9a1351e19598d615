"""Typed events from the server's bytes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bson.codec_options import DatetimeConversion
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.change_streams.events import ChangeEvent, OperationType, TruncatedArray, UpdateDescription
from llm_devops_mongodb.codecs import documents_of
from llm_devops_mongodb.codecs.decoding import UNDECODABLE, all_decoded, decoded
from llm_devops_mongodb.errors import CursorError, DeserializationError
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.resume_token import ResumeToken

if TYPE_CHECKING:
    from bson import CodecOptions

    from llm_devops_mongodb.codecs import BsonSettings, Codec
    from llm_devops_mongodb.replies import Frame

T = TypeVar("T")

_KINDS = {str(kind): kind for kind in OperationType}
_DOCUMENTS = ("fullDocument", "fullDocumentBeforeChange")


class EventReader(Generic[T]):
    """Makes events of frames; documents in them become `T`.

    Args:
        codec: Makes the documents.
        bson: How other values are read.
        namespace: What is watched, for errors and for events whose pipeline took theirs away.
    """

    def __init__(self, codec: Codec[T], bson: BsonSettings, namespace: Namespace) -> None:
        self._codec = codec
        self._options: CodecOptions[dict[str, Any]] = bson.codec_options
        # Of an event that does not fit, what can be told is told: dates stay numbers where Python has none for them.
        self._lenient = bson.codec_options.with_options(
            datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="replace"
        )
        self._namespace = namespace

    def read(self, frame: Frame) -> list[ChangeEvent[T]]:
        """Make the events of a small frame. One whose documents do not fit `T` says so itself."""
        raws = list(documents_of(frame))
        try:
            events = all_decoded(frame, self._options)
            full = self._converted(events, "fullDocument")
            before = self._converted(events, "fullDocumentBeforeChange")
        except (*UNDECODABLE, DeserializationError):
            return [self._read_alone(raw) for raw in raws]
        return [
            self._event(event, raw, full=document, before=former)
            for event, raw, document, former in zip(events, raws, full, before, strict=True)
        ]

    def _converted(self, events: list[dict[str, Any]], name: str) -> list[T | None]:
        """Make `T` of the documents called `name`, all at once."""
        present = [document for event in events if (document := event.get(name)) is not None]
        if not present:
            return [None] * len(events)
        models = iter(self._codec.convert(present))
        return [None if event.get(name) is None else next(models) for event in events]

    def _read_alone(self, raw: bytes) -> ChangeEvent[T]:
        """Make one event; where a document does not fit, tell why."""
        try:
            event = decoded(raw, self._lenient)
        except UNDECODABLE:
            raise DeserializationError("a change event is not BSON", namespace=str(self._namespace)) from None
        documents = RawBSONDocument(raw)
        namespace = str(_namespace(event.get("ns")) or self._namespace)
        made: list[T | None] = []
        error: DeserializationError | None = None
        for name in _DOCUMENTS:
            document = documents.get(name)
            try:
                made.append(None if document is None else self._codec.decode(document.raw, namespace=namespace))
            except DeserializationError as failure:
                error = error or failure
        full, before = (None, None) if error is not None else made
        return self._event(event, raw, full=full, before=before, error=error)

    def _event(
        self,
        event: dict[str, Any],
        raw: bytes,
        *,
        full: T | None,
        before: T | None,
        error: DeserializationError | None = None,
    ) -> ChangeEvent[T]:
        token = event.get("_id")
        if token is None:
            raise CursorError("the pipeline takes the events' _id away, and without it a stream cannot go on")
        kind: str = event.get("operationType", "")
        update, to = event.get("updateDescription"), event.get("to")
        return ChangeEvent(
            id=ResumeToken(token),
            operation=_KINDS.get(kind, kind),
            document_key=event.get("documentKey"),
            full_document=full,
            full_document_before_change=before,
            update_description=None if update is None else _update(update),
            cluster_time=event.get("clusterTime"),
            wall_time=event.get("wallTime"),
            namespace=_namespace(event.get("ns")),
            to_namespace=None if to is None else _namespace(to),
            txn_number=event.get("txnNumber"),
            error=error,
            raw=raw,
        )


def _namespace(name: Any) -> Namespace | None:
    return _named(name.get("db", ""), name.get("coll", "")) if isinstance(name, dict) else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]  # a BSON document


@lru_cache(maxsize=1024)
def _named(database: str, collection: str) -> Namespace:
    return Namespace(database, collection)


def _update(description: dict[str, Any]) -> UpdateDescription:
    return UpdateDescription(
        updated_fields=description.get("updatedFields") or {},
        removed_fields=tuple(description.get("removedFields") or ()),
        truncated_arrays=tuple(
            TruncatedArray(array["field"], array["newSize"]) for array in description.get("truncatedArrays") or ()
        ),
        disambiguated_paths=description.get("disambiguatedPaths"),
    )
