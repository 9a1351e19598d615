"""MongoEngine: synchronous documents on synchronous PyMongo, here as fast as they go with the event loop stopped."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
    connect,
    disconnect,
)
from mongoengine import Document as EngineDocument

from benchmarks.subjects import READ, WRITTEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bson import ObjectId

    from benchmarks.documents import Document

ALIAS = "benchmarks"


class Usage(EmbeddedDocument):
    account = ObjectIdField(required=True)
    region = StringField(required=True)
    attempts = IntField(required=True)
    cost = FloatField(required=True)


class Stored(EngineDocument):
    request = StringField(required=True)
    provider = StringField(required=True)
    deployment = StringField(required=True)
    prompt = StringField(required=True)
    prompt_tokens = IntField(required=True)
    completion_tokens = IntField(required=True)
    latency = FloatField(required=True)
    streamed = BooleanField(required=True)
    created = DateTimeField(required=True)
    tags = ListField(StringField())
    usage = EmbeddedDocumentField(Usage, required=True)

    meta: ClassVar = {"abstract": True, "db_alias": ALIAS}


class Request(Stored):
    meta: ClassVar = {"collection": READ}


class WrittenRequest(Stored):
    meta: ClassVar = {"collection": WRITTEN}


class MongoEngine:
    async def find_one(self, key: ObjectId) -> Any:
        return Request.objects(id=key).first()

    async def find(self) -> list[Any]:
        return list(Request.objects)

    async def insert_many(self, models: list[WrittenRequest]) -> None:
        # Without load_bulk=False it reads back what it wrote, which nobody else is asked to do.
        WrittenRequest.objects.insert(models, load_bulk=False)

    def build(self, document: Document) -> WrittenRequest:
        fields = dict(document)
        return WrittenRequest(id=fields.pop("_id"), usage=Usage(**fields.pop("usage")), **fields)

    def plain(self, model: Stored) -> Document:
        document: Document = model.to_mongo().to_dict()
        return document


@asynccontextmanager
async def opened(uri: str, database: str) -> AsyncIterator[MongoEngine]:
    connect(database, host=uri, alias=ALIAS, uuidRepresentation="standard")
    try:
        yield MongoEngine()
    finally:
        disconnect(ALIAS)
