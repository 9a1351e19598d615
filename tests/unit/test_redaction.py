"""Documents of which the sensitive fields are hidden."""

from __future__ import annotations

from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb import DEFAULT_SENSITIVE_FIELDS, redact_document
from llm_devops_mongodb.security.redaction import SensitiveFields

HIDDEN = "[REDACTED]"


@pytest.mark.parametrize(
    ("document", "redacted"),
    [
        ({"password": "x", "name": "Ada"}, {"password": HIDDEN, "name": "Ada"}),
        ({"user": {"apiKey": "x"}}, {"user": {"apiKey": HIDDEN}}),
        ({"users": [{"token": "x"}, {"a": [{"ssn": 1}]}]}, {"users": [{"token": HIDDEN}, {"a": [{"ssn": HIDDEN}]}]}),
        ({"user.password": "x"}, {"user.password": HIDDEN}),
        ({"$set": {"auth.0.token": "x"}}, {"$set": {"auth.0.token": HIDDEN}}),
        ({"$or": [{"password": {"$in": ["x"]}}]}, {"$or": [{"password": HIDDEN}]}),
        ({"API-KEY": 1, "Api_Key": 2, "APIKEY": 3}, {"API-KEY": HIDDEN, "Api_Key": HIDDEN, "APIKEY": HIDDEN}),
        ({"total_tokens": 5, "password_hint": "x"}, {"total_tokens": 5, "password_hint": "x"}),
        ({"credentials": {"user": "x"}}, {"credentials": HIDDEN}),
    ],
)
def test_sensitive_fields_are_hidden_wherever_they_are(document: dict[str, Any], redacted: dict[str, Any]) -> None:
    assert redact_document(document, DEFAULT_SENSITIVE_FIELDS) == redacted


def test_a_dotted_name_means_that_field_in_that_document() -> None:
    document = {"card": {"number": 1}, "number": 2, "pay": {"card.number": 3, "cards": [{"number": 4}]}}

    assert redact_document(document, ["card.number"]) == {
        "card": {"number": HIDDEN},
        "number": 2,
        "pay": {"card.number": HIDDEN, "cards": [{"number": 4}]},
    }


def test_the_original_stays_as_it_is() -> None:
    document = {"a": {"token": "x"}}
    redact_document(document)

    assert document == {"a": {"token": "x"}}


NAMES = st.sampled_from(["token", "apiKey", "API_KEY", "name", "to_ken", "tokens", "Zugang", "ZUGANG", "é"])


@given(
    st.dictionaries(NAMES, st.recursive(st.integers(0, 9), lambda inner: st.dictionaries(NAMES, inner), max_leaves=5)),
    st.sampled_from([("token",), ("api_key", "x.token"), ("zugang",), ("É",), ()]),
)
def test_bytes_that_hold_no_sensitive_field_need_not_be_read(document: dict[str, Any], names: tuple[str, ...]) -> None:
    fields = SensitiveFields(names)
    holds_one = redact_document(document, fields.names) != document

    assert fields.may_be_in(bson.encode(document)) or not holds_one
