"""The documents every contender works on: a log of requests to language models, of about 510 bytes of BSON each.

Document `n` is a function of `n` alone. Nothing needs to be kept to know what was stored, so the process under
measurement holds no large live heap that would weigh on its garbage collector.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import bson

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_PROVIDERS = ("anthropic", "openai", "mistral", "google")
_REGIONS = ("eu-west-1", "us-east-1", "ap-south-2")
_TAGS = ("production", "evaluation", "summary", "retrieval", "streamed", "cached", "tool-use")
_WORDS = ("the", "answer", "of", "a", "model", "token", "prompt", "latency", "budget", "vector", "index", "cache")


def document(number: int) -> Document:
    """The document of that number: the same in every run and on every machine."""
    random = Random(number)
    return {
        "_id": key(number),
        "request": f"{random.getrandbits(128):032x}",
        "provider": random.choice(_PROVIDERS),
        "deployment": f"{random.choice(_PROVIDERS)}-large-{random.randint(1, 9)}",
        "prompt": " ".join(random.choices(_WORDS, k=22)),
        "prompt_tokens": random.randint(1, 200_000),
        "completion_tokens": random.randint(1, 8_000),
        "latency": random.random() * 30,
        "streamed": random.random() < 0.5,
        "created": _EPOCH + timedelta(milliseconds=random.randrange(31_536_000_000)),
        "tags": random.sample(_TAGS, k=4),
        "usage": {
            "account": key(random.randrange(10_000)),
            "region": random.choice(_REGIONS),
            "attempts": random.randint(1, 5),
            "cost": random.random(),
        },
    }


def key(number: int) -> bson.ObjectId:
    """The `_id` of the document of that number."""
    return bson.ObjectId(f"{number:024x}")


def documents(count: int) -> Iterator[Document]:
    """The first `count` documents, in order, one at a time."""
    return map(document, range(count))


def generated(count: int) -> Iterator[Document]:
    """Small documents without an `_id`, made at little cost: what is done for each of them weighs most."""
    return ({"n": n, "name": "document", "rank": n * 7919 % count, "streamed": n % 2 == 0} for n in range(count))


def mean_size(count: int = 1000) -> float:
    """The mean size of the first `count` documents in bytes of BSON."""
    return sum(len(bson.encode(each)) for each in documents(count)) / count
