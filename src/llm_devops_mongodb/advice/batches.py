"""How many documents to send at once."""

from __future__ import annotations

from llm_devops_mongodb.advice.figures import real, whole

_TARGET_BYTES = 1024 * 1024
_LEAST = 100
_MOST = 100_000
_MOST_SECONDS = 300
_BYTES_PER_MEGABIT = 125_000


def optimal_batch_size(avg_doc_size_bytes: int, network_bandwidth_mbps: float) -> int:
    """Recommend how many documents to send in one batch: about 1 MiB, and 100 to 100,000 documents.

    Args:
        avg_doc_size_bytes: The average size of a document as BSON, in bytes.
        network_bandwidth_mbps: What the network carries, in megabits a second; 0 where it is not known. It counts
            only where one batch would take more than five minutes (100 documents of 16 MiB on less than 45 Mbit/s):
            then fewer documents are recommended, at least one, so that a batch that fails loses less.

    Raises:
        ConfigError: A figure is negative, no number, or more than 2³² - 1.

    Example:
        >>> optimal_batch_size(1024, 100)
        1024
    """
    size = max(whole("avg_doc_size_bytes", avg_doc_size_bytes), 1)
    bandwidth = real("network_bandwidth_mbps", network_bandwidth_mbps)
    count = min(max(_TARGET_BYTES // size, _LEAST), _MOST)
    if bandwidth == 0:
        return count
    carried = int(bandwidth * _BYTES_PER_MEGABIT * _MOST_SECONDS)
    return min(count, max(carried // size, 1))
