"""A server that somebody else runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class MongoServer(Protocol):
    """What the fixture `mongo_server` hands out: an `EmbeddedMongo` or a `GivenServer`."""

    @property
    def uri(self) -> str:
        """The connection string."""
        ...


@dataclass(frozen=True, slots=True)
class GivenServer:
    """A server named by the option `--mongodb-uri`.

    Attributes:
        uri: Its connection string.
    """

    uri: str = field(repr=False)  # it may hold a password
