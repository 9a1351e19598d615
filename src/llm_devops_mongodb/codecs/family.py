"""What the codec of models needs to know of a family of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_devops_mongodb.codecs.faults import Path

T = TypeVar("T")


class Reader(Protocol[T]):
    """Turns plain values into values of one type, by a library that knows how."""

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """What `read` raises for a value that does not fit."""
        ...

    @property
    def adds_utc(self) -> bool:
        """True where `read` takes datetimes without a time zone for UTC, and gives them theirs."""
        ...

    def read(self, values: list[Any]) -> list[T]:
        """Read all of `values`, which may be changed."""
        ...

    def read_one(self, values: list[Any]) -> T:
        """Read the one value in `values`, which may be changed."""
        ...

    def faults(self, values: list[Any], error: Exception) -> Sequence[tuple[Path, str]]:
        """Tell why `read` refused `values`: paths that begin with a position, and messages without values."""
        ...


@dataclass(frozen=True, slots=True)
class IdKey:
    """What a model calls its `_id`.

    Attributes:
        read: The name it is read from; None where the model has none.
        written: The name it is written under; None where the model has none.
        refused: The model has none and refuses a document with fields it does not know.
    """

    read: str | None = None
    written: str | None = None
    refused: bool = False

    def rename(self, documents: list[dict[str, Any]]) -> None:
        """Give `_id` in each of `documents` the name the model reads."""
        if self.refused:
            for document in documents:
                document.pop("_id", None)
        elif self.read is not None and self.read != "_id":
            for document in documents:
                # Without an `_id`, as after a projection, a field of the model's own name is left in peace.
                if "_id" in document:
                    document[self.read] = document.pop("_id")

    def take(self, fields: dict[str, Any]) -> Any:
        """Remove the id from what the model was written as, and return it; None where there is none."""
        return fields.pop(self.written or "_id", None)

    def shown(self, path: Path) -> Path:
        """Return a path in the model as a path in the document."""
        return ("_id", *path[1:]) if self.read is not None and path[:1] == (self.read,) else path


@dataclass(frozen=True, slots=True)
class Family(Generic[T]):
    """How one type of documents is read and written.

    Attributes:
        document_type: The type, as it was given.
        accepted: What a document must be an instance of to be written.
        reader: Reads documents.
        written: Turns a document into a new dict of plain values.
        id_key: What it calls its `_id`.
    """

    document_type: type[T]
    accepted: type[Any]
    reader: Reader[T]
    written: Callable[[T], dict[str, Any]]
    id_key: IdKey
