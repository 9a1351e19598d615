"""What is found out of a recording when it is finished: fingerprints, and where the ObjectIds it made appear first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from llm_devops_mongodb.security.redaction import SensitiveFields
from llm_devops_mongodb.simulation.canonical import Canonical, Canonicalizer
from llm_devops_mongodb.simulation.following import Part, scope_of

if TYPE_CHECKING:
    from llm_devops_mongodb.simulation.cassette import Header, Interaction, Recording


def finished(recording: Recording) -> Recording:
    """Return a recording with what is found out when it is finished."""
    canonicalizer = canonicalizer_of(recording.header)
    process = bytes.fromhex(recording.header.id_process)
    known: set[bytes] = set()
    interactions: list[Interaction] = []
    for interaction in recording.interactions:
        canonical = canonical_of(interaction, canonicalizer)
        ids = dict.fromkeys(free.value for free in canonical.values if free.kind == "id")
        fresh = [value for value in ids if value[4:9] == process and value not in known]
        known.update(fresh)
        introduces = tuple(value.hex() for value in fresh)
        interactions.append(
            msgspec.structs.replace(interaction, fingerprint=canonical.fingerprint, introduces=introduces)
        )
    header = msgspec.structs.replace(recording.header, state="finished")
    return replace(recording, header=header, interactions=interactions)


def canonicalizer_of(header: Header) -> Canonicalizer:
    """Return what brings the requests of a recording into canonical form."""
    process = bytes.fromhex(header.id_process)
    return Canonicalizer(SensitiveFields(header.redacted_fields), is_made=lambda value: value[4:9] == process)


def canonical_of(interaction: Interaction, canonicalizer: Canonicalizer) -> Canonical:
    """Return the request of an interaction in canonical form."""
    part = Part(interaction.session, interaction.transaction)
    scope = scope_of(part, snapshot=interaction.snapshot)
    return canonicalizer.of(interaction.operation, interaction.namespace, scope, interaction.request_bytes())
