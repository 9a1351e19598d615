"""A real server for tests, what it needs, and the pytest plugin that hands it out.

`EmbeddedMongo` starts a replica set for the time of a test run. Its authentication and TLS are one argument each;
`certificates` makes further certificates, `leaks` counts what a test leaves open on the server and in the event loop.
"""

from __future__ import annotations

from llm_devops_mongodb.testing.embedded import EmbeddedMongo
from llm_devops_mongodb.testing.given import MongoServer
from llm_devops_mongodb.testing.member import Member
from llm_devops_mongodb.testing.mongod import MongodNotFoundError, MongodStartError, find_mongod
from llm_devops_mongodb.testing.settings import ServerSettings, ServerTls

__all__ = [
    "EmbeddedMongo",
    "Member",
    "MongoServer",
    "MongodNotFoundError",
    "MongodStartError",
    "ServerSettings",
    "ServerTls",
    "find_mongod",
]
