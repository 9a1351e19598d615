"""The query that is explained, as far as advice needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.conditions import Conditions
from llm_devops_mongodb.advice.indexes import sort_pairs
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NATURAL = "$natural"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedQuery:
    """What a command asks of its collection.

    Attributes:
        conditions: What the filter asks of which field.
        sort: Fields and directions.
        projection: The fields to return; None returns whole documents.
        skip: How many documents are passed over.
        limit: How many are returned at most; 0 is no limit.
        hint: The index that was named, by its name or its fields and directions.
        collation: How strings compare.
        is_pipeline: Whether stages follow that may return fewer documents than they are given.
    """

    conditions: Conditions = field(default_factory=Conditions)
    sort: tuple[tuple[str, Any], ...] = ()
    projection: Mapping[str, Any] | None = field(default=None, repr=False)
    skip: int = 0
    limit: int = 0
    hint: str | Mapping[str, Any] | None = None
    collation: Mapping[str, Any] | None = None
    is_pipeline: bool = False

    @classmethod
    def of_command(cls, command: Mapping[str, Any]) -> ExplainedQuery:
        """Take what a command asks: `find`, `aggregate` up to its first stage that makes new documents, `count`, …."""
        pipeline = command.get("pipeline")
        asked = _beginning(pipeline) if is_array(pipeline) else command
        asks = asked.get("filter") or asked.get("query") or asked.get("q")
        return cls(
            conditions=Conditions.of(asks) if is_mapping(asks) else Conditions(),
            sort=sort_pairs(asked.get("sort")),
            projection=asked.get("projection"),
            skip=_count(asked.get("skip")),
            limit=abs(_count(asked.get("limit"))),
            hint=command.get("hint"),
            collation=command.get("collation"),
            is_pipeline=is_array(pipeline),
        )

    @property
    def forbids_indexes(self) -> bool:
        """Whether the hint asks for the documents as they are stored."""
        return self.hint == _NATURAL or (is_mapping(self.hint) and _NATURAL in self.hint)

    def names_in_hint(self, index: Mapping[str, Any]) -> bool:
        """Tell whether the hint means `index`."""
        return self.hint is not None and self.hint in (index.get("name"), index.get("key"))


def _beginning(stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first stages as a `find` has them: what the server pushes down to the collection."""
    asked: dict[str, Any] = {}
    filters: list[Any] = []
    for stage in stages:
        name, argument = next(iter(stage.items()), ("", None))
        if name == "$match" and not asked.keys() & {"skip", "limit"}:
            filters.append(argument)
        elif name == "$geoNear" and is_mapping(argument):
            filters.append(argument.get("query") or {})
        elif name in {"$sort", "$skip", "$limit"} and name[1:] not in asked:
            asked[name[1:]] = argument
        else:
            break
    return {**asked, "filter": {"$and": filters}}


def _count(value: Any) -> int:
    return int(value) if is_number(value) else 0
