"""The one server every contender meets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def server(uri: str | None) -> AsyncIterator[str]:
    """The URI of the server: the given one's, or a fresh embedded one's that stops at the end."""
    if uri is not None:
        yield uri
        return
    from llm_devops_mongodb.testing import EmbeddedMongo

    async with EmbeddedMongo(members=1) as mongo:
        yield mongo.uri
