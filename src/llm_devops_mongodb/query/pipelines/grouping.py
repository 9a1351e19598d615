"""Stages that make few documents of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.query.built import array_of, refusal
from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.pipelines.expressions import given, named
from llm_devops_mongodb.query.pipelines.stages import Stages
from llm_devops_mongodb.validation.values import built, is_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.options import Pipeline


class Grouping(Stages):
    """`$group`, `$bucket`, `$bucketAuto`, `$sortByCount`, `$count` and `$facet`."""

    __slots__ = ()

    def group(self, id: Any, fields: Mapping[Any, Any] | None = None) -> Self:
        """Make one document of all that have the same `id`.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/)

        Args:
            id: An expression, which becomes the `_id`; None makes one group of everything.
            fields: Names, without dots, with an accumulator each. Without them only the ids come out.

        Example:
            >>> PipelineBuilder().group("$region", {"count": {"$sum": 1}}).build()
            [{'$group': {'_id': '$region', 'count': {'$sum': 1}}}]
        """
        accumulators = named("$group", {} if fields is None else fields)
        if "_id" in accumulators:
            raise refusal("$group._id", "is given twice: as the id and among the fields")
        return self._with("$group", {"_id": expression_of(id), **accumulators})

    def bucket(
        self,
        group_by: Any,
        *,
        boundaries: Sequence[Any],
        default: Any = ...,
        output: Mapping[Any, Any] | None = None,
    ) -> Self:
        """Put documents into buckets; the `_id` of each is its lower boundary, which belongs to it.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucket/)

        Args:
            group_by: The expression to go by.
            boundaries: At least two values of one type, each greater than the one before.
            default: The `_id` of a bucket for all others, not between the boundaries; None is one, null. Without it
                the server fails when it meets one.
            output: Names with an accumulator each; `{"count": {"$sum": 1}}` by default.

        Example:
            >>> PipelineBuilder().bucket("$age", boundaries=[0, 18, 65], default="older").build()
            [{'$bucket': {'groupBy': '$age', 'boundaries': [0, 18, 65], 'default': 'older'}}]
        """
        options = given(
            group_by=expression_of(group_by),
            boundaries=array_of("$bucket.boundaries", boundaries),
            output=None if output is None else named("$bucket.output", output),
        )
        if default is not ...:
            options["default"] = default
        return self._with("$bucket", options)

    def bucket_auto(
        self,
        group_by: Any,
        *,
        buckets: int,
        output: Mapping[Any, Any] | None = None,
        granularity: str | None = None,
    ) -> Self:
        """Put documents into at most so many buckets, about equally full, with boundaries that the server chooses.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucketAuto/)

        Args:
            group_by: The expression to go by.
            buckets: How many, at least 1.
            output: As for `bucket`.
            granularity: Preferred numbers for the boundaries, such as `"R5"`, `"1-2-5"` or `"POWERSOF2"`.

        Example:
            >>> PipelineBuilder().bucket_auto("$price", buckets=4).build()
            [{'$bucketAuto': {'groupBy': '$price', 'buckets': 4}}]
        """
        options = given(
            group_by=expression_of(group_by),
            buckets=buckets,
            output=None if output is None else named("$bucketAuto.output", output),
            granularity=granularity,
        )
        return self._with("$bucketAuto", options)

    def sort_by_count(self, expression: Any) -> Self:
        """Count the documents for each value of an expression, most frequent first.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/sortByCount/)

        Example:
            >>> PipelineBuilder().sort_by_count("$tag").build()
            [{'$sortByCount': '$tag'}]
        """
        return self._with("$sortByCount", expression_of(expression))

    def count(self, field: str = "count") -> Self:
        """Count the documents, into one document with the field `field`; of no documents comes none, and not 0.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/count/)

        Example:
            >>> PipelineBuilder().count("total").build()
            [{'$count': 'total'}]
        """
        return self._with("$count", field)

    def facet(self, facets: Mapping[str, Pipeline]) -> Self:
        """Run several pipelines over the same documents, into one document with an array for each.

        What comes out is one document, and bound by its 16 MiB. Only the stages before it can use an index.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/facet/)

        Args:
            facets: Names of the arrays, without dots, and their pipelines. Stages that begin or end a pipeline, and
                another `$facet`, may not stand in them.

        Example:
            >>> PipelineBuilder().facet({"top": PipelineBuilder().limit(3), "all": [{"$count": "n"}]}).build()
            [{'$facet': {'top': [{'$limit': 3}], 'all': [{'$count': 'n'}]}}]
        """
        pipelines: Any = facets
        if is_mapping(facets):
            pipelines = {name: built(pipeline) for name, pipeline in facets.items()}
        return self._with("$facet", pipelines)
