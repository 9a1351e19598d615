"""Batch sizes."""

from __future__ import annotations

from typing import Any

import pytest

from llm_devops_mongodb.advice import optimal_batch_size
from llm_devops_mongodb.errors import ConfigError

LARGEST = 16 * 1024 * 1024


@pytest.mark.parametrize(
    ("size", "count"),
    [(0, 100_000), (1, 100_000), (10, 100_000), (11, 95_325), (1000, 1048), (1024, 1024), (20_000, 100), (10**6, 100)],
)
@pytest.mark.parametrize("bandwidth", [0, 10, 100, 10_000])
def test_a_batch_is_a_mebibyte_of_100_to_100_000_documents(size: int, bandwidth: int, count: int) -> None:
    assert optimal_batch_size(size, bandwidth) == count


def test_only_a_very_slow_network_makes_it_smaller() -> None:
    assert optimal_batch_size(LARGEST, 45) == 100
    assert optimal_batch_size(LARGEST, 10) == 22
    assert optimal_batch_size(LARGEST, 0.01) == 1
    assert optimal_batch_size(1000, 1) == 1048


@pytest.mark.parametrize("bad", [-1, False, float("nan"), "5", None])
def test_what_is_no_figure_is_refused(bad: Any) -> None:
    with pytest.raises(ConfigError, match="avg_doc_size_bytes"):
        optimal_batch_size(bad, 5)
    with pytest.raises(ConfigError, match="network_bandwidth_mbps"):
        optimal_batch_size(5, bad)
