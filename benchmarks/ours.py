"""The library itself, once for each kind of model."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.models import KINDS, Kind
from benchmarks.subjects import READ, STREAMED, WRITTEN
from llm_devops_mongodb import MongoClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bson import ObjectId


class Ours:
    def __init__(self, client: MongoClient, database: str, *, kind: Kind) -> None:
        self._read = client.collection(database, READ, kind.model)
        self._written = client.collection(database, WRITTEN, kind.model)
        self._streamed = client.collection(database, STREAMED, kind.model)
        self.build = kind.build
        self.plain = kind.plain

    async def find_one(self, key: ObjectId) -> Any:
        return await self._read.find_one({"_id": key})

    async def find(self) -> list[Any]:
        return await self._read.find({})

    async def insert_many(self, models: list[Any]) -> None:
        await self._written.insert_many(models)

    async def stream(self) -> AsyncIterator[Any]:
        async with self._streamed.find_stream({}) as stream:
            async for each in stream:
                yield each


@asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[dict[str, Ours]]:
    """One subject for each kind of model, by the kind's name, on one client."""
    async with MongoClient.connect(uri) as client:
        yield {kind.name: Ours(client, database, kind=kind) for kind in KINDS}
