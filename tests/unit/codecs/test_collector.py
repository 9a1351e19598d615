from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import msgspec
import pydantic
import pytest

from llm_devops_mongodb.codecs.collector import collector_paused
from tests.unit.codecs.support import codec_of, raw


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


class Struct(msgspec.Struct):
    x: int


class Watching(pydantic.BaseModel):
    x: int

    @pydantic.field_validator("x", mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        assert not gc.isenabled()
        return value


def test_the_collector_waits_while_a_frame_is_read_and_goes_on_after() -> None:
    assert len(codec_of(Watching).decode_frame(raw({"x": 1}) * 3)) == 3
    assert gc.isenabled()


@pytest.mark.parametrize("kind", [dict, Struct])
def test_the_collector_goes_on_after_a_document_that_cannot_be_read(kind: Any) -> None:
    with pytest.raises(Exception, match=r"damaged|cannot be read"):
        codec_of(kind).decode_frame(raw({"x": "one"}) + b"\x01")
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    codec_of(Struct).decode_frame(raw({"x": 1}))
    assert not gc.isenabled()


def test_pauses_may_be_nested() -> None:
    with collector_paused():
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
