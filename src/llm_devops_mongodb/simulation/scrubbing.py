"""Recordings that are there already, without the secrets that were not known as such when they were made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from llm_devops_mongodb.security.redaction import SensitiveFields
from llm_devops_mongodb.simulation.cassette.content import NOTHING
from llm_devops_mongodb.simulation.documents import is_array, is_document, packed, parsed, raw_of
from llm_devops_mongodb.simulation.finishing import finished
from llm_devops_mongodb.simulation.placeholders import Redactor
from llm_devops_mongodb.simulation.secrecy import answer_aliases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from llm_devops_mongodb.simulation.cassette import Interaction, Part, Recording

    Hide = Callable[[bytes], bytes]

_STRUCTURES = frozenset({"result", "write_errors", "write_concern_errors", "ended_by"})
"""The members of an error that are not documents, but hold some."""


def scrubbed(recording: Recording, fields: Iterable[str]) -> Recording:
    """Return a recording in which the values of sensitive fields are replaced, those of its header's and further ones.

    Args:
        recording: What was recorded.
        fields: Further names, as `redact_document` takes them.
    """
    names = tuple(dict.fromkeys([*recording.header.redacted_fields, *fields]))
    redactor = Redactor(SensitiveFields(names))
    header = msgspec.structs.replace(recording.header, redacted_fields=names)
    interactions = [_interaction(each, redactor) for each in recording.interactions]
    return finished(replace(recording, header=header, interactions=interactions))


def _interaction(interaction: Interaction, redactor: Redactor) -> Interaction:
    request = interaction.request_bytes()
    aliases = answer_aliases(interaction.operation, request, redactor.fields)

    def hide(raw: bytes) -> bytes:
        return redactor.reply(raw, aliases)

    return msgspec.structs.replace(
        interaction,
        raw_request=_json(packed(redactor.request(request, aliases))),
        raw_reply=_hidden(interaction.raw_reply, hide),
        raw_error=_hidden(interaction.raw_error, hide),
        parts=tuple(_part(part, hide) for part in interaction.parts),
    )


def _part(part: Part, hide: Hide) -> Part:
    documents = _json([packed(hide(document)) for document in part.raw_batch()]) if part.is_batch else NOTHING
    return msgspec.structs.replace(
        part, raw_frame=NOTHING, raw_documents=documents, raw_error=_hidden(part.raw_error, hide)
    )


def _hidden(raw: msgspec.Raw, hide: Hide) -> msgspec.Raw:
    return _json(_structure(parsed(bytes(raw)), hide)) if bytes(raw) else raw


def _structure(members: dict[str, Any], hide: Hide) -> dict[str, Any]:
    return {name: _member(name, value, hide) for name, value in members.items()}


def _member(name: str, value: Any, hide: Hide) -> Any:
    if is_document(value):
        return _structure(value, hide) if name in _STRUCTURES else packed(hide(raw_of(value)))
    return [_member(name, member, hide) for member in value] if is_array(value) else value


def _json(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
