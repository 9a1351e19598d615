"""The seed's unit tests of the builders (its section 6.1), translated."""

from __future__ import annotations

from llm_devops_mongodb.query.filters import FilterBuilder


def test_eq_filter() -> None:
    assert FilterBuilder().eq("name", "test").build() == {"name": "test"}


def test_combined_filters() -> None:
    built = FilterBuilder().eq("status", "active").gt("age", 18).in_array("role", ["admin", "user"]).build()

    assert built == {"$and": [{"status": "active"}, {"age": {"$gt": 18}}, {"role": {"$in": ["admin", "user"]}}]}


def test_regex_filter() -> None:
    built = FilterBuilder().regex("email", ".*@example\\.com").build()

    assert "$regex" in built["email"]
