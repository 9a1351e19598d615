"""The stages of a pipeline, each with the check of its argument.

The stages of MongoDB up to 8.0 (https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/) and the
few that 8.1 added; rules as servers from 5.0 on apply them, tried on 6.0. Stages that hold a filter or a pipeline are
checked in `pipelines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.validation import gaps, groupings, projections
from llm_devops_mongodb.validation.arguments import (
    check_computed,
    check_keys,
    check_one_of,
    check_text,
    check_whole,
    required,
)
from llm_devops_mongodb.validation.fields import check_literal
from llm_devops_mongodb.validation.values import cut_number, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.validation.places import Check, Place

MAX_SORT_KEYS: Final = 32
"""Fields that the server sorts by at once."""

_STARTS = frozenset({"resumeAfter", "startAfter", "startAtOperationTime"})
_IMAGES: Mapping[str, frozenset[str]] = {
    "fullDocument": frozenset({"default", "updateLookup", "whenAvailable", "required"}),
    "fullDocumentBeforeChange": frozenset({"off", "whenAvailable", "required"}),
}


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
    """`$sort`: at most 32 fields with 1, -1 or a `$meta`."""
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes a document of fields with 1 or -1 each, not empty")
    if len(argument) > MAX_SORT_KEYS:
        raise place.refuse(f"takes at most {MAX_SORT_KEYS} fields")
    check_keys(argument, place)


def count(argument: Any, place: Place) -> None:
    """`$count`: the name of the field that gets the number."""
    if not is_text(argument) or not argument or argument.startswith("$") or "." in argument:
        raise place.refuse("takes the name of the new field, without '$' at its head and without dots")


def sort_by_count(argument: Any, place: Place) -> None:
    """`$sortByCount`: what to count by."""
    if not is_mapping(argument) and not is_text(argument):
        raise place.refuse("takes a text or a document")
    check_computed(argument, place)
    check_literal(argument, place)


def out(argument: Any, place: Place) -> None:
    """`$out`: the name of a collection, or a document with `db` and `coll`."""
    name_or_document(argument, place)
    if is_mapping(argument):
        required(argument, ["db", "coll"], place)
        check_text(argument["db"], place.field("db", None))
        check_text(argument["coll"], place.field("coll", None))


def list_sessions(argument: Any, place: Place) -> None:
    """`$listSessions` and `$listLocalSessions`: of everybody, or of some."""
    document(argument, place)
    if argument.get("allUsers") and argument.get("users"):
        raise place.refuse("takes 'allUsers' or 'users', not both")


def change_stream(argument: Any, place: Place) -> None:
    """`$changeStream`: at most one point to start from, and documents as the server can give them."""
    document(argument, place)
    if len(_STARTS & set(argument)) > 1:
        raise place.refuse("takes one of 'resumeAfter', 'startAfter' and 'startAtOperationTime', not several")
    for name, words in _IMAGES.items():
        if name in argument:
            check_one_of(argument[name], words, place.field(name, None))


def vector_search(argument: Any, place: Place) -> None:
    """`$vectorSearch`: a limit, and candidates to choose from unless it is exact."""
    document(argument, place)
    for name in ("limit", "numCandidates"):
        if name in argument:
            check_whole(argument[name], place.field(name, None), least=1)
    if argument.get("exact") is True and "numCandidates" in argument:
        raise place.refuse("takes 'exact' or 'numCandidates', not both")
    candidates, most = (whole_number(argument.get(name)) for name in ("numCandidates", "limit"))
    if candidates is not None and most is not None and candidates < most:
        raise place.field("numCandidates", None).refuse("takes at least as many as 'limit'")


STAGES: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("$collStats", "$indexStats", "$planCacheStats", "$currentOp", "$queryStats"), document),
    **dict.fromkeys(("$listSampledQueries", "$listSearchIndexes", "$querySettings"), document),
    **dict.fromkeys(("$changeStreamSplitLargeEvent", "$shardedDataDistribution"), document),
    **dict.fromkeys(("$search", "$searchMeta", "$rankFusion"), document),
    **dict.fromkeys(("$listSessions", "$listLocalSessions"), list_sessions),
    **dict.fromkeys(("$addFields", "$set"), projections.add_fields),
    **dict.fromkeys(("$redact", "$replaceWith"), projections.expression),
    **dict.fromkeys(("$documents", "$listCatalog", "$listClusterCatalog"), check_literal),
    **dict.fromkeys(("$listCachedAndActiveUsers", "$operationMetrics", "$mergeCursors"), check_literal),
    **dict.fromkeys(("$backupCursor", "$backupCursorExtend"), check_literal),
    "$limit": limit,
    "$skip": skip,
    "$sample": sample,
    "$sort": sort,
    "$count": count,
    "$sortByCount": sort_by_count,
    "$out": out,
    "$changeStream": change_stream,
    "$vectorSearch": vector_search,
    "$project": projections.project,
    "$unset": projections.unset,
    "$unwind": projections.unwind,
    "$replaceRoot": projections.replace_root,
    "$group": groupings.group,
    "$bucket": groupings.bucket,
    "$bucketAuto": groupings.bucket_auto,
    "$setWindowFields": groupings.set_window_fields,
    "$densify": gaps.densify,
    "$fill": gaps.fill,
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
