"""A query plan as the server explains it, walked whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SORTS = frozenset({"SORT", "$sort"})
_FETCHES = frozenset({"FETCH", "IDHACK", "COLLSCAN", "CLUSTERED_IXSCAN", "TEXT", "TEXT_MATCH", "TEXT_OR"})
_WITHOUT_INDEX = frozenset({"HashJoin", "NestedLoopJoin"})


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One stage of a plan.

    Attributes:
        stage: The server's name of it; a pipeline's begins with `$`.
        collection: The full name of the collection it reads, `""` where that is not told.
        shard: The shard it runs on, None on a deployment without shards.
        index_name: The index it reads.
        key_pattern: That index's fields and directions.
        is_multikey: Whether that index holds elements of arrays.
        returned: How many documents or keys it gave; None where the plan was not run, as for all counts.
        documents_examined: How many documents it read.
        keys_examined: How many index keys it read.
        works: How many units of work it did; the slot-based engine does not count them.
        memory_bytes: How much it held at once, as far as the server tells.
        used_disk: Whether it needed the disk because memory did not suffice.
        children: The stages that feed it.
        details: All that the server tells of it. It holds values of the query, so it is not in the repr.
    """

    stage: str
    collection: str = ""
    shard: str | None = None
    index_name: str | None = None
    key_pattern: Mapping[str, Any] | None = None
    is_multikey: bool = False
    returned: int | None = None
    documents_examined: int | None = None
    keys_examined: int | None = None
    works: int | None = None
    memory_bytes: int | None = None
    used_disk: bool = False
    children: tuple[PlanNode, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def detail(self, name: str) -> Mapping[str, Any]:
        """Return the document that the server tells under `name`, an empty one where it tells none."""
        found = self.details.get(name)
        return found if is_mapping(found) else {}

    def walk(self) -> Iterator[PlanNode]:
        """Give this stage and all below it, each before those that feed it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the server does for a query, or would do.

    Attributes:
        root: The last stage of the winning plan, None where the explanation holds none.
        rejected: The last stages of the plans that were weighed and rejected.
        returned: Documents returned; 0 where the plan was not run, as for all counts.
        documents_examined: Documents read, joined collections included.
        keys_examined: Index keys read, joined collections included.
        milliseconds: How long it took; of several shards the slowest.
        was_run: Whether the explanation tells counts.
    """

    root: PlanNode | None = None
    rejected: tuple[PlanNode, ...] = ()
    returned: int = 0
    documents_examined: int = 0
    keys_examined: int = 0
    milliseconds: int = 0
    was_run: bool = False

    @classmethod
    def of(cls, explained: Mapping[str, Any]) -> Plan:
        """Read the answer of `explain`, of any verbosity, engine, topology and command.

        It never fails: a stage that is not known is kept by its name, a part of an unknown form is passed over.
        """
        # The reader makes plans, so it imports this module.
        from llm_devops_mongodb.advice.plan_reading import read_plan

        return read_plan(explained)

    @property
    def nodes(self) -> tuple[PlanNode, ...]:
        """Every stage of the winning plan, each before those that feed it."""
        return () if self.root is None else tuple(self.root.walk())

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, from the last to the first, each once."""
        return tuple(dict.fromkeys(node.stage for node in self.nodes))

    @property
    def collection(self) -> str:
        """The full name of the queried collection: the one that the first stage reads; `""` where it is not told."""
        node = self.root
        while node is not None and node.children:
            node = node.children[0]
        return "" if node is None else node.collection

    @property
    def shards(self) -> tuple[str, ...]:
        """The shards that take part."""
        return tuple(dict.fromkeys(node.shard for node in self.nodes if node.shard is not None))

    @property
    def collection_scans(self) -> tuple[PlanNode, ...]:
        """The stages that read a whole collection."""
        return self._named(frozenset({"COLLSCAN"}))

    @property
    def sorts_in_memory(self) -> tuple[PlanNode, ...]:
        """The stages that hold all documents to sort them; a merge of streams in order is none."""
        return self._named(_SORTS)

    @property
    def index_scans(self) -> tuple[PlanNode, ...]:
        """The stages that read an index of the collection itself, not one of a joined collection."""
        return tuple(node for node in self.nodes if node.index_name is not None and "LOOKUP" not in node.stage)

    @property
    def indexes_used(self) -> tuple[str, ...]:
        """The names of those indexes, each once."""
        return tuple(dict.fromkeys(node.index_name for node in self.index_scans if node.index_name is not None))

    @property
    def fetches(self) -> tuple[PlanNode, ...]:
        """The stages that read documents."""
        return tuple(node for node in self.nodes if node.stage in _FETCHES or _is_express(node))

    @property
    def scanning_lookups(self) -> tuple[PlanNode, ...]:
        """The joins that read the whole foreign collection."""
        return tuple(node for node in self.nodes if _scans_foreign(node))

    @property
    def spills(self) -> tuple[PlanNode, ...]:
        """The stages that needed the disk."""
        return tuple(node for node in self.nodes if node.used_disk)

    def _named(self, stages: frozenset[str]) -> tuple[PlanNode, ...]:
        return tuple(node for node in self.nodes if node.stage in stages)


def _is_express(node: PlanNode) -> bool:
    """Tell the short cut of servers from 8.0 for one key, which reads the document unless it says that it did not."""
    return node.stage.startswith("EXPRESS") and node.details.get("projectionCovered") is not True


def _scans_foreign(node: PlanNode) -> bool:
    if node.stage == "$lookup":
        scans = node.details.get("collectionScans")
        return isinstance(scans, int) and scans > 0
    return node.stage.startswith("EQ_LOOKUP") and node.details.get("strategy") in _WITHOUT_INDEX
