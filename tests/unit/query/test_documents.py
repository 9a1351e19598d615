"""Documents, field by field."""

from __future__ import annotations

import collections
from typing import Any

import pytest
from bson import Regex

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.query.documents import DocBuilder
from llm_devops_mongodb.validation import validate_document


def test_fields_stand_in_the_order_given() -> None:
    made = DocBuilder().field("b", 1).field("a", None).field("c.d", 2)

    assert list(made.build().items()) == [("b", 1), ("a", None), ("c.d", 2)]
    validate_document(made)


def test_a_document_may_be_nested_from_a_builder_or_any_mapping() -> None:
    for inner in (DocBuilder().field("x", 1), {"x": 1}, collections.UserDict(x=1)):
        assert DocBuilder().nested("a", inner).build() == {"a": {"x": 1}}
    assert DocBuilder().nested("a", {}).build() == {"a": {}}


def test_an_array_is_made_of_any_iterable() -> None:
    for values in ([1, 2], (1, 2), iter([1, 2]), range(1, 3)):
        assert DocBuilder().array("a", values).build() == {"a": [1, 2]}
    assert DocBuilder().array("a", []).build() == {"a": []}
    assert DocBuilder().array("a", [DocBuilder().field("x", 1)]).build() == {"a": [{"x": 1}]}


def test_no_field_is_the_empty_document() -> None:
    assert DocBuilder().build() == {}


@pytest.mark.parametrize(
    ("call", "path", "words"),
    [
        (lambda it: it.field("a", 1).field("a", 1), "a", "each once"),
        (lambda it: it.field("a", 1).nested("a", {}), "a", "each once"),
        (lambda it: it.field("a", 1).array("a", []), "a", "each once"),
        (lambda it: it.field("$a", 1), "$a", "may not begin"),
        (lambda it: it.field("", 1), "", "may not be empty"),
        (lambda it: it.field("a\0", 1), "a\\x00", "NUL"),
        (lambda it: it.field(5, 1), "", "must be a str"),
        (lambda it: it.field([], 1), "", "must be a str"),
        (lambda it: it.field("a", {"$set": 1}), "a.$set", "may not begin"),
        (lambda it: it.field("a", [{"": 1}]), "a.0", "may not be empty"),
        (lambda it: it.field("_id", [1]), "_id", "array"),
        (lambda it: it.field("_id", Regex("x")), "_id", "regular expression"),
        (lambda it: it.nested("a", [1]), "a", "a document or a builder"),
        (lambda it: it.nested("a", None), "a", "a document or a builder"),
        (lambda it: it.nested("a", {"$x": 1}), "a.$x", "may not begin"),
        (lambda it: it.array("a", "xy"), "a", "several values"),
        (lambda it: it.array("a", {"x": 1}), "a", "several values"),
        (lambda it: it.array("a", 5), "a", "several values"),
    ],
)
def test_what_may_not_be_stored_is_refused(call: Any, path: str, words: str) -> None:
    with pytest.raises(InvalidDocumentError, match=words) as caught:
        call(DocBuilder())
    assert caught.value.path == path


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append({"a": loop})

    with pytest.raises(InvalidDocumentError, match="deeper"):
        DocBuilder().field("a", loop)


def test_a_method_leaves_its_builder_alone() -> None:
    first = DocBuilder().field("a", 1)

    assert first.field("b", 2) == {"a": 1, "b": 2}
    assert first == {"a": 1}


def test_what_the_caller_changes_later_changes_no_builder() -> None:
    inner: dict[str, Any] = {"x": [1]}
    made = DocBuilder().field("a", inner).nested("b", inner).array("c", [inner])

    inner["x"].append(2)
    made.build()["a"]["x"].append(3)

    assert made.build() == {"a": {"x": [1]}, "b": {"x": [1]}, "c": [{"x": [1]}]}


def test_a_builder_shows_what_it_builds() -> None:
    assert repr(DocBuilder().field("a", 1)) == "DocBuilder({'a': 1})"
