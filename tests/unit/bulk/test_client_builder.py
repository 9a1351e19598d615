"""Bulk writes of several collections."""

from __future__ import annotations

from typing import Any

import bson
import pytest

from llm_devops_mongodb import (
    BulkWriteResult,
    ClientStateError,
    InvalidDocumentError,
    Namespace,
    TransactionError,
    WriteConcern,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.bulk import ClientBulkWriteBuilder
from llm_devops_mongodb.options import BulkWriteOptions, DeleteOptions, Settings, UpdateOptions
from llm_devops_mongodb.replies import BulkWriteReply
from tests.stub_transport import StubTransport
from tests.unit.bulk.collections_on import ID, User, client_on, plain_on

ONE, MANY = False, True
WROTE = BulkWriteReply(1, 2, 3, 4, ((1, bson.encode({"_id": 7})),), acknowledged=True)
USERS, ORDERS = Namespace("shop", "users"), Namespace("shop", "orders")


class Shop:
    """A client with two collections, and a bulk write of it."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.transport = StubTransport(WROTE)
        self.client = client_on(self.transport)
        self.users = self.client.collection("shop", "users", User)
        self.orders = self.client.collection("shop", "orders")
        access = self.orders.write_target().access
        self.bulk = ClientBulkWriteBuilder(access, settings=settings or Settings())


async def test_writes_of_any_collection_are_sent_with_its_name() -> None:
    shop, raw, set_a = Shop(), bson.encode, {"$set": {"a": 1}}
    filters, local, set_e = [{"e": 1}], {"locale": "en"}, {"$set": {"a.$[e]": 1}}
    built = (
        shop.bulk.insert(shop.users, User("Ada"))
        .update_one(shop.orders, {}, set_e, upsert=True, array_filters=filters, hint="h", collation=local, sort="a")
        .update_many(shop.orders, {}, [set_a], upsert=True, hint="h", collation=local)
        .replace_one(shop.users, {}, User("Ada"), upsert=True, hint="h", collation=local, sort="a")
        .delete_one(shop.orders, {}, hint="h", collation=local)
        .delete_many(shop.orders, {}, hint="h", collation=local)
    )

    result = await built.execute()

    either: dict[str, Any] = {"hint": "h", "collation": local}
    assert list(shop.transport.operations[0].writes) == [
        (USERS, op.InsertWrite(raw({"_id": ID, "name": "Ada", "age": 0}))),
        (
            ORDERS,
            op.UpdateWrite(
                raw({}), raw(set_e), ONE, UpdateOptions(upsert=True, array_filters=filters, sort={"a": 1}, **either)
            ),
        ),
        (
            ORDERS,
            op.UpdateWrite(raw({}), (raw(set_a),), MANY, UpdateOptions(upsert=True, **either)),
        ),
        (
            USERS,
            op.ReplaceWrite(
                raw({}), raw({"name": "Ada", "age": 0}), UpdateOptions(upsert=True, sort={"a": 1}, **either)
            ),
        ),
        (ORDERS, op.DeleteWrite(raw({}), ONE, DeleteOptions(**either))),
        (ORDERS, op.DeleteWrite(raw({}), MANY, DeleteOptions(**either))),
    ]
    assert result == BulkWriteResult(1, 2, 3, 4, 1, {1: 7})


async def test_order_options_settings_and_session_reach_the_operation() -> None:
    settings = Settings(write_concern=WriteConcern(w=1))
    shop = Shop(settings)
    session = shop.client.start_session()
    options = BulkWriteOptions(comment="c")

    await shop.bulk.delete_one(shop.orders, {}).ordered(ordered=False).options(options).execute(session=session)
    await shop.bulk.delete_one(shop.orders, {}).execute()

    first, second = shop.transport.operations
    assert (first.ordered, first.options, first.settings) == (False, options, settings)
    assert first.session is not None
    assert (second.ordered, second.session) == (True, None)


def test_a_collection_of_another_client_is_refused() -> None:
    shop = Shop()
    _, elsewhere = plain_on()

    with pytest.raises(ClientStateError, match="another client") as caught:
        shop.bulk.insert(elsewhere, {})
    assert caught.value.outcome == "not_applied"


def test_what_the_whole_cannot_keep_to_is_refused() -> None:
    shop = Shop()

    with pytest.raises(TransactionError, match="execute"):
        shop.bulk.insert(shop.orders.within(shop.client.start_session()), {})
    with pytest.raises(InvalidDocumentError, match="write concern"):
        shop.bulk.insert(shop.orders.with_options(write_concern=WriteConcern(w=1)), {})


async def test_mistakes_are_told_with_the_number_of_the_write() -> None:
    shop = Shop()

    with pytest.raises(InvalidDocumentError) as caught:
        shop.bulk.insert(shop.orders, {}).insert(shop.orders, {"$a": 1})
    assert caught.value.path == "1.$a"
    with pytest.raises(InvalidDocumentError, match="nothing to write"):
        await shop.bulk.execute()


def test_it_is_a_value_with_a_short_text() -> None:
    shop = Shop()
    built = shop.bulk.insert(shop.orders, {"_id": "secret"}).delete_many(shop.orders, {})

    assert built == shop.bulk.insert(shop.orders, {"_id": "secret"}).delete_many(shop.orders, {})
    assert built != shop.bulk
    assert built != Shop().bulk
    assert built != "a builder"
    assert (len(shop.bulk), len(built)) == (0, 2)
    assert shop.bulk
    assert repr(built) == "ClientBulkWriteBuilder(1 insert, 1 delete_many, ordered)"
