"""The name of a collection within its database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Namespace:
    """A collection's full name.

    Attributes:
        database: The database's name.
        collection: The collection's name; `""` where the database itself is meant.
    """

    database: str
    collection: str

    def __str__(self) -> str:
        return f"{self.database}.{self.collection}" if self.collection else self.database
