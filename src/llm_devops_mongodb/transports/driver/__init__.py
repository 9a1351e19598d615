"""The only room that knows PyMongo: operations are sent, replies and errors come back in this library's terms."""

from __future__ import annotations

from typing import Any

from pymongo import AsyncMongoClient

from llm_devops_mongodb.transports.driver.connecting import connected
from llm_devops_mongodb.transports.driver.transport import DriverTransport

Driver = AsyncMongoClient[dict[str, Any]]
"""The driver's client."""

__all__ = ["Driver", "DriverTransport", "connected"]
