"""Whether the client of the fixtures has the query guard on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def query_guard_of(config: pytest.Config) -> str | None:
    """Return the guard's mode: the command line's or else the configuration file's; None leaves it off."""
    given: str | None = config.getoption("--mongodb-query-guard") or config.getini("mongodb_query_guard")
    return given or None
