"""The seed's own test of the pipeline builder (section 6.1), in Python."""

from llm_devops_mongodb.query.pipelines import PipelineBuilder


def test_aggregation_pipeline():
    pipeline = (
        PipelineBuilder()
        .match_stage({"status": "active"})
        .group("$region", {"count": {"$sum": 1}})
        .sort({"count": -1})
        .limit(10)
        .build()
    )

    assert len(pipeline) == 4
    assert "$match" in pipeline[0]
    assert "$group" in pipeline[1]
    assert "$sort" in pipeline[2]
    assert "$limit" in pipeline[3]
