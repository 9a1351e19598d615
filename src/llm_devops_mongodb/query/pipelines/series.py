"""Stages that see each document among its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.fields import name_of
from llm_devops_mongodb.query.pipelines.expressions import given, keys_of, named, paths_of
from llm_devops_mongodb.query.pipelines.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.options import Sort
    from llm_devops_mongodb.query.fields import Field

Unit = Literal["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"]
"""A unit of time."""


class Series(Stages):
    """`$setWindowFields`, `$densify` and `$fill`."""

    __slots__ = ()

    def set_window_fields(
        self,
        *,
        output: Mapping[Any, Any],
        partition_by: Any = None,
        sort_by: Sort | None = None,
    ) -> Self:
        """Add fields that are computed over a window of documents around each.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/)

        Args:
            output: Fields with an operator each, and perhaps a `window` beside it: `{"documents": [from, to]}` by
                position, or `{"range": [from, to]}` by the value of `sort_by`, for dates with a `unit`. A bound is a
                number, `"current"` or `"unbounded"`. Without a window it is the whole partition.
            partition_by: An expression; documents of different values do not see each other.
            sort_by: The order in a partition, needed by ranks, shifts and windows.

        Example:
            >>> PipelineBuilder().set_window_fields(
            ...     partition_by="$account",
            ...     sort_by="day",
            ...     output={"balance": {"$sum": "$amount", "window": {"documents": ["unbounded", "current"]}}},
            ... ).build()[0]["$setWindowFields"]["sortBy"]
            {'day': 1}
        """
        options = given(
            partition_by=expression_of(partition_by),
            sort_by=None if sort_by is None else keys_of("$setWindowFields.sortBy", sort_by),
            output=named("$setWindowFields.output", output),
        )
        return self._with("$setWindowFields", options)

    def densify(
        self,
        field: str | Field[Any],
        *,
        step: float,
        bounds: Literal["full", "partition"] | Sequence[Any],
        unit: Unit | None = None,
        partition_by_fields: Sequence[str | Field[Any]] | None = None,
    ) -> Self:
        """Add documents where a sequence of numbers or dates has gaps. They hold only the field and the partition's.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/densify/)

        Args:
            field: The field of numbers or dates.
            step: From one to the next; more than 0, and whole for dates.
            bounds: From where to where: `"full"`, over all documents; `"partition"`, over each partition; or two
                values, of which the upper is left out.
            unit: Of `step`, for dates and only for them.
            partition_by_fields: Fields of whose every combination the sequence is filled.

        Example:
            >>> PipelineBuilder().densify("at", step=1, unit="hour", bounds="full").build()
            [{'$densify': {'field': 'at', 'range': {'step': 1, 'unit': 'hour', 'bounds': 'full'}}}]
        """
        parted = None if partition_by_fields is None else paths_of("$densify.partitionByFields", partition_by_fields)
        options = given(
            field=name_of(field),
            partition_by_fields=parted,
            range=given(step=step, unit=unit, bounds=bounds),
        )
        return self._with("$densify", options)

    def fill(
        self,
        *,
        output: Mapping[Any, Any],
        sort_by: Sort | None = None,
        partition_by: Any = None,
        partition_by_fields: Sequence[str | Field[Any]] | None = None,
    ) -> Self:
        """Give a value to fields that are null or missing.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/fill/)

        Args:
            output: Fields with `{"value": expression}`, `{"method": "locf"}` for the last value before, or
                `{"method": "linear"}` for one between its neighbours.
            sort_by: The order of the documents; of exactly one field for `linear`.
            partition_by: An expression to part the documents by. Servers up to 6.0 take a document only.
            partition_by_fields: Fields to part them by, instead.

        Example:
            >>> PipelineBuilder().fill(sort_by="at", output={"price": {"method": "locf"}}).build()
            [{'$fill': {'sortBy': {'at': 1}, 'output': {'price': {'method': 'locf'}}}}]
        """
        parted = None if partition_by_fields is None else paths_of("$fill.partitionByFields", partition_by_fields)
        options = given(
            partition_by=expression_of(partition_by),
            partition_by_fields=parted,
            sort_by=None if sort_by is None else keys_of("$fill.sortBy", sort_by),
            output=named("$fill.output", output),
        )
        return self._with("$fill", options)
