from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from llm_devops_mongodb.cli.shell_text import shell_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (Int64(1), 'Long("1")'),
        (Decimal128("1.50"), 'Decimal128("1.50")'),
        ('say "ä"\n', '"say \\"ä\\"\\n"'),
        (ObjectId("6745a0b15af0c1d2e3000001"), 'ObjectId("6745a0b15af0c1d2e3000001")'),
        (DatetimeMS(1_764_000_000_123), 'ISODate("2025-11-24T16:00:00.123Z")'),
        (DatetimeMS(2**62), 'ISODate("4611686018427387904 ms")'),
        (datetime(2026, 1, 1, tzinfo=UTC), 'ISODate("2026-01-01T00:00:00+00:00")'),
        (Timestamp(5, 6), "Timestamp({ t: 5, i: 6 })"),
        (b"\x01\xff", 'BinData(0, "01ff")'),
        (Binary(b"\x01", 5), 'BinData(5, "01")'),
        (Binary.from_uuid(UUID(int=1)), 'UUID("00000000-0000-0000-0000-000000000001")'),
        (Regex("^a", re.IGNORECASE), 'RegExp("^a", "i")'),
        (Regex("^a"), 'RegExp("^a")'),
        (Code("f()"), 'Code("f()")'),
        (Code("f()", {"x": 1}), 'Code("f()", { x: 1 })'),
        (MinKey(), "MinKey()"),
        (MaxKey(), "MaxKey()"),
        (DBRef("users", 1), 'DBRef({ $ref: "users", $id: 1 })'),
        ({}, "{}"),
        ([], "[]"),
        ([1, 2], "[1, 2]"),
        ({"a": {"$gt": 1}, "b c": []}, '{ a: { $gt: 1 }, "b c": [] }'),
        (object, "\"<class 'object'>\""),
    ],
)
def test_each_type_can_be_told_from_the_others(value: Any, text: str) -> None:
    assert shell_text(value) == text


def test_what_does_not_fit_has_a_line_for_each_member() -> None:
    assert shell_text({"a": ["x" * 20, "y" * 20]}, width=30) == (
        '{\n  a: [\n    "xxxxxxxxxxxxxxxxxxxx",\n    "yyyyyyyyyyyyyyyyyyyy"\n  ]\n}'
    )


def test_invisible_characters_are_seen() -> None:
    assert shell_text("a\u202eb\x9b\ud800") == '"a\\u202eb\\u009b\\ud800"'
