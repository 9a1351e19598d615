"""Cassettes as they are written: for people to read and review, and never half."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from llm_devops_mongodb.simulation.cassette.content import NOTHING, Footer, Header, Interaction, Part
from llm_devops_mongodb.simulation.cassette.lines import sealed
from llm_devops_mongodb.simulation.documents import is_array, is_document, is_packed, raw_of, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENCODER = msgspec.json.Encoder()


def line_of(content: Header | Footer | Interaction | Part) -> bytes:
    """Return the line of a cassette that holds `content`."""
    return sealed(_ENCODER.encode(content))


def write_recording(path: str | os.PathLike[str], header: Header, interactions: Iterable[Interaction]) -> None:
    """Write a finished recording: into a file beside it first, which then takes its name.

    Args:
        path: The file; one that is there is replaced. Its folder is made where it is missing.
        header: How it was made.
        interactions: What it holds, in order.
    """
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as fresh:
            os.fchmod(descriptor, 0o666 & ~_umask())
            digest = hashlib.sha256()
            count = 0
            for line, is_interaction in _lines(header, interactions):
                count += is_interaction
                digest.update(line)
                fresh.write(line)
            fresh.write(line_of(Footer(interactions=count, sha256=digest.hexdigest())))
            fresh.flush()
            os.fsync(descriptor)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(header: Header, interactions: Iterable[Interaction]) -> Iterator[tuple[bytes, bool]]:
    yield line_of(msgspec.structs.replace(header, state="finished")), False
    for interaction in interactions:
        yield line_of(_readable(interaction)), True
        for part in interaction.parts:
            yield line_of(_readable_part(part)), False


def _readable(interaction: Interaction) -> Interaction:
    return replace(
        interaction,
        raw_request=readable_json(interaction.raw_request),
        raw_reply=readable_json(interaction.raw_reply),
        raw_error=readable_json(interaction.raw_error),
        parts=(),
        line=0,
    )


def _readable_part(part: Part) -> Part:
    documents = part.raw_documents
    if bytes(part.raw_frame):
        documents = msgspec.Raw(f"[{','.join(readable(document) for document in part.raw_batch())}]".encode())
    return replace(
        part,
        raw_frame=NOTHING,
        raw_documents=readable_json(documents),
        raw_token=readable_json(part.raw_token),
        raw_error=readable_json(part.raw_error),
    )


def readable_json(raw: msgspec.Raw) -> msgspec.Raw:
    """Return a member of a line with the documents in it as Extended JSON."""
    return msgspec.Raw(_ENCODER.encode(_shown(msgspec.json.decode(raw)))) if b'"$bson"' in bytes(raw) else raw


def _shown(value: Any) -> Any:
    if is_document(value):
        if is_packed(value):
            return msgspec.Raw(readable(raw_of(value)).encode())
        return {name: _shown(member) for name, member in value.items()}
    return [_shown(member) for member in value] if is_array(value) else value


def _umask() -> int:
    """The process's mask of permissions; it can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
