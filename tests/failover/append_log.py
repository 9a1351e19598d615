"""A log that grows in two ways: by documents, and by elements of a document's array."""

from __future__ import annotations

from llm_devops_mongodb import Database, MongoClient, UpdateOptions
from tests.failover.record import Record

_PAGE = 100


class AppendLog:
    """Entries written by one client, with the library's defaults.

    Attributes:
        record: What callers were told of their entries.
    """

    def __init__(self, client: MongoClient, database: Database) -> None:
        self.record = Record()
        self._lines = client.collection(database.name, "lines")
        self._pages = client.collection(database.name, "pages")

    async def insert(self) -> bool:
        """Write an entry as a document, whose `_id` tells nothing of the entry."""
        return await self.record.of(lambda number: self._lines.insert_one({"entry": number}))

    async def push(self) -> bool:
        """Write an entry at the end of a page; done twice it is there twice."""
        return await self.record.of(
            lambda number: self._pages.update_one(
                {"_id": number // _PAGE}, {"$push": {"entries": number}}, UpdateOptions(upsert=True)
            )
        )

    async def check(self) -> None:
        """Compare what is stored with what callers were told."""
        lines = [line["entry"] for line in await self._lines.find({})]
        pages = [entry for page in await self._pages.find({}) for entry in page["entries"]]
        self.record.check(lines + pages)
