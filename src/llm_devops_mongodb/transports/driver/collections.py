"""The driver's collection objects, made once for each namespace and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.collection import AsyncCollection
    from pymongo.asynchronous.database import AsyncDatabase

    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.options import Settings
    from llm_devops_mongodb.transports.driver.concerns import Concerns

_MOST = 1024


class RawReply(RawBSONDocument):
    """Raw BSON that the driver may add to: it puts the error labels of a reply into its write concern's error."""

    __slots__ = ()

    def update(self, more: Mapping[str, Any]) -> None:
        """Set the fields of `more`."""
        super().__init__(bson.encode({**self, **more}))


class Collections:
    """Hands out the driver's collections, whose documents stay raw.

    Values outside documents, as `distinct` gives them, keep every bit: dates stay milliseconds.
    """

    def __init__(self, client: AsyncMongoClient[Any], concerns: Concerns, *, uuid_representation: int) -> None:
        self._client = client
        self._concerns = concerns
        self._made: dict[tuple[object, ...], AsyncCollection[RawBSONDocument]] = {}
        self.codec_options: CodecOptions[RawBSONDocument] = CodecOptions(
            document_class=RawReply,
            uuid_representation=uuid_representation,
            datetime_conversion=DatetimeConversion.DATETIME_MS,
        )

    def of(self, namespace: Namespace, settings: Settings) -> AsyncCollection[RawBSONDocument]:
        """Return the driver's collection for `namespace`, with `settings`."""
        # Not by the settings as a whole: a limit is nothing that the driver's collection knows.
        key = (namespace, settings.read_preference, settings.read_concern, settings.write_concern)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _MOST:
                self._made.clear()
            made = self.database(namespace.database, settings).get_collection(namespace.collection)
            self._made[key] = made
        return made

    def database(self, name: str, settings: Settings) -> AsyncDatabase[RawBSONDocument]:
        """Return the driver's database called `name`, with `settings`."""
        return self._client.get_database(
            name,
            codec_options=self.codec_options,
            read_preference=self._concerns.read_preference(settings.read_preference),
            read_concern=self._concerns.read_concern(settings.read_concern),
            write_concern=self._concerns.write_concern(settings.write_concern),
        )
