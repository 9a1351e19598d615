"""Recordings made of a script of answers, and clients that replay them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bson

from llm_devops_mongodb import Collection, MongoClient, MongoConfig, SimulationRecorder, SimulationReplayer
from llm_devops_mongodb.codecs import BsonSettings
from llm_devops_mongodb.replies import DocumentReply, InsertReply
from llm_devops_mongodb.simulation.cassette import Recording
from llm_devops_mongodb.transports.recording import RecordingTransport
from tests.stub_transport import Answer, StubTransport

CONFIG = MongoConfig(uri="mongodb://nobody.invalid:1")
DONE = InsertReply(acknowledged=True)
Things = Collection[dict[str, Any]]


def found(**fields: Any) -> DocumentReply:
    """A reply that holds a document."""
    return DocumentReply(bson.encode(fields))


NOTHING = DocumentReply(None)


def recording(recorder: SimulationRecorder, *answers: Answer) -> MongoClient:
    """A client whose operations are answered by a script, and recorded."""
    options = BsonSettings().codec_options
    transport = RecordingTransport(StubTransport(*answers), recorder, options=options)
    return MongoClient(CONFIG, transport, simulation=recorder)


def replaying(path: Path, **settings: Any) -> MongoClient:
    """A client that replays a recording."""
    return MongoClient.with_simulation(CONFIG, SimulationReplayer.load(path, **settings))


def things(client: MongoClient) -> Things:
    """A collection."""
    return client.collection("shop", "things")


def text_of(path: Path) -> str:
    """What is in a file."""
    return path.read_text()


def cut_off(path: Path) -> None:
    """Add to a file a line that was not written to its end."""
    path.write_bytes(path.read_bytes() + b'{"crc":"0123')


def names_in(folder: Path) -> list[str]:
    """The files of a folder."""
    return sorted(file.name for file in folder.iterdir())


def interactions_of(path: Path) -> list[Any]:
    """What was recorded."""
    return list(Recording.load(path).interactions)
