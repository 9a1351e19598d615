"""Pool sizes by Little's law."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_devops_mongodb.advice import recommend_pool_size
from llm_devops_mongodb.errors import ConfigError


@pytest.mark.parametrize(
    ("figures", "sizes"),
    [
        ((100, 50, 1000), (15, 60)),
        ((0, 0, 0), (2, 10)),
        ((10, 10, 100), (2, 10)),
        ((20, 9, 1000), (2, 11)),
        ((200, 100, 1001), (30, 122)),
        ((50, 1000, 10_000), (125, 500)),
        ((2**32 - 1, 2**32 - 1, 2**32 - 1), (125, 500)),
        ((10, 2.5, 10_000), (7, 30)),
    ],
)
def test_the_size_is_operations_under_way_and_a_fifth(figures: Any, sizes: tuple[int, int]) -> None:
    recommendation = recommend_pool_size(*figures)
    assert (recommendation.min_size, recommendation.max_size) == sizes


def test_the_rationale_tells_the_figures() -> None:
    assert recommend_pool_size(100, 50, 1000).rationale == (
        "Based on 1000 ops/sec with 50ms avg latency. Min 15 keeps connections warm, max 60 handles peak + 20% burst."
    )


def test_callers_that_do_not_fit_the_figures_are_told_and_change_no_size() -> None:
    few, many = recommend_pool_size(10, 50, 1000), recommend_pool_size(501, 50, 1000)
    assert "50 operations are under way at once, more than 10 callers make" in few.rationale
    assert "Of 501 callers those beyond the pool wait" in many.rationale
    assert {few.max_size, many.max_size} == {60}


@given(st.integers(0, 600), st.integers(0, 10_000), st.integers(0, 10_000))
def test_callers_change_no_size(callers: int, latency: int, rate: int) -> None:
    one, other = recommend_pool_size(callers, latency, rate), recommend_pool_size(0, latency, rate)
    assert (one.min_size, one.max_size) == (other.min_size, other.max_size)
    assert 2 <= one.min_size <= one.max_size <= 500


@pytest.mark.parametrize("bad", [-1, True, float("nan"), float("inf"), "5", None, 2**32])
def test_what_is_no_figure_is_refused(bad: Any) -> None:
    with pytest.raises(ConfigError) as concurrency:
        recommend_pool_size(bad, 5, 5)
    with pytest.raises(ConfigError) as latency:
        recommend_pool_size(5, bad, 5)
    with pytest.raises(ConfigError) as rate:
        recommend_pool_size(5, 5, bad)
    fields = [each.value.field for each in (concurrency, latency, rate)]
    assert fields == ["expected_concurrency", "avg_operation_ms", "peak_ops_per_second"]


def test_a_part_of_a_caller_is_refused() -> None:
    with pytest.raises(ConfigError):
        recommend_pool_size(1.5, 5, 5)  # type: ignore[arg-type]  # the point
