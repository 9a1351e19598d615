"""Stages that bring in documents of other collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.fields import name_of
from llm_devops_mongodb.query.pipelines.expressions import given, named
from llm_devops_mongodb.query.pipelines.stages import Stages
from llm_devops_mongodb.validation.values import built

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.options import Filter, Pipeline
    from llm_devops_mongodb.query.fields import Field


class Joining(Stages):
    """`$lookup`, `$graphLookup` and `$unionWith`."""

    __slots__ = ()

    def lookup(
        self,
        from_: str,
        *,
        local_field: str | Field[Any],
        foreign_field: str | Field[Any],
        as_: str | Field[Any],
    ) -> Self:
        """Add an array of the documents of another collection whose field equals one here.

        A missing field counts as null. Without an index on `foreign_field` every document reads the other collection.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/lookup/)

        Args:
            from_: A collection of the same database.
            local_field: The field here.
            foreign_field: The field there.
            as_: Gets the array.

        Example:
            >>> PipelineBuilder().lookup("users", local_field="user_id", foreign_field="_id", as_="user").build()
            [{'$lookup': {'from': 'users', 'localField': 'user_id', 'foreignField': '_id', 'as': 'user'}}]
        """
        options = given(
            from_=from_, local_field=name_of(local_field), foreign_field=name_of(foreign_field), as_=name_of(as_)
        )
        return self._with("$lookup", options)

    def lookup_pipeline(
        self,
        from_: str | None,
        *,
        pipeline: Pipeline,
        as_: str | Field[Any],
        let: Mapping[str, Any] | None = None,
        local_field: str | Field[Any] | None = None,
        foreign_field: str | Field[Any] | None = None,
    ) -> Self:
        """Add an array of what a pipeline finds in another collection.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/lookup/)

        Args:
            from_: A collection of the same database; None where the pipeline begins with `documents`.
            pipeline: Runs there for every document here. `$out` and `$merge` may not stand in it.
            as_: Gets the array.
            let: Variables for the pipeline, `$$name` in its expressions; a `$match` reads them under `$expr`.
            local_field: Compare this field too,
            foreign_field: with that there; both or neither. Servers from 5.0.

        Example:
            >>> orders = PipelineBuilder().match_stage({"$expr": {"$eq": ["$user", "$$id"]}}).limit(3)
            >>> PipelineBuilder().lookup_pipeline("orders", let={"id": "$_id"}, pipeline=orders, as_="o").build()[0]
            {'$lookup': {'from': 'orders', 'let': {'id': '$_id'}, 'pipeline': [{'$match': {'$expr': {'$eq': ['$user', '$$id']}}}, {'$limit': 3}], 'as': 'o'}}
        """  # noqa: E501  # what it prints
        options = given(
            from_=from_,
            local_field=None if local_field is None else name_of(local_field),
            foreign_field=None if foreign_field is None else name_of(foreign_field),
            let=None if let is None else named("$lookup.let", let),
            pipeline=built(pipeline),
            as_=name_of(as_),
        )
        return self._with("$lookup", options)

    def graph_lookup(
        self,
        from_: str,
        *,
        start_with: Any,
        connect_from_field: str | Field[Any],
        connect_to_field: str | Field[Any],
        as_: str | Field[Any],
        max_depth: int | None = None,
        depth_field: str | Field[Any] | None = None,
        restrict_search_with_match: Filter | None = None,
    ) -> Self:
        """Add an array of the documents that can be reached from here, step by step, in no order.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/graphLookup/)

        Args:
            from_: A collection of the same database.
            start_with: An expression for the first values to look for.
            connect_from_field: The field whose value is looked for next,
            connect_to_field: and the field it is looked for in; an index there is used.
            as_: Gets the array.
            max_depth: Steps after the first; 0 is a plain lookup. Without bound by default.
            depth_field: Gets the number of steps.
            restrict_search_with_match: Go only to what matches.

        Example:
            >>> PipelineBuilder().graph_lookup(
            ...     "staff", start_with="$boss", connect_from_field="boss", connect_to_field="_id", as_="above"
            ... ).build()[0]["$graphLookup"]["startWith"]
            '$boss'
        """
        options = given(
            from_=from_,
            start_with=expression_of(start_with),
            connect_from_field=name_of(connect_from_field),
            connect_to_field=name_of(connect_to_field),
            as_=name_of(as_),
            max_depth=max_depth,
            depth_field=None if depth_field is None else name_of(depth_field),
            restrict_search_with_match=restrict_search_with_match,
        )
        return self._with("$graphLookup", options)

    def union_with(self, collection: str | None, pipeline: Pipeline | None = None) -> Self:
        """Add the documents of another collection after those here; equal ones stay twice.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/unionWith/)

        Args:
            collection: One of the same database; None where the pipeline begins with `documents`.
            pipeline: Runs there first. `$out` and `$merge` may not stand in it.

        Example:
            >>> PipelineBuilder().union_with("archive", [{"$match": {"year": 2020}}]).build()
            [{'$unionWith': {'coll': 'archive', 'pipeline': [{'$match': {'year': 2020}}]}}]
        """
        return self._with("$unionWith", given(coll=collection, pipeline=built(pipeline)))
