"""Advice: sizes of pools and batches, projections, and what a query plan says. Values in, values out."""

from llm_devops_mongodb.advice.analysis import analyse
from llm_devops_mongodb.advice.batches import optimal_batch_size
from llm_devops_mongodb.advice.indexes import suggest_index
from llm_devops_mongodb.advice.plans import Plan, PlanNode
from llm_devops_mongodb.advice.pools import PoolSizeRecommendation, recommend_pool_size
from llm_devops_mongodb.advice.projections import optimize_projection

__all__ = [
    "Plan",
    "PlanNode",
    "PoolSizeRecommendation",
    "analyse",
    "optimal_batch_size",
    "optimize_projection",
    "recommend_pool_size",
    "suggest_index",
]
