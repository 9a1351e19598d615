"""The builder of documents to be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.query.built import BuiltMapping, array_of, frozen, refusal
from llm_devops_mongodb.validation.documents import check_document
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import is_mapping, is_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class DocBuilder(BuiltMapping):
    """A document, field by field, in the order given.

    Each name is checked where it is given, as `validate_document` checks it: not empty, none twice, no `$` first.
    A name is one field's, not a path: a dot in it is stored, and queries do not find it. For a document in the
    document use `nested`.

    Example:
        >>> DocBuilder().field("name", "Ada").nested("address", {"city": "London"}).build()
        {'name': 'Ada', 'address': {'city': 'London'}}
    """

    __slots__ = ("_fields",)

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}

    def _content(self) -> Mapping[str, Any]:
        return self._fields

    def field(self, name: str, value: Any) -> Self:
        """Add a field.

        Args:
            name: Its name.
            value: Any value that BSON holds; a builder stands for what it builds.

        Raises:
            InvalidDocumentError: The document has the field; the name, or one in the value, may not be stored; the
                value is nested too deeply; or it is no value for an `_id`.

        Example:
            >>> DocBuilder().field("age", 36).build()
            {'age': 36}
        """
        if not is_text(name):
            raise refusal("", f"a field name must be a str, not {type(name).__name__}")
        if name in self._fields:
            raise refusal(shown(name), "the document has this field; give each once")
        check_document({name: value})
        made = object.__new__(type(self))
        made._fields = {**self._fields, name: frozen(value)}
        return made

    def nested(self, name: str, document: Mapping[str, Any]) -> Self:
        """Add a document as a field.

        Args:
            name: The field's name.
            document: Another builder, or a mapping of any class.

        Raises:
            InvalidDocumentError: As `field`; or `document` is no mapping.

        Example:
            >>> DocBuilder().nested("address", DocBuilder().field("city", "London")).build()
            {'address': {'city': 'London'}}
        """
        if not is_mapping(document):
            raise refusal(shown(str(name)), f"takes a document or a builder of one, not {type(document).__name__}")
        return self.field(name, document)

    def array(self, name: str, values: Iterable[Any]) -> Self:
        """Add an array as a field; it may be empty.

        Args:
            name: The field's name.
            values: Any iterable but a text, bytes or a mapping; it is read once, now.

        Raises:
            InvalidDocumentError: As `field`; or `values` is no such iterable.

        Example:
            >>> DocBuilder().array("tags", ("mathematics", "engines")).build()
            {'tags': ['mathematics', 'engines']}
        """
        return self.field(name, array_of(shown(str(name)), values))
