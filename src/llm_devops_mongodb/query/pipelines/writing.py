"""Stages that end a pipeline by writing what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from llm_devops_mongodb.query.fields import Field, name_of
from llm_devops_mongodb.query.pipelines.expressions import given, named, paths_of
from llm_devops_mongodb.query.pipelines.stages import Stages
from llm_devops_mongodb.validation.values import built

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.options import Pipeline

WhenMatched = Literal["replace", "keepExisting", "merge", "fail"]
"""What `$merge` does with a document that is there."""

WhenNotMatched = Literal["insert", "discard", "fail"]
"""What `$merge` does with a document that is not there."""


class Writing(Stages):
    """`$out` and `$merge`: no stage may follow."""

    __slots__ = ()

    def out(self, collection: str, *, database: str | None = None) -> Self:
        """Put a collection with the result in the place of `collection`, whole or not at all.

        Its indexes stay. Nothing comes back.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/out/)

        Args:
            collection: Is made, or replaced.
            database: That of the aggregation by default.

        Example:
            >>> PipelineBuilder().out("totals").build()
            [{'$out': 'totals'}]
            >>> PipelineBuilder().out("totals", database="reports").build()
            [{'$out': {'db': 'reports', 'coll': 'totals'}}]
        """
        return self._with("$out", collection if database is None else {"db": database, "coll": collection})

    def merge(
        self,
        into: str | Mapping[str, Any],
        *,
        on: str | Field[Any] | Sequence[str | Field[Any]] | None = None,
        when_matched: WhenMatched | Pipeline | None = None,
        when_not_matched: WhenNotMatched | None = None,
        let: Mapping[str, Any] | None = None,
    ) -> Self:
        """Write the result into a collection, document by document. Nothing comes back.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/merge/)

        Args:
            into: A collection of the same database, or `{"db": …, "coll": …}`. It is made where there is none.
            on: The fields that tell whether a document is there; a unique index must be on them. `_id` by default.
            when_matched: `"merge"` by default; or a pipeline of the stages that an update may have, in which `$$new`
                is the new document.
            when_not_matched: `"insert"` by default.
            let: Variables for that pipeline, instead of `new`.

        Example:
            >>> PipelineBuilder().merge("totals", on="region", when_matched="replace").build()
            [{'$merge': {'into': 'totals', 'on': 'region', 'whenMatched': 'replace'}}]
        """
        keys: Any = on
        if on is not None:
            keys = name_of(on) if isinstance(on, (str, Field)) else paths_of("$merge.on", on)
        options = given(
            into=into,
            on=keys,
            let=None if let is None else named("$merge.let", let),
            when_matched=built(when_matched),
            when_not_matched=when_not_matched,
        )
        return self._with("$merge", options)
