"""A bank: accounts, transfers between them in transactions, and a ledger of the transfers."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from llm_devops_mongodb import (
    Database,
    MongoClient,
    MongoError,
    ReadConcern,
    Session,
    TransactionOptions,
    WriteConcern,
)
from tests.failover.record import Record

ACCOUNTS = 100
BALANCE = 100
TOTAL = ACCOUNTS * BALANCE
_MOST_MOVED = 10

_OPTIONS = TransactionOptions(read_concern=ReadConcern.SNAPSHOT, write_concern=WriteConcern(w="majority"))


class Bank:
    """Transfers of one client.

    Attributes:
        record: What callers were told of their transfers.
        totals: The sum of all balances, as often as an auditor read it.
        unread: How often an auditor got an error instead.
    """

    def __init__(self, client: MongoClient, database: Database) -> None:
        self.record = Record()
        self.totals: Counter[int] = Counter()
        self.unread: Counter[str] = Counter()
        self._client = client
        self._accounts = client.collection(database.name, "accounts")
        self._ledger = client.collection(database.name, "ledger")

    async def open(self) -> None:
        """Put the same sum into every account."""
        await self._accounts.insert_many([{"_id": number, "balance": BALANCE} for number in range(ACCOUNTS)])
        # In older versions than 4.4 a collection cannot come to be in a transaction.
        await self._ledger.create_index({"transfer": 1})

    async def transfer(self) -> bool:
        """Move a little money from one account to another, in one transaction with its entry in the ledger."""
        giver, taker = random.sample(range(ACCOUNTS), 2)
        amount = random.randint(1, _MOST_MOVED)

        async def write(number: int) -> None:
            async def move(session: Session) -> None:
                await self._move(session, {"transfer": number, "giver": giver, "taker": taker, "amount": amount})

            await self._client.with_transaction(move, _OPTIONS)

        return await self.record.of(write)

    async def audit(self) -> bool:
        """Read the balances bit by bit at one point in time, and note their sum."""
        try:
            async with self._client.start_session(snapshot=True) as session:
                odd = await self._accounts.find({"_id": {"$mod": [2, 1]}}, session=session)
                even = await self._accounts.find({"_id": {"$mod": [2, 0]}}, session=session)
        except MongoError as error:
            self.unread[f"{type(error).__name__} {error.code or ''}"] += 1
            return False
        self.totals[sum(account["balance"] for account in odd + even)] += 1
        return True

    async def check(self) -> None:
        """Compare accounts, ledger and what callers were told."""
        entries = await self._ledger.find({})
        balances = {account["_id"]: account["balance"] for account in await self._accounts.find({})}
        by_ledger = Counter(dict.fromkeys(range(ACCOUNTS), BALANCE))
        for entry in entries:
            by_ledger[entry["giver"]] -= entry["amount"]
            by_ledger[entry["taker"]] += entry["amount"]

        self.record.check(entry["transfer"] for entry in entries)
        assert balances == by_ledger
        assert sum(balances.values()) == TOTAL
        assert set(self.totals) == {TOTAL}

    async def _move(self, session: Session, entry: dict[str, Any]) -> None:
        accounts, giver, taker = self._accounts.within(session), entry["giver"], entry["taker"]
        balances = {one["_id"]: one["balance"] for one in await accounts.find({"_id": {"$in": [giver, taker]}})}
        moved = min(entry["amount"], balances[giver])
        # The sums are written as they were read: a write between the two would be lost, were there one.
        await accounts.update_one({"_id": giver}, {"$set": {"balance": balances[giver] - moved}})
        await accounts.update_one({"_id": taker}, {"$set": {"balance": balances[taker] + moved}})
        await self._ledger.within(session).insert_one({**entry, "amount": moved})
