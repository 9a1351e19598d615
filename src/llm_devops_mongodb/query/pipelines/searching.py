"""Stages of MongoDB Search, which Atlas has, and self-managed servers from 8.2 on with a search node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from bson import Binary

from llm_devops_mongodb.query.built import array_of, refusal
from llm_devops_mongodb.query.fields import name_of
from llm_devops_mongodb.query.pipelines.expressions import given
from llm_devops_mongodb.query.pipelines.stages import Stages
from llm_devops_mongodb.validation.values import is_mapping, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.options import Filter
    from llm_devops_mongodb.query.fields import Field


class Searching(Stages):
    """`$search`, `$searchMeta`, `$vectorSearch` and `$listSearchIndexes`: each the first stage."""

    __slots__ = ()

    def search(
        self,
        operator: Mapping[str, Any],
        *,
        index: str | None = None,
        highlight: Mapping[str, Any] | None = None,
        concurrent: bool | None = None,
        count: Mapping[str, Any] | None = None,
        search_after: str | None = None,
        search_before: str | None = None,
        score_details: bool | None = None,
        sort: Mapping[str, Any] | None = None,
        return_stored_source: bool | None = None,
        return_scope: Mapping[str, Any] | None = None,
        tracking: Mapping[str, Any] | None = None,
    ) -> Self:
        """Begin with the documents that a full-text search finds, best first.

        (https://www.mongodb.com/docs/atlas/atlas-search/aggregation-stages/search/)

        Args:
            operator: The operator or collector with its options, as in `{"text": {"query": "tea", "path": "title"}}`.
            index: The search index; `default` by default.
            highlight: Shows the terms found where they stand.
            concurrent: Search segments at once, on search nodes.
            count: How to count what is found, for `$$SEARCH_META`.
            search_after: A token (`{"$meta": "searchSequenceToken"}`) after which to begin;
            search_before: or before which to end, not both.
            score_details: Keep how each score came about.
            sort: Fields and directions, instead of the score.
            return_stored_source: Return what the index stores, without reading the documents.
            return_scope: Return embedded documents: `{"path": …}`.
            tracking: Terms to collect for analytics.

        Example:
            >>> PipelineBuilder().search({"text": {"query": "tea", "path": "title"}}, index="titles").build()
            [{'$search': {'index': 'titles', 'text': {'query': 'tea', 'path': 'title'}}}]
        """
        if search_after is not None and search_before is not None:
            raise refusal("$search", "takes 'searchAfter' or 'searchBefore', not both")
        options = given(
            highlight=highlight,
            concurrent=concurrent,
            count=count,
            search_after=search_after,
            search_before=search_before,
            score_details=score_details,
            sort=sort,
            return_stored_source=return_stored_source,
            return_scope=return_scope,
            tracking=tracking,
        )
        return self._with("$search", _searched("$search", operator, index=index, options=options))

    def search_meta(
        self, operator: Mapping[str, Any], *, index: str | None = None, count: Mapping[str, Any] | None = None
    ) -> Self:
        """Begin with one document that tells how much a full-text search finds: counts and facets.

        (https://www.mongodb.com/docs/atlas/atlas-search/aggregation-stages/searchMeta/)

        Args:
            operator: As for `search`; or the `facet` collector.
            index: The search index; `default` by default.
            count: `{"type": "total"}` counts exactly; a lower bound by default.

        Example:
            >>> PipelineBuilder().search_meta({"exists": {"path": "title"}}, count={"type": "total"}).build()
            [{'$searchMeta': {'exists': {'path': 'title'}, 'count': {'type': 'total'}}}]
        """
        return self._with("$searchMeta", _searched("$searchMeta", operator, index=index, options=given(count=count)))

    def vector_search(
        self,
        *,
        index: str,
        path: str | Field[Any],
        query_vector: Sequence[float] | Binary,
        limit: int,
        num_candidates: int | None = None,
        exact: bool | None = None,
        filter: Filter | None = None,
    ) -> Self:
        """Begin with the documents whose vectors are nearest.

        (https://www.mongodb.com/docs/atlas/atlas-vector-search/vector-search-stage/)

        Args:
            index: The vector search index.
            path: The field of vectors.
            query_vector: As many numbers as the index has dimensions, or a BSON vector.
            limit: Documents to return.
            num_candidates: Neighbours to consider, at least `limit`; 20 times as many is a good beginning.
            exact: Compare every vector, without `num_candidates`.
            filter: Consider only what matches; its fields must be in the index.

        Example:
            >>> PipelineBuilder().vector_search(
            ...     index="plots", path="plot", query_vector=[0.1, 0.2], limit=5, num_candidates=100
            ... ).build()[0]["$vectorSearch"]["numCandidates"]
            100
        """
        if num_candidates is None and not exact:
            raise refusal("$vectorSearch", "takes 'numCandidates', or 'exact' to consider every vector")
        options = given(
            exact=exact,
            filter=filter,
            index=index,
            limit=limit,
            num_candidates=num_candidates,
            path=name_of(path),
            query_vector=_vector(query_vector),
        )
        return self._with("$vectorSearch", options)

    def list_search_indexes(self, *, id: str | None = None, name: str | None = None) -> Self:
        """Begin with the collection's search indexes, of Atlas from 6.0.7: all, or one by its id or its name.

        Example:
            >>> PipelineBuilder().list_search_indexes(name="default").build()
            [{'$listSearchIndexes': {'name': 'default'}}]
        """
        if id is not None and name is not None:
            raise refusal("$listSearchIndexes", "takes 'id' or 'name', not both")
        return self._with("$listSearchIndexes", given(id=id, name=name))


def _searched(stage: str, operator: Any, *, index: str | None, options: dict[str, Any]) -> dict[str, Any]:
    if not is_mapping(operator) or not operator:
        raise refusal(stage, "takes a document with an operator or a collector, as in {'text': {…}}")
    around = {**given(index=index), **options}
    twice = sorted(around.keys() & operator.keys())
    if twice:
        raise refusal(f"{stage}.{twice[0]}", "is given twice: beside the operator and by name")
    return {**given(index=index), **operator, **options}


def _vector(vector: Any) -> Any:
    if isinstance(vector, Binary):
        return vector
    numbers = array_of("$vectorSearch.queryVector", vector)
    if not numbers or not all(is_number(number) for number in numbers):
        raise refusal("$vectorSearch.queryVector", "takes at least one number, and nothing else")
    return numbers
