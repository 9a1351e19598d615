"""What a checkpoint was made for, so that it is not used for anything else."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import bson
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.consumers.errors import CheckpointMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.consumers.checkpoint import Checkpoint
    from llm_devops_mongodb.operations import RawPipeline
    from llm_devops_mongodb.options import ChangeStreamOptions

_CHOOSING = (
    "full_document",
    "full_document_before_change",
    "show_expanded_events",
    "split_large_events",
)
_DIGITS = 16


def described(watched: str, pipeline: RawPipeline, options: ChangeStreamOptions, *, partitions: int) -> dict[str, str]:
    """Tell everything that says which events there are: names as they are, values by a digest."""
    told = {
        "watched": watched,
        "pipeline": ", ".join(_stage(stage) for stage in pipeline) or "none",
        "collation": "none" if options.collation is None else _digest(bson.encode(dict(options.collation))),
        "partitions": str(partitions),
    }
    return told | {name: str(getattr(options, name) or "default") for name in _CHOOSING}


def fingerprint_of(options: Mapping[str, str]) -> str:
    """Return the fingerprint of what `described` tells."""
    return hashlib.sha256(json.dumps(dict(options), sort_keys=True).encode()).hexdigest()


def check_fingerprint(checkpoint: Checkpoint, options: Mapping[str, str]) -> None:
    """Refuse a checkpoint that was made for something else.

    Raises:
        CheckpointMismatchError: It tells the difference.
    """
    if checkpoint.fingerprint == fingerprint_of(options):
        return
    names = sorted(checkpoint.options.keys() | options.keys())
    difference = [
        f"{name}: {checkpoint.options.get(name, 'not told')} in the checkpoint, {options.get(name, 'not told')} now"
        for name in names
        if checkpoint.options.get(name) != options.get(name)
    ]
    raise CheckpointMismatchError(
        f"the checkpoint of {checkpoint.name!r} was made for another stream ({'; '.join(difference)}); "
        "give the consumer another name, or the stream its former options",
        difference=difference,
    )


def _stage(stage: bytes) -> str:
    # Nothing in it is decoded: it may hold what Python has no value for.
    return f"{' '.join(RawBSONDocument(stage))} {_digest(stage)}"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:_DIGITS]
