"""The cheapest models, found by the server: a pipeline, and the type of its rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.options import Document

WINDOWS: Final = (32_000, 128_000, 200_000, 1_000_000)
"""The sizes of context window to shop for, in tokens."""


class Shelf(msgspec.Struct, frozen=True):
    """The models of one provider whose context window is at least so large, and smaller than the next size."""

    provider: str
    window: int


class Cheapest(msgspec.Struct, frozen=True):
    """The model with the cheapest input on a shelf, in US dollars for a million tokens."""

    shelf: Shelf = msgspec.field(name="_id")
    ref: str
    input_price: Decimal
    output_price: Decimal | None
    choices: int


def cheapest_models(providers: Sequence[str]) -> list[Document]:
    """Return the pipeline; it asks for the variable `day`, on which the prices must hold."""
    return [
        {
            "$match": {
                "provider": {"$in": providers},
                "context_window": {"$gte": min(WINDOWS)},
                "deprecated": {"$ne": True},
            }
        },
        {"$set": {"valid": {"$filter": {"input": "$prices", "as": "list", "cond": _HOLDS}}}},
        {"$set": {"price": {"$last": "$valid.prices"}}},
        {"$set": {"input_price": _base("input_mtok"), "output_price": _base("output_mtok")}},
        {"$match": {"input_price": {"$gt": 0}}},
        {"$sort": {"input_price": 1, "output_price": 1, "ref": 1}},
        {
            "$group": {
                "_id": {"provider": "$provider", "window": _WINDOW},
                "ref": {"$first": "$ref"},
                "input_price": {"$first": "$input_price"},
                "output_price": {"$first": "$output_price"},
                "choices": {"$sum": 1},
            }
        },
        {"$sort": {"_id": 1}},
    ]


# A field that is not there compares as less than any date: prices without a first day hold.
_HOLDS: Final = {
    "$and": [
        {"$lte": ["$$list.constraint.start_date", "$$day"]},
        {"$eq": [{"$type": "$$list.constraint.start_time"}, "missing"]},
    ]
}

_WINDOW: Final = {"$max": [{"$cond": [{"$gte": ["$context_window", size]}, size, 0]} for size in WINDOWS]}


def _base(unit: str) -> Document:
    """The price of a unit: a number, or the base of tiers."""
    return {"$ifNull": [f"$price.{unit}.base", f"$price.{unit}", None]}
