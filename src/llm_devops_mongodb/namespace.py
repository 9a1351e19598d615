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

    def of_database(self) -> Namespace:
        """Return the namespace of the database itself, as commands have it."""
        return Namespace(self.database, "")
