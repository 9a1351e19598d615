"""Durations: `timedelta` in code, text such as `10s`, `500ms` or `1m30s` in files and the environment."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Self

import durationpy
from pydantic import BeforeValidator

from llm_devops_mongodb.errors import OperationTimeoutError

if TYPE_CHECKING:
    from types import TracebackType

_TEXT = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w))+")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_LEAST = timedelta(milliseconds=1)
_NO_UNIT = "a number needs a unit: write 10s, 500ms or 1m30s"
_NO_DURATION = "not a duration: write 10s, 500ms or 1m30s, or give a timedelta"


class TimeLeft:
    """What is left of a limit that began to run when this was made, for several operations to share.

    Args:
        limit: How long they may take together; None is no limit.
    """

    def __init__(self, limit: timedelta | None) -> None:
        self._limit = limit
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the error of an operation that ended at what was left tell the whole limit."""
        if isinstance(error, OperationTimeoutError) and self._limit is not None:
            error.timeout = self._limit

    def __call__(self) -> timedelta | None:
        """Return what is left, at least 1 ms: what is asked with that fails as anything does that comes too late."""
        if self._limit is None:
            return None
        return max(self._limit - timedelta(seconds=time.monotonic() - self._began), _LEAST)


def parse_duration(value: object) -> timedelta:
    """Return `value` as a duration.

    Args:
        value: A `timedelta`, or text: numbers, each with its unit (ns, us, ms, s, m, h, d, w), largest unit first or
            not. A number without a unit is refused: neither seconds nor milliseconds is a safe guess.

    Raises:
        ValueError: Anything else. The text does not repeat the value.

    Example:
        >>> parse_duration("1m30s")
        datetime.timedelta(seconds=90)
    """
    if isinstance(value, timedelta):
        return value
    text = value.strip() if isinstance(value, str) else ""
    # The library forgives letters between two durations and takes `mm` for months.
    if _TEXT.fullmatch(text):
        return _summed(text)
    is_number = isinstance(value, (int, float)) or _NUMBER.fullmatch(text)
    raise ValueError(_NO_UNIT if is_number else _NO_DURATION)


def _summed(text: str) -> timedelta:
    try:
        return durationpy.from_str(text)
    except (durationpy.DurationError, OverflowError) as error:
        raise ValueError("the duration is too long") from error


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A pydantic field type: a `timedelta`, read from text too."""
