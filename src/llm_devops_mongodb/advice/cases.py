"""A plan beside the query and the indexes it was made for: what findings are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.indexes import key_of, sort_pairs, suggest_for, suggest_for_branches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from llm_devops_mongodb.advice.indexes import Keys
    from llm_devops_mongodb.advice.plans import Plan, PlanNode
    from llm_devops_mongodb.advice.queries import ExplainedQuery
    from llm_devops_mongodb.results import Finding

    Finder = Callable[["Case"], Iterator[Finding]]

RATIO = 10
"""Reading more than this many documents, or keys, for each that is wanted is worth a word."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged.

    Attributes:
        plan: What the server does.
        query: What was asked.
        indexes: The collection's indexes as `listIndexes` gives them; empty where they are not known.
    """

    plan: Plan
    query: ExplainedQuery
    indexes: tuple[Mapping[str, Any], ...] = ()

    @property
    def scans(self) -> tuple[PlanNode, ...]:
        """The whole reads of the queried collection itself."""
        return self.own(self.plan.collection_scans)

    def own(self, nodes: Iterable[PlanNode]) -> tuple[PlanNode, ...]:
        """Those of `nodes` that read the queried collection, not one that is joined or united with it."""
        return tuple(node for node in nodes if node.collection == self.plan.collection)

    @property
    def reads_too_much(self) -> bool:
        """Whether an index led to many documents that were not wanted, or was read for few of its keys."""
        return exceeds(*self.fetched) or exceeds(*self.scanned_keys)

    @property
    def fetched(self) -> tuple[int, int]:
        """How many documents indexes led to, and how many of them were wanted."""
        return _totals(self.own(self.plan.fetches), "FETCH", lambda node: node.documents_examined)

    @property
    def scanned_keys(self) -> tuple[int, int]:
        """How many index keys were read, and how many of them were wanted."""
        return _totals(self.own(self.plan.index_scans), "IXSCAN", lambda node: node.keys_examined)

    @property
    def suggested(self) -> Keys | None:
        """The one index that would help; None where what there is serves well, or nothing would."""
        if not self._lacks_index:
            return None
        return suggest_for(self.query.conditions, self._sort, indexes=self.indexes)

    @property
    def suggested_for_branches(self) -> tuple[Keys, ...]:
        """The indexes that the branches of an `$or` lack, where it makes the server read the whole collection."""
        if not self.scans or self.query.conditions.fields:
            return ()
        return suggest_for_branches(self.query.conditions, self.query.sort, indexes=self.indexes)

    @property
    def leading_fields(self) -> frozenset[str]:
        """The first field of each index that the plan reads."""
        patterns = (node.key_pattern or key_of_name(self, node) for node in self.own(self.plan.index_scans))
        return frozenset(next(iter(pattern)) for pattern in patterns if pattern)

    @property
    def _sort(self) -> tuple[tuple[str, Any], ...]:
        """The order asked for, or that which the server needs for a stage such as `$setWindowFields`."""
        patterns = [node.detail("sortPattern") for node in self.plan.sorts_in_memory]
        return self.query.sort or sort_pairs(next((pattern for pattern in patterns if pattern), None))

    @property
    def _lacks_index(self) -> bool:
        scans = bool(self.scans) and not (self.query.forbids_indexes or self.query.conditions.branches)
        sorts = any(node.stage == "SORT" for node in self.plan.sorts_in_memory)
        return scans or sorts or self.reads_too_much


def key_of_name(case: Case, node: PlanNode) -> Mapping[str, Any]:
    """Return the fields of the index that `node` reads, where the plan tells only its name."""
    named = (key_of(index) for index in case.indexes if index.get("name") == node.index_name)
    return next(named, dict[str, Any]())


def exceeds(examined: int, wanted: int) -> bool:
    """Tell whether too much was read for what was wanted."""
    return examined > RATIO * max(wanted, 1)


def quoted(names: Iterable[str]) -> str:
    """List names for a text."""
    return ", ".join(f"'{name}'" for name in names)


def _totals(nodes: Iterable[PlanNode], stage: str, examined: Callable[[PlanNode], int | None]) -> tuple[int, int]:
    chosen = [node for node in nodes if node.stage == stage]
    return sum(examined(node) or 0 for node in chosen), sum(node.returned or 0 for node in chosen)
