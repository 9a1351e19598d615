"""Which line of the program asked for an operation."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_INTERNAL = frozenset({"llm_devops_mongodb", "pymongo", "asyncio", "contextlib"})
_PAGING = "llm_devops_mongodb.collection.paging"
_NOBODY = "<a task of its own>"


@dataclass(frozen=True, slots=True)
class Caller:
    """A line of the program.

    Attributes:
        filename: Its file.
        line: Its number; 0 where no line is known.
        module: The name of its module, by which filters of warnings choose.
        registry: Where Python remembers which warnings that module has given.
    """

    filename: str = _NOBODY
    line: int = 0
    module: str = "asyncio"
    registry: dict[Any, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def place(self) -> str | None:
        """`file:line`, None where no line is known."""
        return f"{self.filename}:{self.line}" if self.line else None

    def __str__(self) -> str:
        return self.place or "a task of its own (asyncio.gather, create_task)"


@dataclass(frozen=True, slots=True)
class Call:
    """How an operation was asked for.

    Attributes:
        caller: The line.
        task: The task that the line runs in; None where the operation is all that its task does.
        is_page: Whether it reads a page, which follows another one only after that has come.
    """

    caller: Caller
    task: asyncio.Task[Any] | None
    is_page: bool = False


def present_call() -> Call:
    """Look outwards from here, through all that awaits, for the first line that is not this library's."""
    task = asyncio.current_task()
    is_page = False
    for frame in _frames_of(task):
        module = str(frame.f_globals.get("__name__"))
        if module.partition(".")[0] not in _INTERNAL:
            return Call(_line_of(frame, module), task, is_page)
        is_page = is_page or module == _PAGING
    return Call(_origin_of(task), None, is_page)


def _frames_of(task: asyncio.Task[Any] | None) -> Iterator[FrameType]:
    """Give the frames of the present task, innermost first. What lies beyond runs the event loop and asked nothing."""
    outermost = None if task is None else getattr(task.get_coro(), "cr_frame", None)
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != "asyncio.events":
        yield frame
        frame = None if frame is outermost else frame.f_back


def _line_of(frame: FrameType, module: str) -> Caller:
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    return Caller(frame.f_code.co_filename, frame.f_lineno, module, registry)


def _origin_of(task: asyncio.Task[Any] | None) -> Caller:
    """Return the line that made the task's coroutine, which Python remembers in asyncio's debug mode only."""
    origin = None if task is None else getattr(task.get_coro(), "cr_origin", None)
    if not origin:
        return Caller()
    filename, line, _ = origin[0]
    # As Python names the module of a warning that tells none.
    return Caller(filename, line, filename.removesuffix(".py"))
