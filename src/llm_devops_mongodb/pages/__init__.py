"""Pages by where the one before ended: the order, the condition and the cursors. Pure; nothing here is sent.

A cursor names a gap between two documents of a total order, so the same cursor asks for what comes after it or before.
"""

from llm_devops_mongodb.pages.boundary import within_bounds
from llm_devops_mongodb.pages.cursors import CursorSeal, Gap
from llm_devops_mongodb.pages.fingerprint import fingerprint
from llm_devops_mongodb.pages.key_values import positions_of
from llm_devops_mongodb.pages.projections import check_projection
from llm_devops_mongodb.pages.requests import (
    check_options,
    check_page_number,
    check_page_size,
    check_total,
)
from llm_devops_mongodb.pages.sort_keys import SortKey, as_sort, flipped, total_order

__all__ = [
    "CursorSeal",
    "Gap",
    "SortKey",
    "as_sort",
    "check_options",
    "check_page_number",
    "check_page_size",
    "check_projection",
    "check_total",
    "fingerprint",
    "flipped",
    "positions_of",
    "total_order",
    "within_bounds",
]
