"""Operations on a client."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from llm_devops_mongodb.options import BulkWriteOptions
from tests.conformance.entities import ClientEntity
from tests.conformance.operations.arguments import Arguments
from tests.conformance.operations.bulk_writes import add_write

Result = Awaitable[Any]


def client_bulk_write(target: ClientEntity, given: Arguments) -> Result:
    client = target.client
    builder: Any = client.bulk_write().ordered(given.take("ordered", default=True))
    for model in given.require("models"):
        ((kind, described),) = model.items()
        database, _, collection = described["namespace"].partition(".")
        rest = {name: value for name, value in described.items() if name != "namespace"}
        builder = add_write(builder, {kind: rest}, client.collection(database, collection))
    if (options := given.options(BulkWriteOptions)) is not None:
        builder = builder.options(options)
    return builder.execute(**given.scope())


def list_databases(target: ClientEntity, given: Arguments) -> Result:
    return target.client.list_databases(given.take("filter"), **given.scope())


def close(target: ClientEntity, given: Arguments) -> Result:
    return target.client.close()


OPERATIONS: Mapping[str, Any] = {
    "clientBulkWrite": client_bulk_write,
    "close": close,
    "listDatabases": list_databases,
}
