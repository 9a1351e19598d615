"""The builder of aggregation pipelines."""

from __future__ import annotations

from llm_devops_mongodb.query.pipelines.grouping import Grouping
from llm_devops_mongodb.query.pipelines.inspecting import Inspecting
from llm_devops_mongodb.query.pipelines.joining import Joining
from llm_devops_mongodb.query.pipelines.searching import Searching
from llm_devops_mongodb.query.pipelines.selecting import Selecting
from llm_devops_mongodb.query.pipelines.series import Series
from llm_devops_mongodb.query.pipelines.shaping import Shaping
from llm_devops_mongodb.query.pipelines.writing import Writing


class PipelineBuilder(Selecting, Shaping, Grouping, Series, Joining, Searching, Inspecting, Writing):
    """An aggregation pipeline, stage by stage. It never changes: each method returns a new one.

    There is a method for every stage of MongoDB 6.0, and `stage` for any other. Options have MongoDB's names in
    snake_case; None leaves an option out. A field is a dotted path or a `Field` taken from a model, which stands for
    the field's value where an expression is wanted. A pipeline inside a stage is a sequence or another builder, and is
    built at once.

    Whatever the server would refuse for its form is refused by the method, with an `InvalidDocumentError` whose `path`
    is that in the pipeline, as in `1.$lookup.pipeline.0.$out`: a stage where it may not stand, options that contradict
    each other, a misspelt operator in a filter. What an expression holds is left to the server.
    Two are equal when they build the same stages in the same order, with their fields in the same order.
    (https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/)

    Example:
        >>> (
        ...     PipelineBuilder()
        ...     .match_stage({"status": "active"})
        ...     .group("$region", {"count": {"$sum": 1}})
        ...     .limit(10)
        ...     .build()
        ... )
        [{'$match': {'status': 'active'}}, {'$group': {'_id': '$region', 'count': {'$sum': 1}}}, {'$limit': 10}]
    """

    __slots__ = ()
