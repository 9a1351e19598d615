"""Findings on joined collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.indexes import shown_call, suggest_index
from llm_devops_mongodb.results import Finding
from llm_devops_mongodb.validation.values import is_array, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_devops_mongodb.advice.cases import Case
    from llm_devops_mongodb.advice.indexes import Keys


def lookups(case: Case) -> Iterator[Finding]:
    """Joins that read the whole foreign collection, in the worst case once for each document."""
    for node in case.plan.scanning_lookups:
        spec = node.detail("$lookup") or node.details
        name, keys = _foreign_name(spec), _foreign_keys(spec)
        advice = "" if keys is None else f"; there, {shown_call(keys)} would help"
        text = f"$lookup reads the whole of '{name}'{_times(node.details)}"
        yield Finding("lookup_without_index", f"{text}{advice}.", keys)


def _foreign_name(spec: Mapping[str, Any]) -> str:
    foreign = spec.get("from", "")
    if is_mapping(foreign):
        foreign = foreign.get("coll", "")
    return str(foreign or spec.get("foreignCollection", ""))


def _foreign_keys(spec: Mapping[str, Any]) -> Keys | None:
    field = spec.get("foreignField")
    if isinstance(field, str):
        return {field: 1}
    pipeline = spec.get("pipeline")
    first = pipeline[0] if is_array(pipeline) and pipeline else None
    match = first.get("$match") if is_mapping(first) else None
    return suggest_index(match) if is_mapping(match) else None


def _times(details: Mapping[str, Any]) -> str:
    scans = details.get("collectionScans")
    return f", {scans} times" if isinstance(scans, int) and scans > 1 else ""
