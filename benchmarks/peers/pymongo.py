"""PyMongo's asynchronous API, documents as dicts: the reference."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pymongo import AsyncMongoClient

from benchmarks.subjects import READ, STREAMED, WRITTEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bson import ObjectId
    from pymongo.asynchronous.database import AsyncDatabase

    from benchmarks.documents import Document


class PyMongo:
    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._read = database[READ]
        self._written = database[WRITTEN]
        self._streamed = database[STREAMED]

    async def find_one(self, key: ObjectId) -> Document | None:
        return await self._read.find_one({"_id": key})

    async def find(self) -> list[Document]:
        return await self._read.find({}).to_list()

    async def insert_many(self, models: list[Document]) -> None:
        await self._written.insert_many(models)

    def stream(self) -> AsyncIterator[Document]:
        return self._streamed.find({})

    def build(self, document: Document) -> Document:
        return document

    def plain(self, model: Document) -> Document:
        return model


@asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[PyMongo]:
    async with AsyncMongoClient[dict[str, object]](uri) as client:
        yield PyMongo(client[database])
