"""ODMantic: pydantic models on Motor.

It has no bulk insert: `save_all` sends one upsert for each model, one after another.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from odmantic import AIOEngine, EmbeddedModel, Model

from benchmarks.subjects import READ

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.documents import Document


class Usage(EmbeddedModel):
    account: ObjectId
    region: str
    attempts: int
    cost: float


class Request(Model):
    model_config: ClassVar[Any] = {"collection": READ}

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


class ODMantic:
    def __init__(self, engine: AIOEngine) -> None:
        self._engine = engine

    async def find_one(self, key: ObjectId) -> Request | None:
        return await self._engine.find_one(Request, Request.id == key)

    async def find(self) -> list[Request]:
        return await self._engine.find(Request)

    def plain(self, model: Request) -> Document:
        return model.model_dump_doc()


@asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[ODMantic]:
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(uri)
    try:
        yield ODMantic(AIOEngine(client=client, database=database))
    finally:
        client.close()
