from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.change_streams.scripted import MADE


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    """Close the streams that a test left open: some wait for what never comes."""
    yield
    for stream in tuple(MADE):
        if stream.alive:
            await stream.aclose()
    MADE.clear()
