"""Where a change stream goes on when it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bson import Timestamp

    from llm_devops_mongodb.options import ChangeStreamOptions
    from llm_devops_mongodb.resume_token import ResumeToken


class Position:
    """The place of a stream, by the rules of the drivers' specification.

    Source: https://github.com/mongodb/specifications/blob/master/source/change-streams/change-streams.md

    Args:
        options: Where the stream was asked to begin.

    Attributes:
        token: What a stream that goes on here is opened with; None while there is only a time, or nothing.
        operation_time: The deployment's logical time when the stream was first opened.
    """

    def __init__(self, options: ChangeStreamOptions) -> None:
        self._asked = options
        self._is_after_invalidate = options.start_after is not None
        self.token: ResumeToken | None = options.start_after or options.resume_after
        self.operation_time: Timestamp | None = None

    def opened_at(self, operation_time: Timestamp | None) -> None:
        """The stream was opened at that time."""
        if self.operation_time is None:
            self.operation_time = operation_time

    def passed(self, token: ResumeToken, *, invalidates: bool = False) -> None:
        """An event was given out, or a batch was over: the stream goes on after it.

        Args:
            token: The event's, or the batch's.
            invalidates: It was the event after which a stream can only start anew.
        """
        self.token = token
        self._is_after_invalidate = invalidates

    def waited(self, token: ResumeToken) -> None:
        """A batch without events was over."""
        self.token = token

    def options(self) -> ChangeStreamOptions:
        """Return the options that open the stream here."""
        if self.token is None:
            start = self._asked.start_at_operation_time or self.operation_time
            return self._asked.starting(start_at_operation_time=start)
        if self._is_after_invalidate:
            return self._asked.starting(start_after=self.token)
        return self._asked.starting(resume_after=self.token)
