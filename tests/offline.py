"""No socket: what code within the block does with one is refused, and told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

_refused: ContextVar[list[str] | None] = ContextVar("_refused", default=None)


@contextmanager
def offline() -> Iterator[list[str]]:
    """Refuse sockets to the code in the block and to the tasks it starts; others of the process keep theirs.

    Yields:
        What was refused, by the interpreter's names, for an error may be taken for a server that is gone.
    """
    _watch()
    refused: list[str] = []
    token = _refused.set(refused)
    try:
        yield refused
    finally:
        _refused.reset(token)


@cache
def _watch() -> None:
    # The interpreter has no way to take a hook away again.
    sys.addaudithook(_refuse)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith("socket.") and (refused := _refused.get()) is not None:
        refused.append(event)
        raise ConnectionRefusedError(f"{event}: there are no sockets here")
