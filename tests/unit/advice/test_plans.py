"""Plans of every form, read alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.advice import Plan, PlanNode, analyse
from tests.unit.advice import plans_of_servers as servers


def names(nodes: tuple[PlanNode, ...]) -> list[str]:
    return [node.stage for node in nodes]


def test_a_find_on_shards_is_one_tree_with_named_shards() -> None:
    plan = Plan.of(servers.find_on_shards())

    assert names(plan.nodes) == [
        *("SHARD_MERGE", "FETCH", "SHARDING_FILTER", "IXSCAN"),
        *("SHARDING_FILTER", "COLLSCAN"),
    ]
    assert plan.shards == ("east", "west")
    assert (plan.collection, plan.returned, plan.documents_examined, plan.milliseconds) == ("x.c", 5, 403, 12)
    (scan,) = plan.collection_scans
    assert (scan.shard, scan.documents_examined, scan.returned) == ("west", 400, 2)
    assert names(plan.rejected) == ["SHARDING_FILTER"]


def test_one_shard_that_scans_is_enough_for_a_finding() -> None:
    analysis = analyse(servers.find_on_shards(), indexes=[{"key": {"a": 1}, "name": "a_1"}])

    assert (analysis.uses_index, analysis.index_name, analysis.rejected_plans) == (False, "a_1", 1)
    assert analysis.recommendations[0].startswith("Collection scan detected: examined 400 documents for 5 results.")
    assert analysis.suggested_index is None


def test_a_scan_on_a_shard_of_which_much_is_wanted_names_the_shard() -> None:
    explained = servers.find_on_shards()
    explained["executionStats"]["nReturned"] = 300
    assert "Collection scan on shard 'west': examined 400" in analyse(explained).recommendations[0]


def test_a_pipeline_on_shards_is_merged_above_them() -> None:
    plan = Plan.of(servers.aggregate_on_shards())

    assert names(plan.nodes) == [
        *("$group", "$mergeCursors", "SHARD_MERGE"),
        *("$group", "COLLSCAN", "GROUP", "IXSCAN"),
    ]
    assert plan.shards == ("east", "west")
    assert (plan.documents_examined, plan.returned, plan.milliseconds) == (90, 15, 9)
    assert (names(plan.spills), plan.spills[0].memory_bytes) == (["GROUP"], 1000)
    assert names(plan.rejected) == ["COLLSCAN"]
    assert plan.index_scans[0].keys_examined == 61
    assert "Stage GROUP on shard 'west' did not fit" in analyse(servers.aggregate_on_shards()).recommendations[-1]


def test_a_pipeline_whose_shards_need_no_merge_is_read() -> None:
    explained = {**servers.aggregate_on_shards(), "splitPipeline": None}
    assert Plan.of(explained).stages == ("SHARD_MERGE", "$group", "COLLSCAN", "GROUP", "IXSCAN")


def test_the_short_cut_for_one_key_is_an_index_and_reads_its_document() -> None:
    analysis = analyse(servers.express(), indexes=[{"key": {"a": 1}, "name": "a_1"}])
    assert (analysis.uses_index, analysis.index_name, analysis.is_covered) == (True, "a_1", False)
    assert analysis.stages == ("EXPRESS_IXSCAN",)
    assert [(each.kind, each.index) for each in analysis.findings] == [("nearly_covered", {"a": 1, "b": 1})]


def test_the_short_cut_for_one_key_may_be_covered() -> None:
    explained = servers.express()
    explained["executionStats"]["totalDocsExamined"] = 0
    explained["executionStats"]["executionStages"]["projectionCovered"] = True
    assert analyse(explained).is_covered


def test_a_part_of_a_clustered_collection_is_read_by_its_key() -> None:
    analysis = analyse(servers.clustered())
    assert (analysis.uses_index, analysis.index_name, analysis.is_covered) == (True, "_id_", False)


@pytest.mark.parametrize(
    ("strategy", "scans"), [("HashJoin", True), ("NestedLoopJoin", True), ("IndexedLoopJoin", False)]
)
def test_a_join_that_is_pushed_down_tells_whether_it_scans(strategy: str, scans: bool) -> None:
    explained = servers.join_of_the_slot_based_engine(strategy)
    assert bool(Plan.of(explained).scanning_lookups) == scans
    analysis = analyse(explained, command={"aggregate": "c", "pipeline": []})
    assert analysis.indexes_used == ()
    assert [each.index for each in analysis.findings if each.kind == "lookup_without_index"] == [{"b": 1}] * scans


def test_stages_are_found_under_every_name_and_unknown_ones_are_kept() -> None:
    plan = Plan.of(servers.nested_stages())
    assert plan.stages == ("AND_SORTED", "NLJ", "IXSCAN", "BRANCH", "EOF", "BRAND_NEW", "COLLSCAN")
    assert plan.indexes_used == ("o", "t")
    assert len(plan.rejected) == 1


def test_a_sharded_union_is_walked() -> None:
    union = {"coll": "c", "pipeline": servers.aggregate_on_shards()}
    plan = Plan.of({"stages": [{"$unionWith": union, "nReturned": 9}]})
    assert (plan.root.stage if plan.root else "", plan.shards, plan.returned) == ("$unionWith", ("east", "west"), 9)


def test_what_a_node_shows_holds_no_values() -> None:
    secret = {"queryPlanner": {"winningPlan": {"stage": "COLLSCAN", "filter": {"name": {"$eq": "s3cret"}}}}}
    assert "s3cret" not in repr(Plan.of(secret))
    assert Plan.of(secret).nodes[0].detail("filter") == {"name": {"$eq": "s3cret"}}


def test_a_plan_that_holds_itself_ends() -> None:
    plan: dict[str, Any] = {"stage": "FETCH", "planNodeId": 1}
    plan["inputStage"] = plan
    explained: dict[str, Any] = {"queryPlanner": {"winningPlan": {"queryPlan": plan}}}
    explained["executionStats"] = {"executionStages": plan}
    assert Plan.of(explained).stages == ("FETCH",)

    union: dict[str, Any] = {}
    union["stages"] = [{"$unionWith": {"pipeline": union}}]
    assert Plan.of(union).stages == ("$unionWith",)


@pytest.mark.parametrize("explained", [{}, {"queryPlanner": 5}, {"stages": [5, {}]}, {"shards": {"a": None}}])
def test_what_is_no_plan_is_an_empty_one(explained: Any) -> None:
    plan = Plan.of(explained)
    assert (plan.collection_scans, plan.sorts_in_memory, plan.documents_examined) == ((), (), 0)
    assert analyse(explained).findings == ()


def test_an_unknown_count_is_none() -> None:
    stats = {"executionStages": {"stage": "FETCH", "nReturned": float("nan"), "docsExamined": True, "works": 7.0}}
    (node,) = Plan.of({"queryPlanner": {}, "executionStats": stats}).nodes
    assert (node.returned, node.documents_examined, node.works) == (None, None, 7)


WORDS = st.sampled_from(
    [
        *("queryPlanner", "executionStats", "executionStages", "winningPlan", "rejectedPlans", "queryPlan", "shards"),
        *("stage", "stages", "inputStage", "inputStages", "$cursor", "$facet", "$unionWith", "$lookup", "pipeline"),
        *(
            "planNodeId",
            "nReturned",
            "keyPattern",
            "indexName",
            "splitPipeline",
            "mergerPart",
            "command",
            "sortPattern",
        ),
        *("filter", "sort", "hint", "$match", "$and", "$or", "$expr", "a"),
    ]
)
LEAVES = st.sampled_from(["COLLSCAN", "IXSCAN", "SORT", "FETCH", "", None, 0, 5, 1.5, True, float("inf"), b"x"])
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=25
)


@given(st.dictionaries(WORDS, ANYTHING, max_size=5))
def test_no_form_of_explanation_fails(explained: dict[str, Any]) -> None:
    explained.pop("command", None)  # what was asked is well formed: the server took it
    assert Plan.of(explained).nodes is not None
    assert analyse(explained).stages == Plan.of(explained).stages
