"""What can go wrong with a consumer, beside what can go wrong with its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import MongoError

if TYPE_CHECKING:
    from collections.abc import Sequence


class CheckpointError(MongoError):
    """A checkpoint cannot be read, or not be used."""


class CheckpointMismatchError(CheckpointError):
    """A checkpoint was made for another stream than the one that is to go on there.

    Attributes:
        difference: What differs, a line for each option.
    """

    def __init__(self, message: str, *, difference: Sequence[str] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.difference: tuple[str, ...] = tuple(difference)


class CheckpointConflictError(CheckpointError):
    """Another checkpoint is stored than the one that was to be replaced: a commit did happen that seemed to fail."""


class LeaseLostError(MongoError):
    """Another process has taken over; nothing of this one is stored any more."""


class HandlerError(MongoError):
    """A handler failed for good, and the consumer was told to stop then. Its own error is the `__cause__`."""
