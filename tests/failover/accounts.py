"""Two accounts, and the transaction that moves money from one to the other."""

from __future__ import annotations

from typing import Any

from llm_devops_mongodb import Collection, Database, MongoClient, Session

BEFORE = {"giver": 10, "taker": 0}
AFTER = {"giver": 7, "taker": 3}


class Accounts:
    """The accounts, as the client under test changes them and as another one sees them.

    Attributes:
        changed: The collection, of the client under test.
        moves: How often the transaction's callback was run.
    """

    def __init__(self, client: MongoClient, database: Database) -> None:
        self._seen = database.collection("accounts")
        self.changed: Collection[dict[str, Any]] = client.collection(database.name, "accounts")
        self.moves = 0

    async def open(self) -> None:
        """Put money into one of them."""
        await self._seen.insert_many([{"_id": name, "balance": balance} for name, balance in BEFORE.items()])

    async def move(self, session: Session) -> str:
        """Move some of it: the callback of a transaction."""
        self.moves += 1
        inside = self.changed.within(session)
        await inside.update_one({"_id": "giver"}, {"$inc": {"balance": -3}})
        await inside.update_one({"_id": "taker"}, {"$inc": {"balance": 3}})
        return "moved"

    async def balances(self) -> dict[str, int]:
        """Return what is in them, outside of any transaction."""
        return {account["_id"]: account["balance"] for account in await self._seen.find({})}

    async def put_back(self) -> None:
        """Give both their first balance, which waits for every transaction that changed them and is still open."""
        for name, balance in BEFORE.items():
            await self._seen.update_one({"_id": name}, {"$set": {"balance": balance}})
