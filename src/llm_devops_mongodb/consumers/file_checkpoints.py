"""Checkpoints in files, for one machine."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from llm_devops_mongodb.consumers.checkpoint_file import CheckpointFile
from llm_devops_mongodb.consumers.errors import CheckpointConflictError, CheckpointError, LeaseLostError
from llm_devops_mongodb.file_lock import FileLock

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from llm_devops_mongodb.consumers.checkpoint import Checkpoint
    from llm_devops_mongodb.session import Session

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Lease:
    """A name that is held here."""

    owner: str
    fence: int
    lock: FileLock

    def is_of(self, owner: str, fence: int) -> bool:
        return self.owner == owner and self.fence == fence and self.lock.is_held()


class FileCheckpoints:
    """Keeps each checkpoint in a file of its own: a `LeasedCheckpointStore` for the processes of one machine.

    It is for at-least-once delivery: a file is no part of a transaction. Each name has a file, the checkpoint before
    it beside it (`.previous`) and a lock file (`.lock`), all private. A crash at any moment leaves one of the two
    checkpoints whole. A lease is a lock: it excludes other processes until it is given up or its process ends, and
    how long it is asked for has no effect. The directory is on a local file system, for not all others lock, or keep
    what was made durable. POSIX systems only.

    Args:
        directory: Where the files are; it is made when it is needed.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory)
        self._leases: dict[str, _Lease] = {}
        # One thread, so that things are done in the order in which they are asked for; it ends with the store.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")

    def __repr__(self) -> str:
        return f"FileCheckpoints({str(self._directory)!r})"

    async def load(self, name: str) -> Checkpoint | None:
        """Return the checkpoint of that name; None where there is none.

        Where the file is damaged it is the checkpoint before it, and a warning is logged.

        Raises:
            CheckpointError: Both are damaged, or it is of a newer version of this library.
        """
        return await self._done(name, self._file(name).read)

    async def save(
        self, checkpoint: Checkpoint, *, replacing: Checkpoint | None = None, session: Session | None = None
    ) -> None:
        """Store a checkpoint; it is on the disk when this returns.

        Args:
            checkpoint: What to store; its name must have been acquired here.
            replacing: The one that has to be there.
            session: Not possible here.

        Raises:
            LeaseLostError: The name is not, or no longer, held here with the checkpoint's owner and fence.
            CheckpointConflictError: Another is there than `replacing`.
            CheckpointError: It is to be part of a transaction, or the system does not let it be written.
        """
        if session is not None:
            raise CheckpointError("a file is no part of a transaction; keep exactly-once checkpoints in a collection")
        await self._done(checkpoint.name, lambda: self._save(checkpoint, replacing))

    async def acquire(self, name: str, *, owner: str, duration: timedelta) -> int | None:
        """Take the lock of that name, if it is free or the owner's already.

        Returns:
            Its fence, greater than every one before; None where another holds it.
        """
        try:
            return await self._done(name, lambda: self._acquire(name, owner))
        except asyncio.CancelledError:
            # Nobody learns of the fence, and the lock does not run out.
            self._begun(name, lambda: self._give_up(name, owner))
            raise

    async def renew(self, name: str, *, owner: str, fence: int, duration: timedelta) -> bool:
        """Tell whether the lock is still held; it does not run out."""
        lease = self._leases.get(name)
        return lease is not None and await self._done(name, lambda: lease.is_of(owner, fence))

    async def release(self, name: str, *, owner: str, fence: int) -> None:
        """Give the lock up, if it is still held."""
        await self._done(name, lambda: self._give_up(name, owner, fence))

    async def join(self, group: str, *, owner: str, duration: timedelta) -> Sequence[str]:
        """Return `owner` alone: a process takes as many partitions as the locks let it."""
        return (owner,)

    async def leave(self, group: str, *, owner: str) -> None:
        """Do nothing: no members are kept."""

    def _save(self, checkpoint: Checkpoint, replacing: Checkpoint | None) -> None:
        name, file = checkpoint.name, self._file(checkpoint.name)
        lease = self._leases.get(name)
        if lease is None or not lease.is_of(checkpoint.owner, checkpoint.fence):
            raise LeaseLostError(f"{name!r} is not, or no longer, held here; the checkpoint was not stored")
        if replacing is not None and not _are_at_one_place(replacing, file.read()):
            raise CheckpointConflictError(f"the checkpoint of {name!r} is not where it was; nothing was stored")
        file.write(checkpoint)

    def _acquire(self, name: str, owner: str) -> int | None:
        lease = self._leases.get(name)
        if lease is not None and lease.lock.is_held():
            return self._held(name, owner, lease.lock) if lease.owner == owner else None
        self._forget(name)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock.taken(self._path(name, ".lock"))
        return None if lock is None else self._held(name, owner, lock)

    def _held(self, name: str, owner: str, lock: FileLock) -> int:
        """Note that the lock is held, here and in its file, and return the fence."""
        try:
            fence = 1 + (_fence_in(lock.read()) or self._stored_fence(name))
            lock.write(json.dumps({"owner": owner, "fence": fence}) + "\n")
        except BaseException:
            self._leases.pop(name, None)
            lock.release()
            raise
        self._leases[name] = _Lease(owner, fence, lock)
        return fence

    def _give_up(self, name: str, owner: str, fence: int | None = None) -> None:
        lease = self._leases.get(name)
        if lease is not None and lease.owner == owner and fence in {None, lease.fence}:
            self._forget(name)

    def _forget(self, name: str) -> None:
        lease = self._leases.pop(name, None)
        if lease is not None:
            lease.lock.release()

    def _stored_fence(self, name: str) -> int:
        try:
            stored = self._file(name).read()
        except CheckpointError:
            # Who loads it is told.
            return 0
        return 0 if stored is None else stored.fence

    def _file(self, name: str) -> CheckpointFile:
        return CheckpointFile(self._path(name, ".json"), name)

    def _path(self, name: str, ending: str) -> Path:
        return self._directory / f"{quote(name, safe='')}{ending}"

    async def _done(self, name: str, work: Callable[[], R]) -> R:
        """Do `work` in the thread, to its end also where the caller is cancelled."""
        begun = self._begun(name, work)
        # Not a shield: from Python 3.14 it reports the failure of what it shielded.
        await asyncio.wait((begun,))
        return begun.result()

    def _begun(self, name: str, work: Callable[[], R]) -> asyncio.Future[R]:
        begun = asyncio.get_running_loop().run_in_executor(self._thread, _told, name, work)
        # Where the caller is cancelled, its failure is nobody's concern.
        begun.add_done_callback(lambda done: done.cancelled() or done.exception())
        return begun


def _told(name: str, work: Callable[[], R]) -> R:
    """Do `work`, and raise what the system refuses as this library's error."""
    try:
        return work()
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise CheckpointError(f"the checkpoint of {name!r} is out of reach: {error.strerror}{place}") from error


def _are_at_one_place(one: Checkpoint, other: Checkpoint | None) -> bool:
    return other is not None and (one.token, one.operation_time) == (other.token, other.operation_time)


def _fence_in(text: str) -> int:
    """Return the fence in the text of a lock's file, 0 where a crash left none."""
    try:
        fence = json.loads(text)["fence"]
    except (ValueError, TypeError, KeyError):
        return 0
    return fence if isinstance(fence, int) else 0
