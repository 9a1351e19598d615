"""The deployment that is tested, reached by the driver itself: for set-up and for looking at what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from tests.conformance.requirements import Facts
from tests.conformance.verdicts import MismatchError

_MAJORITY = WriteConcern(w="majority")
_VALUES: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=UuidRepresentation.STANDARD)


class Deployment:
    """A deployment and the runner's own client of it.

    Args:
        uri: Where it is.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, serverSelectionTimeoutMS=10_000)

    async def facts(self) -> Facts:
        """Ask what the deployment is."""
        admin = self._client.admin
        hello = await admin.command("hello")
        version = (await admin.command("buildInfo"))["versionArray"]
        try:
            parameters = await admin.command({"getParameter": "*"})
        except OperationFailure:
            parameters = {}
        status = await admin.command("connectionStatus")
        has_users = bool(status["authInfo"]["authenticatedUsers"])
        return Facts(tuple(version[:3]), _topology(hello), auth=has_users, parameters=parameters)

    async def kill_sessions(self) -> None:
        """End every transaction that is open."""
        # The command may kill the session it runs in; and where the server is gone the next case tells.
        with suppress(PyMongoError):
            await self._client.admin.command({"killAllSessions": []})

    async def fill(self, initial_data: Iterable[Mapping[str, Any]]) -> None:
        """Make collections hold what a file's `initialData` says, and nothing else."""
        for described in initial_data:
            database = self._client.get_database(described["databaseName"], write_concern=_MAJORITY)
            name, documents = described["collectionName"], described["documents"]
            options = described.get("createOptions")
            await database.drop_collection(name)
            if options or not documents:
                await database.command({"create": name, **(options or {})}, write_concern=_MAJORITY)
            if documents:
                collection = database.get_collection(name, codec_options=_VALUES)
                await collection.insert_many(documents)

    async def check_outcome(self, outcome: Iterable[Mapping[str, Any]]) -> None:
        """Compare what collections hold with a test's `outcome`, exactly.

        Raises:
            MismatchError: A collection holds something else.
        """
        for described in outcome:
            name = f"{described['databaseName']}.{described['collectionName']}"
            collection = self._client[described["databaseName"]].get_collection(
                described["collectionName"],
                codec_options=_VALUES,
                read_concern=ReadConcern("local"),
                read_preference=ReadPreference.PRIMARY,
            )
            found = [document async for document in collection.find(sort={"_id": 1})]
            if not _is_same(described["documents"], found):
                raise MismatchError(f"outcome: {name} holds {found}, expected {described['documents']}")

    async def collection_names(self, database: str) -> list[str]:
        """Return the names of a database's collections."""
        return await self._client[database].list_collection_names()

    async def index_names(self, database: str, collection: str) -> list[str]:
        """Return the names of a collection's indexes."""
        try:
            return [index["name"] async for index in await self._client[database][collection].list_indexes()]
        except OperationFailure:
            return []

    async def set_fail_point(self, command: Mapping[str, Any], address: tuple[str, int | None] | None = None) -> None:
        """Set or clear a fail point, on one server where its address is given."""
        if address is None:
            await self._client.admin.command(dict(command))
            return
        async with AsyncMongoClient(*address, directConnection=True) as client:
            await client.admin.command(dict(command))

    async def aclose(self) -> None:
        """Close the runner's own client."""
        await self._client.close()


def _topology(hello: Mapping[str, Any]) -> str:
    if "setName" in hello:
        return "replicaset"
    return "sharded" if hello.get("msg") == "isdbgrid" else "single"


def _is_same(expected: Any, found: Any) -> bool:
    """Tell whether two values are equal, types included, whatever the order of their keys."""
    if isinstance(expected, Mapping):
        same_keys = isinstance(found, Mapping) and expected.keys() == found.keys()
        return same_keys and all(_is_same(value, found[key]) for key, value in expected.items())
    if isinstance(expected, list):
        same_length = isinstance(found, list) and len(expected) == len(found)
        return same_length and all(_is_same(*pair) for pair in zip(expected, found, strict=True))
    return isinstance(expected, bool) is isinstance(found, bool) and bool(expected == found)
