"""Who asks for less than the majority may lose what was acknowledged, and is told so."""

from __future__ import annotations

import pytest

from llm_devops_mongodb import MongoClient, WriteConcern
from llm_devops_mongodb.config.mongo_config import ConfigSettings
from llm_devops_mongodb.testing import MongoServer
from tests.faults.attempts import Attempts
from tests.faults.operations import Things


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the texts of the library's warnings."""
    told = [record for record in caplog.records if record.name == "llm_devops_mongodb"]
    assert {record.levelname for record in told} <= {"WARNING"}
    return [record.getMessage() for record in told]


async def test_a_client_of_careless_writes_is_warned(
    server: MongoServer, settings: ConfigSettings, attempts: Attempts, caplog: pytest.LogCaptureFixture
) -> None:
    careless: ConfigSettings = {**settings, "write_concern": 1}
    async with MongoClient.connect(server.uri, event_listeners=[attempts], **careless):
        pass

    (warning,) = warnings_in(caplog)
    assert "w=1" in warning


def test_a_handle_of_careless_writes_is_warned_of(things: Things, caplog: pytest.LogCaptureFixture) -> None:
    things.with_options(write_concern=WriteConcern(w=1))

    (warning,) = warnings_in(caplog)
    assert "w=1" in warning


def test_a_handle_of_careful_writes_is_not_warned_of(things: Things, caplog: pytest.LogCaptureFixture) -> None:
    things.with_options(write_concern=WriteConcern(w="majority"))
    things.with_options()

    assert warnings_in(caplog) == []
