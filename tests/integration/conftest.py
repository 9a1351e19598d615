"""What the integration tests share: the library's own pytest plugin gives server, client and database."""

from __future__ import annotations

from typing import Any

import pytest

from llm_devops_mongodb import MongoClient


@pytest.fixture
async def open_cursors(mongo_client: MongoClient) -> Any:
    """Tells how many cursors the server holds open."""

    async def count() -> int:
        status = await mongo_client.database("admin").run_command({"serverStatus": 1})
        total: int = status["metrics"]["cursor"]["open"]["total"]
        return total

    return count
