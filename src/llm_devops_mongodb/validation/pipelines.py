"""Pipelines: their stages, where each may stand, and the pipelines and filters inside them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation import joins, stages
from llm_devops_mongodb.validation.fields import check_literal, check_name
from llm_devops_mongodb.validation.filters import check_filter
from llm_devops_mongodb.validation.places import shown, walk
from llm_devops_mongodb.validation.values import built, is_mapping, is_sequence, is_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from llm_devops_mongodb.validation.places import Check, Place
    from llm_devops_mongodb.validation.values import Buildable

_INTERNAL = "$_"
_NOT_IN_PIPELINES: Mapping[str, str] = dict.fromkeys(
    ("$out", "$merge", "$changeStream"), "may not stand in a pipeline inside another"
)
_NOT_IN_FACETS: Mapping[str, str] = dict.fromkeys(stages.NOT_IN_FACETS, "may not stand inside $facet")
_NOT_IN_MATCH: Mapping[str, str] = {
    "$where": "may not stand in $match; use $expr, with $function where it must be JavaScript",
    **dict.fromkeys(
        ("$near", "$nearSphere", "$geoNear"), "may not stand in $match; use $geoWithin or a $geoNear stage"
    ),
}
_WITHOUT_EFFECT: tuple[Mapping[str, Any], ...] = ({"$match": {}}, {"$skip": 0})


def validate_pipeline(pipeline: Sequence[Mapping[str, Any]] | Buildable[Sequence[Mapping[str, Any]]]) -> None:
    """Refuse an aggregation pipeline that the server would refuse for its form.

    Knows the stages of MongoDB up to 8.0. Stages that begin with `$_` are the server's own and left to it.
    Filters in `$match`, `$geoNear` and `$graphLookup` are checked as `validate_filter` does, and the pipelines of
    `$facet`, `$lookup`, `$unionWith` and `$merge` as pipelines, at every depth. The options of a stage are checked, and
    whether they contradict each other; expressions only for their names and depth.

    Args:
        pipeline: A sequence of documents of one stage each, or a builder of one. An empty one is good.

    Raises:
        InvalidDocumentError: It is no such sequence; a stage is unknown (answered with the nearest known one), stands
            where it may not, or has an argument it cannot take. `path` tells where, as in `1.$lookup.pipeline.0.$out`.

    Example:
        >>> validate_pipeline([{"$match": {"age": {"$gte": 18}}}, {"$sort": {"age": -1}}, {"$limit": 10}])
    """
    plain = built(pipeline)
    walk(check_pipeline, plain)


def check_pipeline(pipeline: Any, place: Place) -> None:
    """Check a pipeline that stands at `place`."""
    _check_stages(pipeline, place)
    for index in range(1, len(pipeline)):
        _check_position(index, pipeline, place)


def check_added(pipeline: Any, place: Place) -> None:
    """Check the last stage of a pipeline whose other stages were checked before."""
    index = len(pipeline) - 1
    _check_stage(pipeline[index], place.item(index, pipeline[index]), allowed=None)
    if index:
        _check_position(index, pipeline, place)


def check_foreign(pipeline: Any, place: Place) -> None:
    """Do what `check_added` does where that stage is one that is not known here: its argument may be anything."""
    index = len(pipeline) - 1
    name, argument = next(iter(pipeline[index].items()))
    here = place.item(index, pipeline[index])
    check_name(name, here)
    here.field(name, argument).defer(check_literal, argument)
    if index:
        _check_position(index, pipeline, place)


def _check_position(index: int, pipeline: Any, place: Place) -> None:
    """Refuse a stage that must be the first, or that comes after one that must be the last."""
    before, name = next(iter(pipeline[index - 1])), next(iter(pipeline[index]))
    if before in stages.LAST:
        raise place.item(index - 1, None).field(before, None).refuse("must be the last stage")
    if name in stages.FIRST and not _may_follow(name, pipeline, index=index, place=place):
        raise place.item(index, None).field(name, None).refuse("must be the first stage")


def check_update_pipeline(pipeline: Any, place: Place) -> None:
    """Check a pipeline that changes documents, in an update or a `$merge`."""
    if not pipeline and not place.path:
        raise place.refuse("an update may not be empty")
    _check_stages(pipeline, place, allowed=stages.IN_UPDATES)


def _check_stages(pipeline: Any, place: Place, *, allowed: Collection[str] | None = None) -> None:
    if not is_sequence(pipeline):
        raise place.refuse(f"a pipeline is a sequence of stages, not {type(pipeline).__name__}")
    for index, stage in enumerate(pipeline):
        _check_stage(stage, place.item(index, stage), allowed=allowed)


def _check_stage(stage: Any, place: Place, *, allowed: Collection[str] | None) -> None:
    if not is_mapping(stage):
        raise place.refuse(f"a stage is a document, not {type(stage).__name__}")
    if len(stage) != 1:
        raise place.refuse(f"a stage is a document with exactly one name, not {len(stage)}")
    name, argument = next(iter(stage.items()))
    check_name(name, place)
    here = place.field(name, argument)
    if name in place.barred:
        raise here.refuse(place.barred[name])
    check = STAGES.get(name)
    if check is None:
        if not name.startswith(_INTERNAL):
            form = "" if name.startswith("$") else "; a stage begins with '$'"
            raise here.refuse(f"unknown stage '{shown(name)}'{form}{hint(shown(name), STAGES)}")
        check = check_literal
    elif allowed is not None and name not in allowed:
        raise here.refuse(f"may not stand in an update; the stages there are {', '.join(sorted(allowed))}")
    here.defer(check, argument)


def _may_follow(name: str, pipeline: Sequence[Any], *, index: int, place: Place) -> bool:
    """Tell whether the server drops all that stands before a `$geoNear`, as it does at the top of a request."""
    before = islice(pipeline, index)
    return name == "$geoNear" and not place.path and all(stage in _WITHOUT_EFFECT for stage in before)


def _match(argument: Any, place: Place) -> None:
    check_filter(argument, place.barring(_NOT_IN_MATCH))


def _facet(argument: Any, place: Place) -> None:
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes a document of pipelines that is not empty")
    for name, pipeline in argument.items():
        check_name(name, place)
        here = place.field(name, pipeline)
        if not name or name.startswith("$") or "." in name:
            raise here.refuse("the name of an output may not be empty, begin with '$' or hold a dot")
        here.barring(_NOT_IN_FACETS).defer(check_pipeline, pipeline)


def _lookup(argument: Any, place: Place) -> None:
    joins.lookup(argument, place)
    _check_parts(argument, place, parts={"pipeline": check_pipeline})


def _union(argument: Any, place: Place) -> None:
    joins.union(argument, place)
    if is_mapping(argument):
        _check_parts(argument, place, parts={"pipeline": check_pipeline})


def _merge(argument: Any, place: Place) -> None:
    joins.merge(argument, place)
    if is_mapping(argument):
        texts = is_text(argument.get("whenMatched"))
        _check_parts(argument, place, parts={} if texts else {"whenMatched": check_update_pipeline})


def _graph_lookup(argument: Any, place: Place) -> None:
    joins.graph_lookup(argument, place)
    _check_parts(argument, place, parts={"restrictSearchWithMatch": _match})


def _geo_near(argument: Any, place: Place) -> None:
    joins.geo_near(argument, place)
    _check_parts(argument, place, parts={"query": check_filter})


def _check_parts(argument: Mapping[Any, Any], place: Place, *, parts: Mapping[str, Check]) -> None:
    """Check the parts that hold filters and pipelines as such, and the others as literals."""
    for name, part in argument.items():
        check_name(name, place)
        here = place.field(name, part)
        check = parts.get(name, check_literal)
        (here.barring(_NOT_IN_PIPELINES) if check is check_pipeline else here).defer(check, part)


STAGES: Final[Mapping[str, Check]] = {
    **stages.STAGES,
    "$match": _match,
    "$facet": _facet,
    "$lookup": _lookup,
    "$unionWith": _union,
    "$merge": _merge,
    "$graphLookup": _graph_lookup,
    "$geoNear": _geo_near,
}
