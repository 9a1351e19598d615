"""Places of a change stream that are stored and compared."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from bson import Binary, Timestamp

from llm_devops_mongodb import InvalidDocumentError, ResumeToken

DATA = "826B03DC92000000142B022C0100296F5A100479B6B5FF5EF3469F938101FD4F7805A504"

NO_TOKENS = [
    *("", "{", "null", "[]", "{}", "5", '"x"', '{"$oid": "x"}', '{"a": {"$date": {}}}', '{"a": {"$timestamp": {}}}'),
    *('{"a": {"$date": {"$numberLong": "1e400"}}}', '{"a": {"$binary": 5}}', "[" * 100_000),
]


def test_it_gives_back_what_the_server_gave() -> None:
    assert ResumeToken({"_data": DATA, "_typeBits": b"\x01"}).as_document() == {"_data": DATA, "_typeBits": b"\x01"}


def test_what_it_gives_is_a_copy() -> None:
    token = ResumeToken({"_data": DATA})
    token.as_document()["_data"] = "changed"

    assert token.as_document() == {"_data": DATA}


@pytest.mark.parametrize("document", [{}, None, "826B", 5, [("_data", DATA)]])
def test_what_is_no_token_is_refused(document: Any) -> None:
    with pytest.raises(InvalidDocumentError):
        ResumeToken(document)


@pytest.mark.parametrize("document", [{"_data": DATA}, {"_data": DATA, "_typeBits": Binary(b"\x82\x05", 0)}, {"a": 1}])
def test_it_is_the_same_after_json(document: dict[str, Any]) -> None:
    token = ResumeToken(document)

    assert ResumeToken.from_json(token.to_json()) == token


@pytest.mark.parametrize("text", NO_TOKENS, ids=range(len(NO_TOKENS)))
def test_json_that_holds_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocumentError):
        ResumeToken.from_json(text)


def test_it_is_the_same_after_pickling() -> None:
    token = ResumeToken({"_data": DATA})

    assert pickle.loads(pickle.dumps(token)) == token


def test_it_is_equal_by_value() -> None:
    assert ResumeToken({"_data": DATA}) == ResumeToken({"_data": DATA})
    assert ResumeToken({"_data": DATA}) != ResumeToken({"_data": DATA[:-1]})
    assert ResumeToken({"_data": DATA}) != {"_data": DATA}
    assert len({ResumeToken({"_data": DATA}), ResumeToken({"_data": DATA}), ResumeToken({"_data": "82"})}) == 2


def test_it_tells_when_the_change_was_made() -> None:
    assert ResumeToken({"_data": DATA}).cluster_time == Timestamp(0x6B03DC92, 0x14)


@pytest.mark.parametrize("data", ["", "82", "826B03", "82" + "Z" * 16, "83" + DATA[2:], 5, b"\x82", None])
def test_a_token_of_another_form_tells_no_time(data: Any) -> None:
    assert ResumeToken({"_data": data}).cluster_time is None
    assert ResumeToken({"other": DATA}).cluster_time is None
