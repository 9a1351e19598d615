"""Reading the answers of `explain`, whatever server and engine made them.

Sources: https://www.mongodb.com/docs/manual/reference/explain-results/ and the answers of real servers. The forms:

    queryPlanner, executionStats                    a find, or a pipeline that is pushed down whole
    stages: [{"$cursor": {queryPlanner, …}}, …]     a pipeline
    shards: {name: {…}}, splitPipeline              a pipeline on shards, each with one of the forms above
    queryPlanner.winningPlan.shards: [{…}]          a find on shards
    winningPlan.queryPlan                           the slot-based engine: the plan, counted under other names
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.plans import Plan, PlanNode
from llm_devops_mongodb.validation.values import cut_number, is_array, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_DEEPEST = 200
_NAMELESS_INDEX = {"IDHACK": "_id_", "CLUSTERED_IXSCAN": "_id_", "EXPRESS_CLUSTERED_IXSCAN": "_id_"}
_SLOT_READS = {"scan": "docs", "seek": "docs", "ixscan": "keys", "ixseek": "keys"}
_MEMORY = ("totalDataSizeSorted", "totalDataSizeSortedBytesEstimate", "totalOutputDataSizeBytes", "memUsage")


@dataclass(frozen=True, slots=True)
class _Context:
    """What a plan's stages have in common.

    Attributes:
        collection: The full name of the collection.
        shard: The shard's name.
        counts: What the slot-based engine counted, by the number of the plan's node.
    """

    collection: str = ""
    shard: str | None = None
    counts: Mapping[Any, Mapping[str, Any]] | None = None


def read_plan(explained: Any, shard: str | None = None, depth: int = 0) -> Plan:
    """Read one explanation, which may hold others."""
    explained = _document(explained)
    if depth > _DEEPEST:
        return Plan()
    if is_mapping(explained.get("shards")):
        return _sharded_pipeline(explained, depth)
    if is_array(explained.get("stages")):
        return _pipeline(explained["stages"], shard, depth)
    return _planned(_document(explained.get("queryPlanner")), explained.get("executionStats"), shard, depth)


def _planned(planner: Mapping[str, Any], statistics: Any, shard: str | None, depth: int) -> Plan:
    stats = _document(statistics)
    winning, run = _document(planner.get("winningPlan")), _document(stats.get("executionStages"))
    context = _Context(_text(planner.get("namespace")), shard)
    plan = Plan(
        returned=_count(stats.get("nReturned")) or 0,
        documents_examined=_count(stats.get("totalDocsExamined")) or 0,
        keys_examined=_count(stats.get("totalKeysExamined")) or 0,
        milliseconds=_count(stats.get("executionTimeMillis")) or 0,
        was_run=bool(stats),
    )
    if is_array(winning.get("shards")):
        return _sharded_find(plan, winning, run, depth)
    rejected = (_tree(_plain(each), context) for each in _documents(planner.get("rejectedPlans")))
    root = _tree(*_winner(winning, run, context))
    return replace(plan, root=root, rejected=tuple(node for node in rejected if node is not None))


def _winner(winning: Mapping[str, Any], run: Mapping[str, Any], context: _Context) -> tuple[Any, _Context]:
    """The classic engine counts in a tree of the plan's own form; the slot-based engine in one of another."""
    if "queryPlan" in winning:
        return winning["queryPlan"], replace(context, counts=_slot_counts(run))
    return (run if "stage" in run else winning), context


def _plain(plan: Mapping[str, Any]) -> Any:
    return plan.get("queryPlan", plan)


def _sharded_find(plan: Plan, winning: Mapping[str, Any], run: Mapping[str, Any], depth: int) -> Plan:
    runs = {_text(each.get("shardName")): each for each in _documents(run.get("shards"))}
    parts = [
        _planned(each, runs.get(_text(each.get("shardName"))), _text(each.get("shardName")), depth + 1)
        for each in _documents(winning["shards"])
    ]
    root = replace(_node({**winning, **run}, _Context()), children=_roots(parts))
    return replace(plan, root=root, rejected=tuple(node for part in parts for node in part.rejected))


def _sharded_pipeline(explained: Mapping[str, Any], depth: int) -> Plan:
    parts = [read_plan(each, str(name), depth + 1) for name, each in explained["shards"].items()]
    root = PlanNode("SHARD_MERGE", children=_roots(parts), details=explained)
    for stage in _documents(_document(explained.get("splitPipeline")).get("mergerPart")):
        root = PlanNode(_name_of(stage), children=(root,), details=stage)
    return replace(_together(parts), root=root)


def _pipeline(stages: Any, shard: str | None, depth: int) -> Plan:
    plan = Plan()
    for stage in _documents(stages):
        plan = _stage(plan, stage, shard, depth)
    return plan


def _stage(plan: Plan, stage: Mapping[str, Any], shard: str | None, depth: int) -> Plan:
    """Put a stage on top of the plan of those before it."""
    name = _name_of(stage)
    argument = _document(stage.get(name))
    if "queryPlanner" in argument:
        below = read_plan(argument, shard, depth + 1)
        return replace(below, milliseconds=max(below.milliseconds, _milliseconds(stage)))
    inner = [read_plan(part, shard, depth + 1) for part in _inner_explanations(name, argument)]
    own = Plan(
        documents_examined=_count(stage.get("totalDocsExamined")) or 0,
        keys_examined=_count(stage.get("totalKeysExamined")) or 0,
        milliseconds=_milliseconds(stage),
        was_run="nReturned" in stage,
    )
    node = replace(_node({**stage, "stage": name}, _Context("", shard)), children=_roots([plan, *inner]), details=stage)
    return replace(_together([plan, *inner, own]), root=node, returned=node.returned or 0)


def _inner_explanations(name: str, argument: Mapping[str, Any]) -> Iterator[Any]:
    """The explained pipelines inside a stage; the pipeline of a `$lookup` is the caller's own."""
    parts = argument.values() if name == "$facet" else [argument.get("pipeline")] if name == "$unionWith" else []
    for part in parts:
        yield {"stages": part} if is_array(part) else part


def _together(plans: Iterable[Plan]) -> Plan:
    plans = list(plans)
    return Plan(
        rejected=tuple(node for plan in plans for node in plan.rejected),
        returned=sum(plan.returned for plan in plans),
        documents_examined=sum(plan.documents_examined for plan in plans),
        keys_examined=sum(plan.keys_examined for plan in plans),
        milliseconds=max((plan.milliseconds for plan in plans), default=0),
        was_run=any(plan.was_run for plan in plans),
    )


def _roots(plans: Iterable[Plan]) -> tuple[PlanNode, ...]:
    return tuple(plan.root for plan in plans if plan.root is not None)


def _tree(raw: Any, context: _Context, depth: int = 0) -> PlanNode | None:
    """Read a stage and all that stand in it, under whatever name: `inputStage`, `outerStage`, `elseStage`, …."""
    raw = _document(raw)
    if not isinstance(raw.get("stage"), str) or depth > _DEEPEST:
        return None
    inner = (part for value in raw.values() for part in ([value] if is_mapping(value) else _documents(value)))
    children = (_tree(part, context, depth + 1) for part in inner if "stage" in part)
    return replace(_node(raw, context), children=tuple(child for child in children if child is not None))


def _node(raw: Mapping[str, Any], context: _Context) -> PlanNode:
    stage = _text(raw.get("stage"))
    counts = raw if context.counts is None else context.counts.get(raw.get("planNodeId"), {})
    keys = raw.get("keyPattern")
    return PlanNode(
        stage=stage,
        collection=context.collection,
        shard=context.shard,
        index_name=_text(raw.get("indexName")) or _NAMELESS_INDEX.get(stage),
        # The short cut of servers from 8.0 gives a text.
        key_pattern=dict(keys) if is_mapping(keys) else {"_id": 1} if stage in _NAMELESS_INDEX else None,
        is_multikey=raw.get("isMultiKey") is True,
        returned=_count(counts.get("nReturned")),
        documents_examined=_first(counts, "docsExamined", "totalDocsExamined"),
        keys_examined=_first(counts, "keysExamined", "totalKeysExamined"),
        works=_count(counts.get("works")),
        memory_bytes=_first(counts, *_MEMORY),
        used_disk=counts.get("usedDisk") is True,
        details=raw,
    )


def _slot_counts(run: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
    """Sum what the slot-based stages that belong to one node of the plan counted; the first is its outermost."""
    counted: dict[Any, dict[str, Any]] = {}
    for stage in _slot_stages(run):
        counts = counted.setdefault(stage.get("planNodeId"), {"nReturned": stage.get("nReturned")})
        kind = _SLOT_READS.get(_text(stage.get("stage")))
        if kind is not None:
            name = f"{kind}Examined"
            counts[name] = counts.get(name, 0) + (_first(stage, name, "numReads") or 0)
        counts["usedDisk"] = counts.get("usedDisk") is True or stage.get("usedDisk") is True
        counts.update({name: stage[name] for name in _MEMORY if name in stage})
    return counted


def _slot_stages(stage: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        return
    yield stage
    for value in stage.values():
        for part in [value] if is_mapping(value) else _documents(value):
            if "stage" in part:
                yield from _slot_stages(part, depth + 1)


def _name_of(stage: Mapping[str, Any]) -> str:
    return next((name for name in stage if str(name).startswith("$")), next(iter(stage), ""))


def _milliseconds(stage: Mapping[str, Any]) -> int:
    return _count(stage.get("executionTimeMillisEstimate")) or 0


def _first(counts: Mapping[str, Any], *names: str) -> int | None:
    return next((found for name in names if (found := _count(counts.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    return cut_number(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _document(value: Any) -> Mapping[str, Any]:
    return value if is_mapping(value) else {}


def _documents(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if is_mapping(part)] if is_array(value) else []
