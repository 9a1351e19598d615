"""What the tests of consumers watch."""

from __future__ import annotations

from typing import Any

import pytest

from llm_devops_mongodb import Collection, Database
from tests.integration.consumers.diary import Diary


@pytest.fixture
async def things(mongo_database: Database) -> Collection[dict[str, Any]]:
    """A collection that is there."""
    things = mongo_database.collection("things")
    await mongo_database.create_collection("things")
    return things


@pytest.fixture
def diary() -> Diary:
    """Remembers what a consumer does."""
    return Diary()
