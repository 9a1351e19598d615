"""Fields and directions, in every form in which a sort, a hint or the keys of an index may be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.values import is_mapping, is_sequence, is_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIR = 2


def fields_and_directions(given: Any, what: str) -> dict[str, Any]:
    """Return `given` as a document.

    Args:
        given: A field, a document, or a sequence of fields and of pairs of a field and its direction. A field is a
            dotted name, or one that was taken from a model; alone it is ascending.
        what: What it is, for errors.

    Raises:
        InvalidDocumentError: It is none of these, or names a field twice.
    """
    found: dict[str, Any] = {}
    for field, direction in _pairs(given, what):
        name = field if is_text(field) else getattr(field, "path", None)
        if not isinstance(name, str):
            raise _refused(what)
        if name in found:
            raise InvalidDocumentError(f"{what}: {name} is there twice", path=name)
        found[name] = direction
    return found


def _pairs(given: Any, what: str) -> Iterator[tuple[Any, Any]]:
    if _is_field(given):
        yield given, 1
    elif is_mapping(given):
        yield from given.items()
    elif is_sequence(given):
        for part in given:
            if _is_field(part):
                yield part, 1
            elif is_sequence(part) and len(part) == _PAIR:
                yield part[0], part[1]
            else:
                raise _refused(what)
    else:
        raise _refused(what)


def _is_field(given: object) -> bool:
    return is_text(given) or isinstance(getattr(given, "path", None), str)


def _refused(what: str) -> InvalidDocumentError:
    return InvalidDocumentError(f"{what}: takes fields and directions, such as {{'status': 1, 'created': -1}}")
