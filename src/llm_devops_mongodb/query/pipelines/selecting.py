"""Stages that choose documents and put them in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.fields import name_of
from llm_devops_mongodb.query.pipelines.expressions import given, keys_of
from llm_devops_mongodb.query.pipelines.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.options import Filter, Sort
    from llm_devops_mongodb.query.fields import Field


class Selecting(Stages):
    """`$match`, `$redact`, `$sort`, `$skip`, `$limit`, `$sample` and `$geoNear`."""

    __slots__ = ()

    def match_stage(self, filter: Filter) -> Self:
        """Keep the documents that match.

        At the head of a pipeline it may use an index. `$where` and `$near` may not stand in it.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/match/)

        Args:
            filter: A mapping or a `FilterBuilder`.

        Example:
            >>> PipelineBuilder().match_stage({"age": {"$gte": 18}}).build()
            [{'$match': {'age': {'$gte': 18}}}]
        """
        return self._with("$match", filter)

    def redact(self, expression: Any) -> Self:
        """Keep, cut or go down into each document and those in it, as an expression says of each.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/redact/)

        Args:
            expression: One that gives `$$KEEP`, `$$PRUNE` or `$$DESCEND`.

        Example:
            >>> PipelineBuilder().redact({"$cond": ["$open", "$$DESCEND", "$$PRUNE"]}).build()
            [{'$redact': {'$cond': ['$open', '$$DESCEND', '$$PRUNE']}}]
        """
        return self._with("$redact", expression_of(expression))

    def sort(self, by: Sort) -> Self:
        """Put documents in order. Without an index the server sorts 100 MB in memory, and then on disk if it may.

        Equal documents come in any order: end with a unique field, such as `_id`, where that matters.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/sort/)

        Args:
            by: Fields and directions (1, -1, or `{"$meta": "textScore"}`), at most 32, most significant first: a
                mapping, pairs, or the name of one field.

        Example:
            >>> PipelineBuilder().sort({"age": -1, "_id": 1}).build()
            [{'$sort': {'age': -1, '_id': 1}}]
            >>> PipelineBuilder().sort("age").build()
            [{'$sort': {'age': 1}}]
        """
        return self._with("$sort", keys_of("$sort", by))

    def skip(self, count: int) -> Self:
        """Pass over the first `count` documents; the server reads them all the same.

        Example:
            >>> PipelineBuilder().skip(20).build()
            [{'$skip': 20}]
        """
        return self._with("$skip", count)

    def limit(self, count: int) -> Self:
        """Keep the first `count` documents; at least 1.

        Example:
            >>> PipelineBuilder().limit(10).build()
            [{'$limit': 10}]
        """
        return self._with("$limit", count)

    def sample(self, size: int) -> Self:
        """Keep `size` documents by chance; one may come twice.

        As the first stage, and of less than a twentieth of a collection with at least 100 documents, it reads only
        those; else it reads and sorts everything.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/sample/)

        Example:
            >>> PipelineBuilder().sample(3).build()
            [{'$sample': {'size': 3}}]
        """
        return self._with("$sample", {"size": size})

    def geo_near(
        self,
        near: Mapping[str, Any] | Sequence[float],
        *,
        distance_field: str | Field[Any],
        key: str | Field[Any] | None = None,
        min_distance: float | None = None,
        max_distance: float | None = None,
        query: Filter | None = None,
        spherical: bool | None = None,
        distance_multiplier: float | None = None,
        include_locs: str | Field[Any] | None = None,
    ) -> Self:
        """Begin with documents in order of their distance. It must be the first stage, and needs a geospatial index.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/geoNear/)

        Args:
            near: A GeoJSON point, for distances in metres; or a pair of longitude and latitude, for radians.
            distance_field: Gets the distance.
            key: The indexed field; needed where there are several geospatial indexes.
            min_distance: Keep what is at least as far.
            max_distance: Keep what is at most as far.
            query: Keep what matches; `$near` may not stand in it.
            spherical: Measure on a sphere. With a `2dsphere` index the server does so anyway.
            distance_multiplier: Multiplies the distances told.
            include_locs: Gets the location that was nearest.

        Example:
            >>> PipelineBuilder().geo_near([2.35, 48.85], distance_field="far", max_distance=0.1).build()
            [{'$geoNear': {'near': [2.35, 48.85], 'distanceField': 'far', 'maxDistance': 0.1}}]
        """
        options = given(
            near=near,
            distance_field=name_of(distance_field),
            key=None if key is None else name_of(key),
            min_distance=min_distance,
            max_distance=max_distance,
            query=query,
            spherical=spherical,
            distance_multiplier=distance_multiplier,
            include_locs=None if include_locs is None else name_of(include_locs),
        )
        return self._with("$geoNear", options)
