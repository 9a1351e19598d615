"""Updates: operators, or a pipeline."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.spelling import hint
from llm_devops_mongodb.validation.fields import check_name
from llm_devops_mongodb.validation.limits import MAX_BSON_DEPTH
from llm_devops_mongodb.validation.pipelines import check_update_pipeline
from llm_devops_mongodb.validation.places import shown, walk
from llm_devops_mongodb.validation.shortcuts import is_ordinary_update
from llm_devops_mongodb.validation.update_operators import OPERATORS
from llm_devops_mongodb.validation.values import built, is_mapping, is_sequence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.errors import InvalidDocumentError
    from llm_devops_mongodb.validation.places import Check, Place
    from llm_devops_mongodb.validation.values import Buildable


def validate_update(
    update: Mapping[str, Any] | Sequence[Mapping[str, Any]] | Buildable[Mapping[str, Any]],
) -> None:
    """Refuse an update that the server would refuse, or that would replace the document.

    Stored values are not looked into for names that begin with `$`: the server from 5.0 on takes them.

    Args:
        update: A document of update operators (those of MongoDB up to 8.0), a pipeline of the stages that an update
            may have, or a builder of either. It is not changed.

    Raises:
        InvalidDocumentError: It is empty, a document to replace another with, or names an unknown operator or stage;
            an operator has an argument it cannot take; a path is empty, holds an empty part, or is changed twice,
            also as a part of another (the server's code 40).

    Example:
        >>> validate_update({"$set": {"name": "Ada"}, "$push": {"tags": {"$each": ["a"], "$slice": -5}}})
    """
    if not is_ordinary_update(update):
        walk(_check_update, built(update))


def _check_update(update: Any, place: Place) -> None:
    if is_sequence(update):
        check_update_pipeline(update, place)
        return
    if not is_mapping(update):
        raise place.refuse(f"an update is a document of operators or a pipeline, not {type(update).__name__}")
    if not update:
        raise place.refuse("an update may not be empty; the server would take it for an empty replacement")
    paths = _Paths()
    for name, fields in update.items():
        check_name(name, place)
        _check_operator(name, fields, place=place, update=update)
        _check_fields(fields, place.field(name, fields), check=OPERATORS[name], paths=paths)
        if name == "$rename":
            for field, target in fields.items():
                paths.claim(target, place.field(name, fields).field(field, target))


def _check_fields(fields: Mapping[Any, Any], place: Place, *, check: Check, paths: _Paths) -> None:
    for field, argument in fields.items():
        check_name(field, place)
        here = place.field(field, argument)
        paths.claim(field, here)
        check(argument, here)


def _check_operator(name: str, fields: Any, *, place: Place, update: Mapping[Any, Any]) -> None:
    here = place.field(name, None)
    if name[:1] != "$":
        if any(str(other)[:1] == "$" for other in update):
            raise here.refuse("a field beside update operators; put it under $set")
        raise place.refuse("a replacement where an update is wanted; use replace_one, or put the fields under $set")
    if name not in OPERATORS:
        raise here.refuse(f"unknown update operator '{shown(name)}'{hint(shown(name), OPERATORS)}")
    if not is_mapping(fields):
        raise here.refuse("takes a document of paths and what to do there")


class _Paths:
    """The paths that one update changes: none twice, and none within another."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._passed: set[str] = set()

    def claim(self, path: str, place: Place) -> None:
        """Take `path` for the operator at `place`, or refuse it."""
        parts = path.split(".")
        if "" in parts:
            raise place.refuse("an update path may not be empty or hold an empty part")
        if len(parts) > MAX_BSON_DEPTH:
            raise place.refuse(f"an update path may have at most {MAX_BSON_DEPTH} parts")
        if path in self._changed or path in self._passed:
            raise _conflict(path, place)
        self._changed.add(path)
        for outer in accumulate(parts[:-1], lambda head, part: f"{head}.{part}"):
            if outer in self._changed:
                raise _conflict(outer, place)
            self._passed.add(outer)


def _conflict(path: str, place: Place) -> InvalidDocumentError:
    return place.refuse(f"conflicts with another change of '{shown(path)}' in this update; change each path once")
