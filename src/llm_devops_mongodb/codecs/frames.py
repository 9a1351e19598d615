"""Frames: BSON documents one after the other, taken apart by the length each begins with (https://bsonspec.org)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import DeserializationError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Plain documents that become models 32 KiB at a time are freed while they are in the processor's cache and before the
# garbage collector looks at them twice. Smaller chunks cost more calls, larger ones were measured a quarter slower.
_CHUNK_BYTES = 32 * 1024
_SHORTEST = 5
_length_at = struct.Struct("<i").unpack_from


def split_frame(frame: bytes, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[bytes]:
    """Give a frame's documents as smaller frames.

    Args:
        frame: BSON documents one after the other.
        chunk_bytes: A smaller frame ends with the document that brings it to this size.

    Raises:
        DeserializationError: The lengths do not add up; the frames before the damage have been given.
    """
    start = position = 0
    size = len(frame)
    while position <= size - _SHORTEST:
        length: int = _length_at(frame, position)[0]
        if not _SHORTEST <= length <= size - position:
            break
        position += length
        if position - start >= chunk_bytes:
            yield frame[start:position]
            start = position
    if position != size:
        raise DeserializationError(f"the documents are damaged at byte {position} of {size}")
    if start < size:
        yield frame[start:]


def documents_of(frame: bytes) -> Iterator[bytes]:
    """Give each document of a frame.

    Raises:
        DeserializationError: The lengths do not add up; the documents before the damage have been given.
    """
    return split_frame(frame, 1)
