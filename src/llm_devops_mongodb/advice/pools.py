"""How many connections a workload needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llm_devops_mongodb.advice.figures import real, whole

_LEAST = 10
_MOST = 500
_HEADROOM = 1.2
_LEAST_WARM = 2


@dataclass(frozen=True, slots=True)
class PoolSizeRecommendation:
    """How large a connection pool should be.

    Attributes:
        min_size: Connections to keep open to each server.
        max_size: The most to open to each server.
        rationale: Why, for a person to read.
    """

    min_size: int
    max_size: int
    rationale: str


def recommend_pool_size(
    expected_concurrency: int, avg_operation_ms: float, peak_ops_per_second: float
) -> PoolSizeRecommendation:
    """Recommend the size of a connection pool by Little's law: operations a second times seconds an operation.

    A fifth is added for bursts; the most is kept between 10 and 500, the least is a quarter of it.

    Args:
        expected_concurrency: How many callers are in the database at once; 0 where it is not known. It changes no
            size, as callers share connections. The rationale says so where it contradicts the other figures: fewer
            callers than operations under way at the peak, or more callers than the largest pool has connections.
        avg_operation_ms: How long one operation takes, in milliseconds.
        peak_ops_per_second: Operations a second at the busiest time.

    Raises:
        ConfigError: A figure is negative, no number, or more than 2³² - 1.

    Example:
        >>> recommend_pool_size(100, 50, 1000).max_size
        60
    """
    concurrency = whole("expected_concurrency", expected_concurrency)
    latency = real("avg_operation_ms", avg_operation_ms)
    rate = real("peak_ops_per_second", peak_ops_per_second)
    under_way = math.ceil(rate * latency / 1000)
    max_size = min(max(math.ceil(under_way * _HEADROOM), _LEAST), _MOST)
    min_size = max(max_size // 4, _LEAST_WARM)
    rationale = (
        f"Based on {rate} ops/sec with {latency}ms avg latency. "
        f"Min {min_size} keeps connections warm, max {max_size} handles peak + 20% burst."
    )
    return PoolSizeRecommendation(min_size, max_size, rationale + _contradiction(concurrency, under_way))


def _contradiction(concurrency: int, under_way: int) -> str:
    if 0 < concurrency < under_way:
        return (
            f" At that peak {under_way} operations are under way at once, more than {concurrency} callers make: "
            "measure the figures again."
        )
    if concurrency > _MOST:
        return f" Of {concurrency} callers those beyond the pool wait for a connection: allow for it in the timeouts."
    return ""
