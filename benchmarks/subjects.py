"""What every library under comparison is asked to do, in its own way: ours, PyMongo's and each peer's.

A subject does what its library's documentation shows, with the library's default settings. It answers `plain`, which
gives the document that one of its models holds, and offers as many of the protocols below as its library does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bson import ObjectId

    from benchmarks.documents import Document

READ = "documents"
WRITTEN = "written"
STREAMED = "streamed"


class Subject(Protocol):
    """One library, connected."""

    def plain(self, model: Any) -> Document:
        """The document that the model holds."""


@runtime_checkable
class Reading(Subject, Protocol):
    """One that reads the collection `READ`."""

    async def find_one(self, key: ObjectId) -> Any:
        """The document of that `_id`."""

    async def find(self) -> list[Any]:
        """Every document, in a list."""


@runtime_checkable
class Writing(Subject, Protocol):
    """One that inserts many models into the collection `WRITTEN` in one call."""

    async def insert_many(self, models: list[Any]) -> None:
        """Inserts what `build` made."""

    def build(self, document: Document) -> Any:
        """The document as this library's users hold one."""


@runtime_checkable
class Streaming(Subject, Protocol):
    """One that hands out the collection `STREAMED` one document after another."""

    def stream(self) -> AsyncIterator[Any]:
        """Every document, in order."""


Opening = Callable[[str, str], AbstractAsyncContextManager[Subject]]
