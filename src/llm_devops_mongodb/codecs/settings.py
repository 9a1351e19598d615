"""How values are written as BSON and read back: one frozen value a client passes around."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bson import CodecOptions
from bson.binary import UuidRepresentation as Representation
from bson.codec_options import TypeRegistry

from llm_devops_mongodb.codecs.values import bson_value
from llm_devops_mongodb.errors import ConfigError

if TYPE_CHECKING:
    from llm_devops_mongodb.config.fields import UuidRepresentation

_REPRESENTATIONS: dict[UuidRepresentation, int] = {
    "standard": Representation.STANDARD,
    "unspecified": Representation.UNSPECIFIED,
    "pythonLegacy": Representation.PYTHON_LEGACY,
    "javaLegacy": Representation.JAVA_LEGACY,
    "csharpLegacy": Representation.CSHARP_LEGACY,
}


@dataclass(frozen=True, slots=True)
class BsonSettings:
    """How values are written as BSON and read back.

    Attributes:
        tz_aware: Datetimes are read as UTC with their time zone instead of without. BSON holds milliseconds of UTC
            either way; a datetime without a time zone is written as if it were UTC.
        uuid_representation: `standard` is binary subtype 4; `unspecified` refuses to write a UUID.
        codec_options: The same for `bson`.

    Raises:
        ConfigError: `uuid_representation` is none of MongoDB's names.
    """

    tz_aware: bool = True
    uuid_representation: UuidRepresentation = "standard"
    codec_options: CodecOptions[dict[str, Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.uuid_representation not in _REPRESENTATIONS:
            raise ConfigError("uuid_representation", f"must be one of {', '.join(_REPRESENTATIONS)}")
        options: CodecOptions[dict[str, Any]] = CodecOptions(
            tz_aware=self.tz_aware,
            uuid_representation=_REPRESENTATIONS[self.uuid_representation],
            # Asked only for what bson does not know, so native values cost nothing.
            type_registry=TypeRegistry(fallback_encoder=bson_value),
        )
        object.__setattr__(self, "codec_options", options)
