"""Letting the garbage collector wait while very many objects are made at once."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def collector_paused() -> Generator[None]:
    """Let the cyclic garbage collector wait for the block, which must be short and must not await.

    Decoding makes hundreds of thousands of objects that live, and no cycles. The collector takes the sheer number for a
    reason to look at all of them again and again, which was measured as a third of the whole time. Freeing by reference
    count goes on. The collector is the process's: other threads' cycles wait too, for as long as one batch of the
    server takes (a fraction of a second). One that the application has switched off stays off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
