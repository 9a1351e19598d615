"""Stages that bring in, or write to, other collections: what of them is neither a filter nor a pipeline.

Rules of the server (https://www.mongodb.com/docs/manual/reference/operator/aggregation/lookup/ and the pages beside
it), tried on 6.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.validation.arguments import (
    check_one_of,
    check_path,
    check_paths,
    check_text,
    check_variables,
    check_whole,
    is_negative,
    known,
    required,
)
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_sequence, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.validation.places import Place

WHEN_MATCHED: Final = frozenset({"replace", "keepExisting", "merge", "fail"})
WHEN_NOT_MATCHED: Final = frozenset({"insert", "discard", "fail"})
_ONLY_INSERTING = frozenset({"keepExisting", "fail"})
_REMOVED = frozenset({"limit", "num", "start"})


def lookup(argument: Any, place: Place) -> None:
    """`$lookup`: two fields to compare, or a pipeline, or both."""
    if not is_mapping(argument) or "as" not in argument:
        raise place.refuse("takes a document with 'as' in it, the field for what is found")
    check_path(argument["as"], place.field("as", None))
    fields = [name for name in ("localField", "foreignField") if name in argument]
    for name in fields:
        check_path(argument[name], place.field(name, None))
    if len(fields) == 1:
        raise place.refuse("takes both 'localField' and 'foreignField', or neither")
    if not fields and "pipeline" not in argument:
        raise place.refuse("takes 'localField' and 'foreignField', or a 'pipeline'")
    if "let" in argument:
        required(argument, ["pipeline"], place)
        check_variables(argument["let"], place.field("let", argument["let"]))
    _check_source(argument, "from", place)


def union(argument: Any, place: Place) -> None:
    """`$unionWith`: a collection, or documents made by a pipeline."""
    if is_text(argument):
        check_text(argument, place)
        return
    if not is_mapping(argument) or not ("coll" in argument or "pipeline" in argument):
        raise place.refuse("takes the name of a collection, or a document with 'coll' and perhaps 'pipeline'")
    _check_source(argument, "coll", place)


def _check_source(argument: Mapping[Any, Any], name: str, place: Place) -> None:
    """Refuse a collection without a name, and none where no pipeline makes documents of its own."""
    if name in argument:
        source = argument[name]
        if not is_mapping(source):
            check_text(source, place.field(name, None))
    elif not _makes_documents(argument.get("pipeline", ())):
        raise place.refuse(f"takes {name!r}, or a pipeline that begins with $documents")


def _makes_documents(pipeline: Any) -> bool:
    # What is no sequence is refused as a pipeline.
    return not is_sequence(pipeline) or bool(pipeline and is_mapping(pipeline[0]) and "$documents" in pipeline[0])


def graph_lookup(argument: Any, place: Place) -> None:
    """`$graphLookup`: where to begin, and the fields that lead from document to document."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["from", "startWith", "connectFromField", "connectToField", "as"], place)
    for name in ("connectFromField", "connectToField", "as", "depthField"):
        if name in argument:
            check_path(argument[name], place.field(name, None))
    if "maxDepth" in argument:
        check_whole(argument["maxDepth"], place.field("maxDepth", None), least=0)
    _check_source(argument, "from", place)


def geo_near(argument: Any, place: Place) -> None:
    """`$geoNear`: a point, and distances that are not negative."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["near"], place)
    near = argument["near"]
    if not is_mapping(near) and not is_array(near) and not (is_text(near) and near[:1] == "$"):
        raise place.field("near", None).refuse("takes a GeoJSON point or a pair of coordinates")
    for name in ("distanceField", "includeLocs", "key"):
        if name in argument:
            check_path(argument[name], place.field(name, None))
    for name in ("minDistance", "maxDistance", "distanceMultiplier"):
        if is_negative(argument.get(name)):
            raise place.field(name, None).refuse("takes a number that is not negative")
    for name in argument:
        if name in _REMOVED:
            raise place.field(name, None).refuse("no longer an option; use a $limit or $skip stage")


def merge(argument: Any, place: Place) -> None:
    """`$merge`: where to, and what to do with documents that are there and that are not."""
    if not is_mapping(argument):
        if not is_text(argument):
            raise place.refuse("takes a text or a document")
        check_text(argument, place)
        return
    required(argument, ["into"], place)
    known(argument, ["into", "on", "let", "whenMatched", "whenNotMatched"], place)
    _check_target(argument["into"], place.field("into", argument["into"]))
    if "on" in argument:
        _check_on(argument["on"], place.field("on", None))
    matched = argument.get("whenMatched", "merge")
    if is_text(matched):
        check_one_of(matched, WHEN_MATCHED, place.field("whenMatched", None))
    if "whenNotMatched" in argument:
        check_one_of(argument["whenNotMatched"], WHEN_NOT_MATCHED, place.field("whenNotMatched", None))
    if is_text(matched) and matched in _ONLY_INSERTING and argument.get("whenNotMatched", "insert") != "insert":
        raise place.refuse(f"with whenMatched '{matched}' whenNotMatched is 'insert'; the server does no other")
    if "let" in argument:
        if is_text(matched):
            raise place.field("let", None).refuse("takes variables only for a pipeline in 'whenMatched'")
        check_variables(argument["let"], place.field("let", argument["let"]))


def _check_target(into: Any, place: Place) -> None:
    if is_mapping(into):
        required(into, ["coll"], place)
        known(into, ["db", "coll"], place)
        check_text(into["coll"], place.field("coll", None))
    else:
        check_text(into, place)


def _check_on(on: Any, place: Place) -> None:
    if is_text(on):
        check_path(on, place)
        return
    check_paths(on, place)
    paths: Sequence[str] = on
    if not paths:
        raise place.refuse("takes at least one field")
    if len(set(paths)) != len(paths):
        raise place.refuse("takes each field once")
