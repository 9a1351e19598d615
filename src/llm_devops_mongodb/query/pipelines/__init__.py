"""The builder of aggregation pipelines, a part of it for each nature of stages."""

from llm_devops_mongodb.query.pipelines.builder import PipelineBuilder

__all__ = ["PipelineBuilder"]
