"""What is wrong with a plan, in words that hold no value of the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.indexes import shown_call, suggest_for, suggest_for_branches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_devops_mongodb.advice.conditions import Conditions
    from llm_devops_mongodb.advice.plans import Plan, PlanNode
    from llm_devops_mongodb.config import QueryGuardConfig
    from llm_devops_mongodb.errors import QueryFinding
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.transports.guarded.explaining import Asked


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that makes an operation slow.

    Attributes:
        kind: What it is.
        text: What it is and what to do, to follow the operation's name.
    """

    kind: QueryFinding
    text: str


def findings_in(plan: Plan, asked: Asked, *, namespace: Namespace, config: QueryGuardConfig) -> tuple[Finding, ...]:
    """Return what is wrong with `plan`, of what `config` wants told."""
    found: list[Finding] = []
    if config.collection_scans:
        found += _scans(plan, asked, str(namespace))
    if config.in_memory_sorts:
        found += _sorts(plan, asked)
    return tuple(found)


def _scans(plan: Plan, asked: Asked, namespace: str) -> Iterator[Finding]:
    """Tell scans that look for something. Who asks for all documents is answered best by a scan."""
    for collection in dict.fromkeys(node.collection or namespace for node in plan.collection_scans if _seeks(node)):
        if collection == namespace:
            fields = _listed(_fields_of(asked.conditions))
            text = f"reads the whole collection{fields and ' for its conditions on '}{fields}{_remedy(asked)}"
        else:
            text = f"reads the whole collection {collection}"
        yield Finding("collection_scan", text)
    if asked.field is not None and asked.conditions.is_empty and plan.collection_scans:
        call = _shown({asked.field: 1}, asked)
        text = f"reads the whole collection for the values of {asked.field}; {call} would serve it"
        yield Finding("collection_scan", text)
    for _ in plan.scanning_lookups:
        yield Finding("collection_scan", "joins by reading the whole foreign collection; create an index on its field")


def _sorts(plan: Plan, asked: Asked) -> Iterator[Finding]:
    """Tell sorts of stored documents. What a group or another stage has made can be sorted in memory only."""
    if asked.sort and any(_sorts_stored(node) for node in plan.sorts_in_memory):
        fields = _listed(field for field, _ in asked.sort)
        yield Finding("in_memory_sort", f"sorts in memory by {fields}{_remedy(asked)}")


def _seeks(scan: PlanNode) -> bool:
    return bool(scan.details.get("filter"))


def _sorts_stored(sort: PlanNode) -> bool:
    below = (node.stage for child in sort.children for node in child.walk())
    return not any(stage == "GROUP" or stage.startswith("$") for stage in below)


def _fields_of(conditions: Conditions) -> Iterator[str]:
    for condition in conditions.fields:
        yield condition.field
    for branch in conditions.branches:
        yield from _fields_of(branch)
    yield from conditions.compared


def _remedy(asked: Asked) -> str:
    wanted = suggest_for(asked.conditions, asked.sort)
    several = (wanted,) if wanted else suggest_for_branches(asked.conditions, asked.sort)
    calls = " and ".join(_shown(keys, asked) for keys in several)
    return f"; {calls} would serve it" if calls else ""


def _shown(keys: Mapping[str, Any], asked: Asked) -> str:
    return shown_call(keys, *(["collation=…"] if asked.has_collation else []))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
