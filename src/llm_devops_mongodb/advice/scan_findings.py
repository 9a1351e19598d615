"""Findings on whole reads of a collection, on sorts, and on the index that would spare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.cases import RATIO, quoted
from llm_devops_mongodb.advice.indexes import key_of, shown_call
from llm_devops_mongodb.results import Finding
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_devops_mongodb.advice.cases import Case
    from llm_devops_mongodb.advice.plans import PlanNode

_LARGE_SKIP = 1000
_KINDS = {
    "2dsphere": "for places on the globe",
    "2d": "for places on a plane",
}


def collection_scans(case: Case) -> Iterator[Finding]:
    """Whole reads of a collection, but for those that return it whole, as they were asked to."""
    if case.scans:
        yield from _own_scans(case)
    for node in case.plan.collection_scans:
        if node not in case.scans:
            text = _read(node.documents_examined, node.returned)
            yield Finding("collection_scan", f"Collection scan of '{node.collection}': {text}.")


def _own_scans(case: Case) -> Iterator[Finding]:
    examined, kept = (_sum(getattr(node, count) for node in case.scans) for count in ("documents_examined", "returned"))
    if case.query.conditions.is_empty and examined == kept:
        return
    # What a pipeline makes of the documents is no measure of the read.
    returned = kept if case.query.is_pipeline else case.plan.returned
    if examined is not None and examined > RATIO * (returned or 0):
        text = f"Collection scan detected: {_read(examined, returned)}. Consider adding an index."
    else:
        text = f"Collection scan{_shards(case.scans)}: {_read(examined, returned)}."
    yield Finding("collection_scan", text)


def missing_indexes(case: Case) -> Iterator[Finding]:
    """The index to create."""
    keys = case.suggested
    if keys is not None:
        call = _call(case, keys)
        yield Finding("missing_index", f"Create an index with {call}: {_rule(keys)}.", keys)
    for branch in case.suggested_for_branches:
        call = _call(case, branch)
        text = "every branch of $or needs one, or the whole collection is read"
        yield Finding("missing_index", f"Create an index with {call}: {text}.", branch)


def sorts(case: Case) -> Iterator[Finding]:
    """Sorts that hold every document, and what needed the disk."""
    for node in case.plan.sorts_in_memory:
        fields = quoted(_sorted_by(node))
        if node.stage == "SORT":
            text = "an index in that order, after the fields compared for equality, makes it needless"
        else:
            text = "no index can serve it here; put $sort right after the first $match, if the result allows it"
        yield Finding("in_memory_sort", f"Sorted in memory{_on(node)} by {fields}{_held(node)}: {text}.")
    for node in case.plan.spills:
        text = f"Stage {node.stage}{_on(node)} did not fit in memory and used the disk"
        yield Finding("spilled_to_disk", f"{text}; let it work on fewer or smaller documents.")


def large_skips(case: Case) -> Iterator[Finding]:
    """Documents read only to be passed over."""
    skip = case.query.skip
    if skip >= _LARGE_SKIP:
        text = "find_page goes on from where the page before ended"
        yield Finding("large_skip", f"Passes over {skip} documents, each of which the server reads or counts: {text}.")


def _call(case: Case, keys: Mapping[str, Any]) -> str:
    """The server refuses a second index of one name, and names it by its fields alone."""
    more = ["collation=…"] if case.query.collation is not None else []
    is_there = any(list(key_of(index).items()) == list(keys.items()) for index in case.indexes)
    return shown_call(keys, *more, *(["name=…"] if is_there else []))


def _rule(keys: Mapping[str, Any]) -> str:
    kind = next((_KINDS[kind] for kind in keys.values() if kind in _KINDS), None)
    return kind or "fields compared for equality first, then the sort, then ranges"


def _read(examined: int | None, returned: int | None) -> str:
    if examined is None:
        return "every document would be read"
    return f"examined {examined} documents for {returned or 0} results"


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _shards(nodes: Iterable[PlanNode]) -> str:
    names = dict.fromkeys(node.shard for node in nodes if node.shard is not None)
    return f" on shard {quoted(names)}" if names else ""


def _held(node: PlanNode) -> str:
    return "" if not node.memory_bytes else f" ({node.memory_bytes} bytes)"


def _on(node: PlanNode) -> str:
    return _shards([node])


def _sorted_by(node: PlanNode) -> tuple[str, ...]:
    argument = node.detail("sortPattern") or node.detail("$sort")
    keys = argument.get("sortKey")
    return tuple(keys if is_mapping(keys) else argument)
