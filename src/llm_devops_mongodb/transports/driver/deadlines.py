"""Until when an operation may take: looking for a server, waiting for a connection, retries and its stream included."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pymongo

from llm_devops_mongodb.errors import BulkWriteError, CommitError, MongoConnectionError, OperationTimeoutError

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import timedelta

    from llm_devops_mongodb.errors import MongoError, Outcome

_LONGEST = (2**31 - 1) / 1000
"""Seconds that a command can carry, 24 days."""

_SLACK = 0.05
"""Seconds by which the driver may give up before the deadline: it leaves room for the way to the server and back."""


class Deadline:
    """A limit that began to run when this was made.

    Attributes:
        limit: How long the operation may take.
    """

    __slots__ = ("_at", "limit")

    def __init__(self, limit: timedelta) -> None:
        self.limit: timedelta = limit
        self._at = time.monotonic() + limit.total_seconds()

    @property
    def remaining(self) -> float:
        """Seconds that are left; negative once it has passed."""
        return self._at - time.monotonic()

    @contextmanager
    def bounding(self, *, outcome: Outcome | None = None) -> Generator[None]:
        """Have the driver give up what is done in the block when the time is over.

        Args:
            outcome: What is known of the operation if nothing of it was sent.

        Raises:
            OperationTimeoutError: The time is over already.
        """
        remaining = self.remaining
        if remaining <= 0:
            raise OperationTimeoutError(
                f"the limit of {self._told} is over; nothing more was sent", timeout=self.limit, outcome=outcome
            )
        with pymongo.timeout(min(remaining, _LONGEST)):
            yield

    def blamed(self, error: MongoError) -> MongoError:
        """Return `error`, as the deadline's own error where it is the deadline that ended the operation.

        The driver has a class for each thing that is waited for, a server, a connection, an answer, and where it was
        trying again it raises what it tried again after. A commit's error and that of several writes stay what they
        are, for what they tell of the outcome counts more.
        """
        is_wait = error.is_timeout or (isinstance(error, MongoConnectionError) and error.is_retryable)
        if not is_wait or isinstance(error, (BulkWriteError, CommitError)) or self.remaining > _SLACK:
            return error
        return OperationTimeoutError(
            f"{error.message} (the limit of {self._told} is over)",
            timeout=self.limit,
            code=error.code,
            code_name=error.code_name,
            labels=error.labels,
            outcome=error.outcome,
        )

    @property
    def _told(self) -> str:
        return f"{round(self.limit.total_seconds(), 3):g} s"
