"""The libraries we compare ourselves with, one module each.

To add one: write `peers/<name>.py` with `opened(uri, database)`, an asynchronous context manager that yields a
`benchmarks.subjects.Subject`, and add the name to `PEERS`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.harness import Absent

if TYPE_CHECKING:
    from benchmarks.subjects import Opening

PEERS = ("pymongo", "mongojet", "beanie", "odmantic", "mongoengine")


def opening(name: str) -> Opening | Absent:
    """How to open the peer of that name, or why it cannot be opened here."""
    try:
        module = importlib.import_module(f"benchmarks.peers.{name}")
    except ImportError as error:
        return Absent(name=name, reason=str(error))
    opened: Opening = module.opened
    return opened
