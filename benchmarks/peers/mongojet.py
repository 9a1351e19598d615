"""mongojet: the Rust driver under asyncio, documents as dicts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mongojet import create_client

from benchmarks.subjects import READ, STREAMED, WRITTEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bson import ObjectId
    from mongojet import Database

    from benchmarks.documents import Document


class Mongojet:
    def __init__(self, database: Database) -> None:
        self._read = database[READ]
        self._written = database[WRITTEN]
        self._streamed = database[STREAMED]

    async def find_one(self, key: ObjectId) -> Document | None:
        return await self._read.find_one({"_id": key})

    async def find(self) -> list[Document]:
        cursor = await self._read.find({})
        return await cursor.to_list()

    async def insert_many(self, models: list[Document]) -> None:
        await self._written.insert_many(models)

    async def stream(self) -> AsyncIterator[Document]:
        async for each in await self._streamed.find({}):
            yield each

    def build(self, document: Document) -> Document:
        return document

    def plain(self, model: Document) -> Document:
        return model


@asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[Mongojet]:
    client = await create_client(uri)
    try:
        yield Mongojet(client[database])
    finally:
        await client.close()
