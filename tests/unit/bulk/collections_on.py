"""Collections over a transport that answers from a script, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from llm_devops_mongodb import BulkWriteError, Collection, MongoClient, MongoConfig, WriteError
from llm_devops_mongodb.bulk import BulkWriteBuilder
from llm_devops_mongodb.replies import InsertReply
from llm_devops_mongodb.results import BulkWriteResult
from tests.stub_transport import Answer, StubTransport

INSERTED = InsertReply(acknowledged=True)
ID = ObjectId("65f000000000000000000001")


@dataclass
class User:
    name: str
    age: int = 0
    id: ObjectId | None = None


def client_on(transport: StubTransport, **settings: Any) -> MongoClient:
    return MongoClient(MongoConfig(uri="mongodb://localhost", **settings), transport, new_id=lambda: ID)


def plain_on(*answers: Answer) -> tuple[StubTransport, Collection[dict[str, Any]]]:
    transport = StubTransport(*(answers or (INSERTED,)))
    return transport, client_on(transport).collection("shop", "users")


def users_on(*answers: Answer) -> tuple[StubTransport, Collection[User]]:
    transport = StubTransport(*(answers or (INSERTED,)))
    return transport, client_on(transport).collection("shop", "users", User)


def bulk_on(*answers: Answer) -> tuple[StubTransport, BulkWriteBuilder[dict[str, Any]]]:
    transport, collection = plain_on(*answers)
    return transport, BulkWriteBuilder(collection.write_target())


def refused(*indexes: int, concerns: int = 0, inserted: int = 0, **details: Any) -> BulkWriteError:
    """What the transport raises where these of the documents of a batch were refused."""
    return BulkWriteError(
        "some failed",
        result=BulkWriteResult(inserted),
        write_errors={index: WriteError(f"write {index}: no", code=121, outcome="not_applied") for index in indexes},
        write_concern_errors=[WriteError("too few", code=64, outcome="applied")] * concerns,
        **details,
    )
