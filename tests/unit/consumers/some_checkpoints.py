"""Checkpoints of every shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bson import Timestamp
from hypothesis import strategies as st

from llm_devops_mongodb import ResumeToken
from llm_devops_mongodb.consumers import Checkpoint

PARTS = 2**32 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
data = st.one_of(st.text("0123456789ABCDEF", min_size=2, max_size=60), st.binary(max_size=30))
tokens = st.fixed_dictionaries({"_data": data}, optional={"_typeBits": st.binary(max_size=8)}).map(ResumeToken)
timestamps = st.builds(Timestamp, st.integers(0, PARTS), st.integers(0, PARTS))
# BSON keeps milliseconds.
times = st.integers(0, 2**42).map(lambda number: EPOCH + timedelta(milliseconds=number))


def checkpoints(name: str) -> st.SearchStrategy[Checkpoint]:
    """Checkpoints of that name, which nobody owns yet."""
    return st.builds(
        Checkpoint,
        name=st.just(name),
        fingerprint=st.text("0123456789abcdef", min_size=64, max_size=64),
        options=st.dictionaries(st.text("abc_", min_size=1, max_size=8), texts, max_size=4),
        token=st.none() | tokens,
        operation_time=st.none() | timestamps,
        wall_time=st.none() | times,
        rejected=st.none() | texts,
    )


def checkpoint(number: int, *, name: str = "orders", owner: str = "a", fence: int = 1) -> Checkpoint:
    """One that can be told from others by its number."""
    return Checkpoint(name=name, fingerprint="f", owner=owner, fence=fence, token=ResumeToken({"_data": str(number)}))


def number_of(found: Checkpoint | None) -> int:
    """The number of that checkpoint; -1 where there is none."""
    return -1 if found is None or found.token is None else int(found.token.as_document()["_data"])
