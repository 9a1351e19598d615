"""Stages that change the form of each document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.fields import Field, name_of
from llm_devops_mongodb.query.pipelines.expressions import array_path, given, named, paths_of
from llm_devops_mongodb.query.pipelines.stages import Stages
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Shaping(Stages):
    """`$project`, `$addFields`, `$set`, `$unset`, `$replaceRoot`, `$replaceWith` and `$unwind`."""

    __slots__ = ()

    def project(self, fields: Mapping[Any, Any] | Sequence[str | Field[Any]]) -> Self:
        """Keep these fields, or drop these, or compute some.

        `_id` stays unless it is dropped by name; apart from it a projection does not both keep and drop.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/project/)

        Args:
            fields: Names to keep; or fields with 1 to keep, 0 to drop or an expression each.

        Example:
            >>> PipelineBuilder().project({"_id": 0, "name": 1, "total": {"$sum": "$prices"}}).build()
            [{'$project': {'_id': 0, 'name': 1, 'total': {'$sum': '$prices'}}}]
            >>> PipelineBuilder().project(["name", "age"]).build()
            [{'$project': {'name': 1, 'age': 1}}]
        """
        spec = named("$project", fields) if is_mapping(fields) else dict.fromkeys(paths_of("$project", fields), 1)
        return self._with("$project", spec)

    def add_fields(self, fields: Mapping[Any, Any]) -> Self:
        """Add fields, or replace them, and keep all others.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/addFields/)

        Args:
            fields: Fields with an expression each. A text that begins with `$` is a path: put one that is none under
                `$literal`.

        Example:
            >>> PipelineBuilder().add_fields({"total": {"$sum": "$prices"}, "currency": "EUR"}).build()
            [{'$addFields': {'total': {'$sum': '$prices'}, 'currency': 'EUR'}}]
        """
        return self._with("$addFields", named("$addFields", fields))

    def set_fields(self, fields: Mapping[Any, Any]) -> Self:
        """Do what `add_fields` does, under the server's other name for it.

        Example:
            >>> PipelineBuilder().set_fields({"address.city": "$city"}).build()
            [{'$set': {'address.city': '$city'}}]
        """
        return self._with("$set", named("$set", fields))

    def unset_fields(self, *fields: str | Field[Any] | Sequence[str | Field[Any]]) -> Self:
        """Drop fields.

        Args:
            fields: Their paths, one by one or as a list; none may be another, or stand in another.

        Example:
            >>> PipelineBuilder().unset_fields("password", "address.street").build()
            [{'$unset': ['password', 'address.street']}]
        """
        paths: list[str] = []
        for item in fields:
            paths += [name_of(item)] if isinstance(item, (str, Field)) else paths_of("$unset", item)
        return self._with("$unset", paths)

    def replace_root(self, new_root: Any) -> Self:
        """Put another document in the place of each.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/replaceRoot/)

        Args:
            new_root: An expression that gives a document; where it gives none the server fails.

        Example:
            >>> PipelineBuilder().replace_root("$address").build()
            [{'$replaceRoot': {'newRoot': '$address'}}]
        """
        return self._with("$replaceRoot", {"newRoot": expression_of(new_root)})

    def replace_with(self, replacement: Any) -> Self:
        """Do what `replace_root` does, under the server's shorter name for it.

        Example:
            >>> PipelineBuilder().replace_with({"$mergeObjects": [{"city": ""}, "$address"]}).build()
            [{'$replaceWith': {'$mergeObjects': [{'city': ''}, '$address']}}]
        """
        return self._with("$replaceWith", expression_of(replacement))

    def unwind(
        self,
        path: str | Field[Any],
        *,
        include_array_index: str | Field[Any] | None = None,
        preserve_null_and_empty_arrays: bool | None = None,
    ) -> Self:
        """Make of each document one for every element of an array.

        A value that is no array counts as an array of it.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/unwind/)

        Args:
            path: The array, with or without `$` at its head.
            include_array_index: Gets the element's position.
            preserve_null_and_empty_arrays: Keep a document whose array is empty, null or missing; by default it goes.

        Example:
            >>> PipelineBuilder().unwind("items").build()
            [{'$unwind': {'path': '$items'}}]
            >>> PipelineBuilder().unwind("$items", include_array_index="position").build()
            [{'$unwind': {'path': '$items', 'includeArrayIndex': 'position'}}]
        """
        options = given(
            path=array_path(path),
            include_array_index=None if include_array_index is None else name_of(include_array_index),
            preserve_null_and_empty_arrays=preserve_null_and_empty_arrays,
        )
        return self._with("$unwind", options)
