"""Beanie: pydantic documents on PyMongo's asynchronous API."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from beanie import Document as BeanieDocument
from beanie import PydanticObjectId, init_beanie
from pydantic import BaseModel
from pymongo import AsyncMongoClient

from benchmarks.subjects import READ, WRITTEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bson import ObjectId

    from benchmarks.documents import Document


class Usage(BaseModel):
    account: PydanticObjectId
    region: str
    attempts: int
    cost: float


class Request(BeanieDocument):
    request: str
    provider: str
    deployment: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    latency: float
    streamed: bool
    created: datetime
    tags: list[str]
    usage: Usage

    class Settings:
        name = READ


class WrittenRequest(Request):
    class Settings:
        name = WRITTEN


class Beanie:
    async def find_one(self, key: ObjectId) -> Request | None:
        return await Request.get(PydanticObjectId(key))

    async def find(self) -> list[Request]:
        return await Request.find_all().to_list()

    async def insert_many(self, models: list[WrittenRequest]) -> None:
        await WrittenRequest.insert_many(models)

    def build(self, document: Document) -> WrittenRequest:
        model: WrittenRequest = WrittenRequest.model_validate(document)
        return model

    def plain(self, model: Request) -> Document:
        fields: dict[str, Any] = model.model_dump(exclude={"revision_id"})
        fields["_id"] = fields.pop("id")
        return fields


@asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[Beanie]:
    async with AsyncMongoClient[dict[str, object]](uri) as client:
        await init_beanie(database=client[database], document_models=[Request, WrittenRequest])
        yield Beanie()
