"""What is accepted as a safe pattern does not keep a real server busy."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from llm_devops_mongodb import (
    Collection,
    CountOptions,
    FilterBuilder,
    InvalidDocumentError,
    MongoClient,
    OperationTimeoutError,
)
from llm_devops_mongodb.query.patterns import check_pattern
from tests.patterns import HONEST, HOSTILE

MANY = 5000
LIMIT = CountOptions(max_time=timedelta(seconds=5))
"""Ten times what a pattern may take: these machines are shared. What is refused takes far longer."""

ATOMS = ("a", "b", ".", "[ab]", r"\w", r"\d", "[^a]", "1", "-", r"\.")
REPEATS = ("", "", "*", "+", "?", "{1,3}", "{2}", "{2,}")


@pytest.fixture(scope="module")
async def texts(mongo_server: Any) -> AsyncIterator[Collection[dict[str, str]]]:
    async with MongoClient.connect(mongo_server.uri) as client:
        database = client.database(f"patterns_{uuid.uuid4().hex[:8]}")
        collection = database.collection("texts")
        await collection.insert_many([{"text": HOSTILE[n % len(HOSTILE)]} for n in range(MANY)])
        yield collection
        await database.drop_collection("texts")


def written(draw: random.Random, depth: int = 0) -> str:
    """A pattern of few characters, so that its parts overlap often."""
    parts = []
    for _ in range(draw.randint(1, 4)):
        atom = f"({written(draw, depth + 1)})" if depth < 2 and draw.random() < 0.3 else draw.choice(ATOMS)
        parts.append(atom + draw.choice(REPEATS))
    text = "".join(parts)
    return f"{text}|{written(draw, 2)}" if draw.random() < 0.2 else text


def corpus(count: int) -> list[str]:
    draw = random.Random(7)
    found: list[str] = []
    while len(found) < count:
        pattern = draw.choice(("^", "")) + written(draw) + draw.choice(("$", "", "!"))
        try:
            check_pattern(pattern)
        except InvalidDocumentError:
            continue
        found.append(pattern)
    return found


@pytest.mark.parametrize("pattern", HONEST)
async def test_an_honest_pattern_is_quick(texts: Collection[dict[str, str]], pattern: str) -> None:
    assert await texts.count_documents(FilterBuilder().regex_safe("text", pattern), LIMIT) <= MANY


async def test_generated_patterns_that_are_accepted_are_quick(texts: Collection[dict[str, str]]) -> None:
    for pattern in corpus(250):
        assert await texts.count_documents(FilterBuilder().regex_safe("text", pattern), LIMIT) <= MANY


async def test_a_pattern_that_is_refused_is_slow(texts: Collection[dict[str, str]]) -> None:
    pattern = "^(a+)+$"
    with pytest.raises(InvalidDocumentError):
        FilterBuilder().regex_safe("text", pattern)

    with pytest.raises(OperationTimeoutError):
        await texts.count_documents(
            FilterBuilder().regex("text", pattern), CountOptions(max_time=timedelta(milliseconds=300))
        )
