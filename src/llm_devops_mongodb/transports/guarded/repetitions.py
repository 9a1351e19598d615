"""The same query, made again and again by one line."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.transports.guarded.recent import Recent

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from llm_devops_mongodb.config import QueryGuardConfig
    from llm_devops_mongodb.transports.guarded.callers import Call, Caller
    from llm_devops_mongodb.transports.guarded.shapes import Shape

_MOST_LINES = 256
_READING = "ask once with $in, or join by $lookup"
_WRITING = "send them as one bulk write"

REMEDIES: dict[type, str] = {
    **dict.fromkeys((op.FindOne, op.Find, op.CountDocuments, op.Distinct, op.Aggregate), _READING),
    **dict.fromkeys((op.UpdateOne, op.UpdateMany, op.ReplaceOne, op.DeleteOne, op.DeleteMany), _WRITING),
    op.InsertOne: "insert them together by insert_many",
}
"""What takes the place of a loop, by the kind of operation that it repeats.

Those that are not here are left alone: a batch is the remedy itself, and what finds and changes a document at once,
as a worker does that takes one job after the other, has none.
"""


class _Run:
    """The last times of one query of one line."""

    __slots__ = ("is_told", "times")

    def __init__(self, most: int) -> None:
        self.times: deque[float] = deque(maxlen=most)
        self.is_told = False


class Repetitions:
    """Counts by line and shape: within one task, or where each call has a task of its own, across these.

    A line that many tasks run is not counted across them: so does every server that handles requests.
    """

    def __init__(self, config: QueryGuardConfig, *, clock: Callable[[], float]) -> None:
        self._most = config.repeats + 1
        self._window = config.window.total_seconds()
        self._is_told_once = config.mode == "warn"
        self._clock = clock
        self._by_task: WeakKeyDictionary[asyncio.Task[Any], Recent[tuple[Caller, Shape], _Run]] = WeakKeyDictionary()
        self._alone: Recent[tuple[Caller, Shape], _Run] = Recent(_MOST_LINES)

    def is_too_many(self, call: Call, shape: Shape) -> bool:
        """Count a call; tell whether it is one too many, for warnings once for each line."""
        lines = self._alone if call.task is None else self._by_task.setdefault(call.task, Recent(_MOST_LINES))
        key = (call.caller, shape)
        run = lines.get(key) or lines.put(key, _Run(self._most))
        run.times.append(self._clock())
        is_over = len(run.times) == self._most and run.times[-1] - run.times[0] <= self._window
        is_news = is_over and not (self._is_told_once and run.is_told)
        run.is_told = run.is_told or is_over
        return is_news

    def forget(self, call: Call) -> None:
        """Begin anew for a task, because a transaction begins: those of different ones cannot be made one."""
        if call.task is not None:
            self._by_task.pop(call.task, None)
