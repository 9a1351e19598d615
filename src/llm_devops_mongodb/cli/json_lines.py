"""Interactions for programs: a JSON object each, with the names of the file and documents as Extended JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bson import json_util

from llm_devops_mongodb.simulation.cassette.writing import readable_json

if TYPE_CHECKING:
    import msgspec

    from llm_devops_mongodb.cli.loading import Details, PartDetails
    from llm_devops_mongodb.simulation.cassette import Interaction


def as_json_line(interaction: Interaction, details: Details) -> str:
    """Return an interaction as one line of JSON."""
    return json.dumps(
        {
            "n": interaction.number,
            "line": interaction.line,
            "at": interaction.at.isoformat(),
            "took": interaction.took.total_seconds(),
            "client": interaction.client,
            "session": interaction.session,
            "transaction": interaction.transaction,
            "operation": interaction.operation,
            "namespace": interaction.namespace,
            "fingerprint": interaction.fingerprint,
            "request": _as_recorded(interaction.raw_request),
            "reply": _as_recorded(interaction.raw_reply),
            "error": _as_recorded(interaction.raw_error),
            "cancelled": interaction.is_cancelled,
            "parts": [_part(part) for part in details.parts],
        }
    )


def _part(details: PartDetails) -> dict[str, Any]:
    part = details.part
    documents = None if details.documents is None else [_canonical(document) for document in details.documents]
    return {
        "part": part.part,
        "at": part.at.isoformat(),
        "took": part.took.total_seconds(),
        "documents": documents,
        "error": _as_recorded(part.raw_error),
        "end": part.end,
    }


def _as_recorded(raw: msgspec.Raw) -> Any:
    text = bytes(readable_json(raw))
    return json.loads(text) if text else None


def _canonical(document: dict[str, Any]) -> Any:
    return json.loads(json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS))
