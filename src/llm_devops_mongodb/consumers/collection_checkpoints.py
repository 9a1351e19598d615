"""Checkpoints in a collection, where processes that share one name find each other."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.concerns import ReadConcern, ReadPreference, WriteConcern
from llm_devops_mongodb.consumers.checkpoint import Checkpoint
from llm_devops_mongodb.consumers.errors import CheckpointConflictError, CheckpointError, LeaseLostError
from llm_devops_mongodb.database import Database
from llm_devops_mongodb.errors import DuplicateKeyError, QueryError
from llm_devops_mongodb.options import FindOneAndUpdateOptions, UpdateOptions
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.collection import Collection
    from llm_devops_mongodb.session import Session

_log = logging.getLogger("llm_devops_mongodb.consumers")
_MILLISECOND = timedelta(milliseconds=1)
_UPSERT = UpdateOptions(upsert=True)
_MADE = FindOneAndUpdateOptions(upsert=True, return_document="after")


class CollectionCheckpoints:
    """Keeps checkpoints and leases in a collection: a `LeasedCheckpointStore` for any number of consumers.

    Three kinds of documents are in it, each made when it is first needed:

        {_id: name, owner, fence, checkpoint, updated_at}       how far a partition is, and who may say so
        {_id: {lease: name}, owner, fence, expires_at, session} whose turn it is
        {_id: {group: group}, members: [{owner, expires_at}]}   the processes that are alive

    Every time is the server's, so clocks need not agree. A checkpoint is stored where owner and fence are those of the
    process that stores it: one that has lost its lease changes nothing, and commits no transaction with it. Writes are
    those of the majority, and what is loaded is the latest of them.

    The lease has a document of its own because it is renewed while transactions are under way: each that began
    before would meet a write conflict, and one that takes longer than the time between two renewals would never commit.

    Args:
        collection: The collection; exactly-once delivery wants it in the deployment that is watched. Its concerns and
            its read preference are not taken over, its timeout is. It needs no index.
    """

    def __init__(self, collection: Collection[Any]) -> None:
        # A linearizable read sees every write that was acknowledged before it, on a primary of a moment ago too.
        self._collection: Collection[dict[str, Any]] = collection.with_type(dict).with_options(
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern.LINEARIZABLE,
            write_concern=WriteConcern(w="majority"),
        )
        self._admin = Database(collection.write_target().access, "admin")
        # In a transaction the concerns are the transaction's.
        self._in_transaction: Collection[dict[str, Any]] = collection.with_type(dict)

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        """Where they are."""
        return self._collection

    def __repr__(self) -> str:
        return f"CollectionCheckpoints({str(self._collection.namespace)!r})"

    async def load(self, name: str) -> Checkpoint | None:
        """Return the checkpoint of that name; None where there is none.

        Raises:
            CheckpointError: It is damaged, or of a newer version of this library.
        """
        found = await self._collection.find_one({"_id": name})
        # A fence may be there before anything was stored.
        if found is None or found.get("checkpoint") is None:
            return None
        if not is_mapping(found["checkpoint"]):
            raise CheckpointError(f"the checkpoint of {name!r} is damaged: it is no document")
        stored = {**found["checkpoint"], "updated_at": found.get("updated_at")}
        return Checkpoint.from_document(name, {field: _in_utc(value) for field, value in stored.items()})

    async def save(
        self, checkpoint: Checkpoint, *, replacing: Checkpoint | None = None, session: Session | None = None
    ) -> None:
        """Store a checkpoint, if its owner and its fence are still those of the lease.

        One with fence 0 is stored where nobody ever held a lease.

        Args:
            checkpoint: What to store.
            replacing: The one that has to be there: another of the same place will do.
            session: A session of the same client; in its transaction the checkpoint is stored when that commits.

        Raises:
            LeaseLostError: Another process has taken over, or the document was removed.
            CheckpointConflictError: Another is there than `replacing`.
        """
        collection = self._collection if session is None else self._in_transaction
        mine = _mine(checkpoint)
        options = None if checkpoint.fence or replacing is not None else _UPSERT
        changes = {"$set": {"checkpoint": checkpoint.to_document()}, "$currentDate": {"updated_at": True}}
        try:
            stored = await collection.update_one(mine | _place(replacing), changes, options, session=session)
        except DuplicateKeyError:
            # It is there with a fence, so the server tried to insert another.
            raise _lost(checkpoint) from None
        if stored.matched_count or stored.upserted_id is not None:
            return
        if replacing is None or await collection.find_one(mine, session=session) is None:
            raise _lost(checkpoint)
        raise CheckpointConflictError(f"the checkpoint of {checkpoint.name!r} is not where it was; nothing was stored")

    async def acquire(self, name: str, *, owner: str, duration: timedelta) -> int | None:
        """Take the lease, if it is free, has run out, or is the owner's already.

        A transaction that the former owner has left open is aborted, as far as it bound its session.

        Returns:
            Its fence, greater than every one before; None where another holds it.
        """
        lease = await self._changed({"lease": name}, _taken(owner, duration))
        if lease["owner"] != owner:
            return None
        fence = int(lease["fence"])
        if "session" in lease:
            await self._kill(lease["session"])
        return fence if await self._is_fenced(name, owner=owner, fence=fence) else None

    async def bind(self, name: str, *, owner: str, fence: int, session: Session) -> None:
        """Note the session in whose transactions checkpoints are stored: who takes over aborts what is left of them.

        Without it a process that was killed in a transaction is waited for until the server ends that, a minute later.

        Raises:
            LeaseLostError: Another process has taken over.
        """
        noted = {"$set": {"session": await session.identify()}}
        bound = await self._collection.update_one(_lease(name, owner, fence), noted)
        if not bound.matched_count:
            raise LeaseLostError(f"the lease of {name!r} was lost; another process may have taken over")

    async def _kill(self, session: dict[str, Any]) -> None:
        """Have the server end a session. One of another user it may refuse to; then its transaction is waited for."""
        try:
            await self._admin.run_command({"killSessions": [session]})
        except QueryError as error:
            _log.warning("the session of the process before could not be ended: %s", error)

    async def renew(self, name: str, *, owner: str, fence: int, duration: timedelta) -> bool:
        """Hold the lease for `duration` from now; False where it was lost.

        One that ran out and that nobody took is not lost.
        """
        renewed = await self._collection.update_one(
            _lease(name, owner, fence), [{"$set": {"expires_at": _from_now(duration)}}]
        )
        return bool(renewed.matched_count)

    async def release(self, name: str, *, owner: str, fence: int) -> None:
        """Give the lease up, if it is still held; what has its fence is not stored any more."""
        # First the fence: who takes the lease next puts its own there.
        await self._collection.update_one({"_id": name, "owner": owner, "fence": fence}, {"$unset": {"owner": ""}})
        await self._collection.update_one(_lease(name, owner, fence), {"$unset": {"owner": "", "expires_at": ""}})

    async def join(self, group: str, *, owner: str, duration: timedelta) -> Sequence[str]:
        """Be a member of a group, and return those who are."""
        changed = await self._changed({"group": group}, _joined(owner, duration))
        return sorted(member["owner"] for member in changed["members"])

    async def leave(self, group: str, *, owner: str) -> None:
        """Be no member any more."""
        await self._collection.update_one({"_id": {"group": group}}, {"$pull": {"members": {"owner": owner}}})

    async def _is_fenced(self, name: str, *, owner: str, fence: int) -> bool:
        """Put the fence of a lease where checkpoints are stored; False where a greater one is there."""
        stored = await self._changed(name, _fenced(owner, fence))
        if (stored["owner"], stored["fence"]) == (owner, fence):
            return True
        # Another took over meanwhile, or the lease's document was removed: its fences then go on from the greatest.
        behind = {"$set": {"fence": stored["fence"]}, "$unset": {"owner": "", "expires_at": ""}}
        await self._collection.update_one(_lease(name, owner, fence), behind)
        return False

    async def _changed(self, id: Any, stage: dict[str, Any]) -> dict[str, Any]:
        """Change the document with this `_id` by one stage, after making it where it is missing, and return it."""
        try:
            changed = await self._collection.find_one_and_update({"_id": id}, [stage], _MADE)
        except DuplicateKeyError:
            # Another process made it between the server's look and its insert; now it is there.
            changed = await self._collection.find_one_and_update({"_id": id}, [stage], _MADE)
        return {} if changed is None else changed


def _in_utc(value: Any) -> Any:
    """Give a time its zone, which a client may be configured to leave out."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _mine(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the document of a checkpoint is for who may store it."""
    if checkpoint.fence:
        return {"_id": checkpoint.name, "owner": checkpoint.owner, "fence": checkpoint.fence}
    return {"_id": checkpoint.name, "fence": {"$in": [0, None]}}


def _place(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """What is stored with a checkpoint of that place; nothing in particular for none."""
    if checkpoint is None:
        return {}
    document = checkpoint.to_document()
    return {f"checkpoint.{name}": {"$eq": document[name]} for name in ("token", "operation_time")}


def _lost(checkpoint: Checkpoint) -> LeaseLostError:
    return LeaseLostError(f"{checkpoint.name!r} is no longer this process's; the checkpoint was not stored")


def _lease(name: str, owner: str, fence: int) -> dict[str, Any]:
    return {"_id": {"lease": name}, "owner": owner, "fence": fence}


def _taken(owner: str, duration: timedelta) -> dict[str, Any]:
    """The stage that takes a lease, or leaves it as it is. What is missing is less than any time."""
    mine = {
        "_id": "$_id",
        "owner": {"$literal": owner},
        "fence": {"$add": [{"$ifNull": ["$fence", 0]}, 1]},
        "expires_at": _from_now(duration),
        "session": "$session",
    }
    is_free = {"$or": [{"$eq": ["$owner", {"$literal": owner}]}, {"$lte": ["$expires_at", "$$NOW"]}]}
    return {"$replaceWith": {"$cond": [is_free, mine, "$$ROOT"]}}


def _fenced(owner: str, fence: int) -> dict[str, Any]:
    """The stage that puts a fence in the place of a smaller one, or none."""
    is_behind = {"$lt": ["$fence", fence]}
    return {
        "$set": {
            "owner": {"$cond": [is_behind, {"$literal": owner}, "$owner"]},
            "fence": {"$cond": [is_behind, fence, "$fence"]},
        }
    }


def _joined(owner: str, duration: timedelta) -> dict[str, Any]:
    """The stage that adds a member to a group and leaves out those whose time is over."""
    members: dict[str, Any] = {"$ifNull": ["$members", []]}
    is_other = {"$ne": ["$$this.owner", {"$literal": owner}]}
    is_alive = {"$gt": ["$$this.expires_at", "$$NOW"]}
    others = {"$filter": {"input": members, "cond": {"$and": [is_other, is_alive]}}}
    member = {"owner": {"$literal": owner}, "expires_at": _from_now(duration)}
    return {"$set": {"members": {"$concatArrays": [others, [member]]}}}


def _from_now(duration: timedelta) -> dict[str, Any]:
    return {"$add": ["$$NOW", duration // _MILLISECOND]}
