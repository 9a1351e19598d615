"""The stages of a pipeline, each with the check of its argument.

The stages of MongoDB up to 8.0 (https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/) and the
few that 8.1 added; rules as servers from 5.0 on apply them, tried on 6.0. Stages that hold a filter or a pipeline are
checked in `pipelines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.validation.fields import check_literal
from llm_devops_mongodb.validation.values import cut_number, is_array, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.validation.places import Check, Place


def document(argument: Any, place: Place) -> None:
    """Take a document."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    check_literal(argument, place)


def name_or_document(argument: Any, place: Place) -> None:
    """Take a text that is not empty, or a document."""
    if not is_mapping(argument) and not (is_text(argument) and argument):
        raise place.refuse("takes a text or a document")
    check_literal(argument, place)


def limit(argument: Any, place: Place) -> None:
    """`$limit`: a positive whole number."""
    number = whole_number(argument)
    if number is None or number < 1:
        raise place.refuse("takes a positive whole number")


def skip(argument: Any, place: Place) -> None:
    """`$skip`: a whole number, not negative."""
    number = whole_number(argument)
    if number is None or number < 0:
        raise place.refuse("takes a whole number that is not negative")


def sample(argument: Any, place: Place) -> None:
    """`$sample`: a size, not negative."""
    if not is_mapping(argument) or set(argument) != {"size"}:
        raise place.refuse("takes {'size': number}")
    size = argument["size"]
    if not is_number(size) or (cut_number(size) or 0) < 0:
        raise place.field("size", None).refuse("takes a number that is not negative")


def sort(argument: Any, place: Place) -> None:
    """`$sort`: fields with 1, -1 or a `$meta`; a document, as the order of the keys counts."""
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes a document of fields with 1 or -1 each, not empty")
    for name, direction in argument.items():
        metadata = is_mapping(direction) and set(direction) == {"$meta"} and is_text(direction["$meta"])
        if not metadata and cut_number(direction) not in {1, -1}:
            raise place.field(str(name), None).refuse("takes 1, -1 or {'$meta': name}")
    check_literal(argument, place)


def group(argument: Any, place: Place) -> None:
    """`$group`: a document with `_id`."""
    if not is_mapping(argument) or "_id" not in argument:
        raise place.refuse("takes a document with _id in it; {'_id': None} makes one group of everything")
    check_literal(argument, place)


def count(argument: Any, place: Place) -> None:
    """`$count`: the name of the field that gets the number."""
    if not is_text(argument) or not argument or argument.startswith("$") or "." in argument:
        raise place.refuse("takes the name of the new field, without '$' at its head and without dots")


def project(argument: Any, place: Place) -> None:
    """`$project`: a document that is not empty."""
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes a document of fields that is not empty")
    check_literal(argument, place)


def unset(argument: Any, place: Place) -> None:
    """`$unset`: a path or an array of paths."""
    paths = argument if is_array(argument) else (argument,)
    if not paths or not all(is_text(path) and path for path in paths):
        raise place.refuse("takes the name of a field, or an array of names")


STAGES: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("$addFields", "$set", "$replaceRoot", "$bucket", "$bucketAuto", "$densify", "$fill"), document),
    **dict.fromkeys(("$setWindowFields", "$collStats", "$indexStats", "$planCacheStats", "$currentOp"), document),
    **dict.fromkeys(("$listSessions", "$listLocalSessions", "$listSampledQueries", "$listSearchIndexes"), document),
    **dict.fromkeys(("$changeStream", "$changeStreamSplitLargeEvent", "$queryStats", "$querySettings"), document),
    **dict.fromkeys(("$search", "$searchMeta", "$vectorSearch", "$rankFusion", "$shardedDataDistribution"), document),
    **dict.fromkeys(("$out", "$unwind", "$sortByCount"), name_or_document),
    **dict.fromkeys(("$redact", "$replaceWith", "$documents", "$listCatalog", "$listClusterCatalog"), check_literal),
    **dict.fromkeys(("$listCachedAndActiveUsers", "$operationMetrics", "$mergeCursors"), check_literal),
    **dict.fromkeys(("$backupCursor", "$backupCursorExtend"), check_literal),
    "$limit": limit,
    "$skip": skip,
    "$sample": sample,
    "$sort": sort,
    "$group": group,
    "$count": count,
    "$project": project,
    "$unset": unset,
}
"""Every stage but those that hold filters and pipelines."""

FIRST: Final = frozenset(
    {
        *("$changeStream", "$collStats", "$currentOp", "$documents", "$geoNear", "$indexStats", "$listCatalog"),
        *("$listClusterCatalog", "$listLocalSessions", "$listSampledQueries", "$listSearchIndexes", "$listSessions"),
        *("$planCacheStats", "$querySettings", "$queryStats", "$rankFusion", "$search", "$searchMeta"),
        *("$shardedDataDistribution", "$vectorSearch"),
    },
)
"""Stages that begin a pipeline."""

LAST: Final = frozenset({"$changeStreamSplitLargeEvent", "$merge", "$out"})
"""Stages that end a pipeline."""

IN_UPDATES: Final = frozenset({"$addFields", "$fill", "$project", "$replaceRoot", "$replaceWith", "$set", "$unset"})
"""Stages that an update may have; `$fill` with plain values is one, as the server turns it into `$addFields`."""

NOT_IN_FACETS: Final = FIRST | LAST | {"$facet"}
"""Stages that may not stand in a `$facet`, nor in a pipeline inside one."""
