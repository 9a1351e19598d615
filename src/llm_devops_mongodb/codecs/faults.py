"""Why a document cannot be read: paths into it and names of types, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from bson import ObjectId

from llm_devops_mongodb.codecs.values import is_dict, is_list
from llm_devops_mongodb.errors import DeserializationError, FieldFault

if TYPE_CHECKING:
    from collections.abc import Sequence

Path = tuple[str | int, ...]

MISSING = "a required field is missing"
UNKNOWN = "the model has no such field"

# An id of another type may be an e-mail address or a name: it is an attribute of the error, not part of its text.
_SPEAKABLE_IDS = (ObjectId, UUID, int)
_TOLD = 3


def kind(value: object) -> str:
    """Name the type of a value."""
    return "None" if value is None else type(value).__name__


def type_name(document_type: Any) -> str:
    """Name a type as its class statement does, `Box[int]` for a generic one."""
    return document_type.__name__ if isinstance(document_type, type) else str(document_type)


def expected(what: str, value: object) -> str:
    """Say what was expected instead of `value`."""
    return f"expected {what}, found {kind(value)}"


def fault(path: Path, message: str) -> FieldFault:
    """Make the fault of the field at `path`."""
    return FieldFault(".".join(map(str, path)), message)


def follow(root: object, steps: Sequence[str | int]) -> tuple[Path, Any]:
    """Go down from `root` by those of `steps` that lead somewhere; return where that is, and what is there.

    Libraries mix other things into their paths, such as the name of a union's member.
    """
    path: Path = ()
    value: Any = root
    for step in steps:
        if is_dict(value) and (key := step if step in value else str(step)) in value:
            path, value = (*path, key), value[key]
        elif is_list(value) and isinstance(step, int) and step < len(value):
            path, value = (*path, step), value[step]
    return path, value


def unreadable(
    document_type: type[Any],
    faults: Sequence[FieldFault],
    *,
    document_id: object = None,
    namespace: str = "",
    subject: str = "the document",
) -> DeserializationError:
    """Make the error of a document that is not a `document_type`."""
    told = "; ".join(f"{each.path}: {each.message}" if each.path else each.message for each in faults[:_TOLD])
    more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    identity = f" with _id {document_id!r}" if isinstance(document_id, _SPEAKABLE_IDS) else ""
    place = f"{namespace}: " if namespace else ""
    return DeserializationError(
        f"{place}{subject}{identity} cannot be read as {type_name(document_type)}: {told}{more}",
        namespace=namespace,
        document_id=document_id,
        faults=faults,
    )
