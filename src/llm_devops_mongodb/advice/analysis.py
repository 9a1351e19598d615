"""What a plan says about a query, for a program and for a person."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice import join_findings, read_findings, scan_findings, unused_indexes
from llm_devops_mongodb.advice.cases import Case
from llm_devops_mongodb.advice.plans import Plan
from llm_devops_mongodb.advice.queries import ExplainedQuery
from llm_devops_mongodb.results import QueryAnalysis
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_devops_mongodb.advice.cases import Finder

_FINDERS: tuple[Finder, ...] = (
    scan_findings.collection_scans,
    scan_findings.missing_indexes,
    scan_findings.sorts,
    unused_indexes.unused_indexes,
    unused_indexes.poor_hints,
    read_findings.selectivity,
    read_findings.conditions,
    read_findings.bounds,
    join_findings.lookups,
    scan_findings.large_skips,
    read_findings.coverage,
)


def analyse(
    explained: Mapping[str, Any],
    *,
    command: Mapping[str, Any] | None = None,
    indexes: Iterable[Mapping[str, Any]] = (),
) -> QueryAnalysis:
    """Judge the answer of `explain`.

    Args:
        explained: The server's answer, of any verbosity; without execution statistics all counts are 0.
        command: The command that was explained; None takes what the server repeats of it.
        indexes: The collection's indexes, as `list_indexes` gives them. Without them an index that is there already
            may be suggested, and none is told that is not used.
    """
    if command is None:
        repeated = explained.get("command")
        command = repeated if is_mapping(repeated) else {}
    plan = Plan.of(explained)
    case = Case(plan, ExplainedQuery.of_command(command), tuple(indexes))
    findings = tuple(chain.from_iterable(finder(case) for finder in _FINDERS))
    return QueryAnalysis(
        uses_index=bool(plan.indexes_used) and not case.scans,
        index_name=next(iter(plan.indexes_used), None),
        documents_examined=plan.documents_examined,
        documents_returned=plan.returned,
        execution_time_ms=plan.milliseconds,
        recommendations=tuple(finding.message for finding in findings if finding.kind != "covered"),
        is_covered=read_findings.is_covered(case),
        sorts_in_memory=bool(plan.sorts_in_memory),
        keys_examined=plan.keys_examined,
        stages=plan.stages,
        indexes_used=plan.indexes_used,
        rejected_plans=len(plan.rejected),
        findings=findings,
        suggested_index=case.suggested,
        explained=explained,
    )
