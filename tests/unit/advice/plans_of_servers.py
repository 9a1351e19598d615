"""Explanations in forms that a single server of one version does not give."""

from __future__ import annotations

from typing import Any


def find_on_shards() -> dict[str, Any]:
    """A find that two shards answer, one by an index and one by reading its whole part."""
    index = {"stage": "IXSCAN", "indexName": "a_1", "keyPattern": {"a": 1}}
    by_index = {"stage": "FETCH", "inputStage": {"stage": "SHARDING_FILTER", "inputStage": index}}
    by_scan = {"stage": "SHARDING_FILTER", "inputStage": {"stage": "COLLSCAN", "filter": {"a": {"$eq": 5}}}}
    index_run = {**index, "nReturned": 3, "keysExamined": 3}
    index_filter = {"stage": "SHARDING_FILTER", "nReturned": 3, "inputStage": index_run}
    scan_run = {"stage": "COLLSCAN", "nReturned": 2, "docsExamined": 400}
    return {
        "queryPlanner": {
            "winningPlan": {
                "stage": "SHARD_MERGE",
                "shards": [
                    {"shardName": "east", "namespace": "x.c", "winningPlan": by_index, "rejectedPlans": [by_scan]},
                    {"shardName": "west", "namespace": "x.c", "winningPlan": by_scan, "rejectedPlans": []},
                ],
            }
        },
        "executionStats": {
            "nReturned": 5,
            "executionTimeMillis": 12,
            "totalKeysExamined": 3,
            "totalDocsExamined": 403,
            "executionStages": {
                "stage": "SHARD_MERGE",
                "nReturned": 5,
                "shards": [
                    {
                        "shardName": "west",
                        "executionStages": {"stage": "SHARDING_FILTER", "nReturned": 2, "inputStage": scan_run},
                    },
                    {
                        "shardName": "east",
                        "executionStages": {
                            "stage": "FETCH",
                            "nReturned": 3,
                            "docsExamined": 3,
                            "inputStage": index_filter,
                        },
                    },
                ],
            },
        },
        "command": {"find": "c", "filter": {"a": 5}, "$db": "x"},
        "ok": 1.0,
    }


def aggregate_on_shards() -> dict[str, Any]:
    """A pipeline whose first half runs on the shards, pushed down on one of them, and whose second half merges."""
    scan = {"stage": "COLLSCAN", "nReturned": 90, "docsExamined": 90}
    stats = {"nReturned": 90, "executionTimeMillis": 3, "totalDocsExamined": 90, "totalKeysExamined": 0}
    planner = {"namespace": "x.c", "winningPlan": {"stage": "COLLSCAN"}, "rejectedPlans": []}
    cursor = {"queryPlanner": planner, "executionStats": {**stats, "executionStages": scan}}
    slots = {"stage": "group", "planNodeId": 2, "nReturned": 7, "usedDisk": True, "memUsage": 1000}
    slots["inputStage"] = {"stage": "ixscan", "planNodeId": 1, "nReturned": 60, "numReads": 61}
    plan = {"stage": "GROUP", "planNodeId": 2}
    plan["inputStage"] = {"stage": "IXSCAN", "planNodeId": 1, "indexName": "a_1", "keyPattern": {"a": 1}}
    return {
        "mergeType": "mongos",
        "splitPipeline": {
            "shardsPart": [{"$group": {"_id": "$a"}}],
            "mergerPart": [{"$mergeCursors": {}}, {"$group": {"_id": "$$ROOT._id", "$doingMerge": True}}],
        },
        "shards": {
            "east": {"stages": [{"$cursor": cursor, "nReturned": 90}, {"$group": {"_id": "$a"}, "nReturned": 8}]},
            "west": {
                "explainVersion": "2",
                "queryPlanner": {
                    "namespace": "x.c",
                    "winningPlan": {"queryPlan": plan, "slotBasedPlan": {"stages": "[2] group"}},
                    "rejectedPlans": [{"queryPlan": {"stage": "COLLSCAN", "planNodeId": 1}}],
                },
                "executionStats": {"nReturned": 7, "executionTimeMillis": 9, "executionStages": slots},
            },
        },
    }


def express() -> dict[str, Any]:
    """The short cut of servers from 8.0 for one key."""
    plan = {"isCached": False, "stage": "EXPRESS_IXSCAN", "keyPattern": "{ a: 1 }", "indexName": "a_1"}
    run = {**plan, "nReturned": 1, "keysExamined": 1, "docsExamined": 1}
    stats = {"nReturned": 1, "totalKeysExamined": 1, "totalDocsExamined": 1, "executionStages": run}
    return {
        "queryPlanner": {"namespace": "x.c", "winningPlan": plan, "rejectedPlans": []},
        "executionStats": stats,
        "command": {"find": "c", "filter": {"a": 5}, "projection": {"a": 1, "b": 1, "_id": 0}},
    }


def clustered() -> dict[str, Any]:
    """A collection that is stored in the order of its keys, read in part."""
    plan = {"stage": "CLUSTERED_IXSCAN", "minRecord": 1, "maxRecord": 5, "filter": {"_id": {"$lt": 5}}}
    return {"queryPlanner": {"namespace": "x.c", "winningPlan": plan, "rejectedPlans": []}}


def join_of_the_slot_based_engine(strategy: str) -> dict[str, Any]:
    """A `$lookup` that is pushed down."""
    plan: dict[str, Any] = {"stage": "EQ_LOOKUP_UNWIND", "planNodeId": 2, "foreignCollection": "x.o"}
    plan |= {"foreignField": "b", "strategy": strategy, "indexName": "b_1" if strategy == "IndexedLoopJoin" else ""}
    plan["inputStage"] = {"stage": "COLLSCAN", "planNodeId": 1}
    return {"queryPlanner": {"namespace": "x.c", "winningPlan": {"queryPlan": plan}, "rejectedPlans": []}}


def nested_stages() -> dict[str, Any]:
    """Stages that feed others under every name that servers have used, and one that none has."""
    branch = {"stage": "BRANCH", "thenStage": {"stage": "IXSCAN", "indexName": "t"}, "elseStage": {"stage": "EOF"}}
    loop = {"stage": "NLJ", "outerStage": {"stage": "IXSCAN", "indexName": "o"}, "innerStage": branch}
    new = {"stage": "BRAND_NEW", "feeders": [{"stage": "COLLSCAN"}, {"stage": 5}, "text"], "odd": {"stage": None}}
    both = {"stage": "AND_SORTED", "inputStages": [loop, new]}
    return {"queryPlanner": {"namespace": "x.c", "winningPlan": both, "rejectedPlans": [branch, "text"]}}
