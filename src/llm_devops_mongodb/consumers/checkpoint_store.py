"""What keeps checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from llm_devops_mongodb.consumers.checkpoint import Checkpoint
    from llm_devops_mongodb.session import Session


class CheckpointStore(Protocol):
    """Keeps checkpoints by their names. Two processes of one name are then for you to prevent."""

    async def load(self, name: str) -> Checkpoint | None:
        """Return the checkpoint of that name; None where there is none.

        Raises:
            CheckpointError: It cannot be read.
        """
        ...

    async def save(
        self, checkpoint: Checkpoint, *, replacing: Checkpoint | None = None, session: Session | None = None
    ) -> None:
        """Store a checkpoint in place of the one of its name.

        Exactly-once delivery gives the last two arguments: a store without transactions may refuse them.

        Args:
            checkpoint: What to store.
            replacing: The one that has to be there.
            session: The transaction to store it in.

        Raises:
            LeaseLostError: One with a greater fence is there.
            CheckpointConflictError: Another is there than `replacing`.
        """
        ...


@runtime_checkable
class LeasedCheckpointStore(CheckpointStore, Protocol):
    """One that also sees to it that of many processes with one name a single one is active."""

    async def acquire(self, name: str, *, owner: str, duration: timedelta) -> int | None:
        """Take the lease of that name for `duration`, if nobody holds it.

        Returns:
            Its fence, greater than every one before; None where another holds it.
        """
        ...

    async def renew(self, name: str, *, owner: str, fence: int, duration: timedelta) -> bool:
        """Hold the lease for `duration` from now; False where it was lost."""
        ...

    async def release(self, name: str, *, owner: str, fence: int) -> None:
        """Give the lease up, if it is still held."""
        ...

    async def join(self, group: str, *, owner: str, duration: timedelta) -> Sequence[str]:
        """Be a member of a group of processes for `duration`, and return its members in an order that all see."""
        ...

    async def leave(self, group: str, *, owner: str) -> None:
        """Be no member any more."""
        ...
