"""What the builders share: each is the document that it builds, and keeps nothing that its caller can change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from bson import Code, DBRef
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.places import opening, walk
from llm_devops_mongodb.validation.values import SCALARS, is_array, is_mapping, kind_of, written

if TYPE_CHECKING:
    from llm_devops_mongodb.validation.places import Check


class BuiltMapping(Mapping[str, Any]):
    """A builder that is the document it builds, so that it may stand wherever a mapping may.

    It never changes: each method returns a new builder. It equals every mapping of the same content in the same order
    of fields, which is that of the keys in a sort, and counts in a document's value. It has no hash, as the documents
    and arrays in it have none.
    """

    __slots__ = ()

    def _content(self) -> Mapping[str, Any]:
        """Give the document, which may share its parts with the builder."""
        raise NotImplementedError

    def build(self) -> dict[str, Any]:
        """Return the document, a new one each time: changing it changes neither the builder nor another."""
        return {name: frozen(value) for name, value in self._content().items()}

    def __getitem__(self, name: str) -> Any:
        return frozen(self._content()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._content())

    def __len__(self) -> int:
        return len(self._content())

    def __eq__(self, other: object) -> bool:
        return is_same(self, other) if is_mapping(other) else NotImplemented

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # documents and arrays have none

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._content()!r})"


def content_of(builder: BuiltMapping) -> Mapping[str, Any]:
    """Return what `builder` builds, to be read at once and not to be kept: it may share its parts with the builder."""
    return builder._content()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # for those who only read it


def is_same(one: Any, other: Any) -> bool:
    """Compare documents and arrays of every class at every depth, documents with the order of their fields."""
    if is_mapping(one) and is_mapping(other):
        one, other = _content(one), _content(other)
        return list(one) == list(other) and all(map(is_same, one.values(), other.values()))
    if is_array(one) and is_array(other):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _content(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return content_of(document) if isinstance(document, BuiltMapping) else document


def frozen(value: Any) -> Any:
    """Return a copy of the documents and arrays in `value`, so that what the caller changes later changes no builder.

    Documents of every class become a `dict` with their fields in the same order, but for a `RawBSONDocument`, which
    cannot change and is shared, as a value is that BSON writes as a scalar. Arrays become a `list`, mutable bytes
    `bytes`, and an enum's member its value. A value that may be nested too deeply, or hold itself, is checked before
    it comes here.
    """
    kind = kind_of(value)
    if kind in SCALARS:
        return value
    if kind is dict:
        return {name: frozen(part) for name, part in value.items()}
    if kind is list:
        return [frozen(part) for part in value]
    return _frozen_other(value)


def _frozen_other(value: Any) -> Any:
    if isinstance(value, BuiltMapping):
        return value.build()
    if is_mapping(value) and not isinstance(value, RawBSONDocument):
        return {name: frozen(part) for name, part in value.items()}
    if is_array(value):
        return [frozen(part) for part in value]
    if isinstance(value, DBRef):
        parts = frozen(value.as_doc())
        return DBRef(parts.pop("$ref"), parts.pop("$id"), parts.pop("$db", None), parts)
    if isinstance(value, Code):
        return Code(str(value), frozen(value.scope))
    plain = written(value)
    return value if plain is value else frozen(plain)


def checked(path: str, value: Any, check: Check) -> Any:
    """Have `check` look at `value`, which belongs to the field or operator `path`, and return a copy.

    Raises:
        InvalidDocumentError: From `check`; its path begins with `path`.
    """
    plain = written(value)
    walk(lambda given, place: check(given, place.field(path, given)), plain)
    return frozen(plain)


def array_of(path: str, values: Any) -> list[Any]:
    """Return what `values` gives as a list: any iterable but a text, bytes or a document.

    Raises:
        InvalidDocumentError: It is none, with `path` as its path.
    """
    kind = kind_of(values).__name__
    if isinstance(values, (str, bytes, bytearray, memoryview)) or is_mapping(values):
        raise refusal(path, f"takes several values, as a list, not one {kind}")
    try:
        return list(values)
    except TypeError:
        if isinstance(values, Iterable):  # its own mistake, not that of who gave it
            raise
    raise refusal(path, f"takes several values, as a list, not {kind}")


def refusal(path: str, problem: str) -> InvalidDocumentError:
    """Make the error for what was given for the field or operator `path`; `problem` holds no value."""
    return InvalidDocumentError(opening(path) + problem, path=path)
