"""A stream of typed documents, over frames from a list."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from llm_devops_mongodb import CursorError, DeserializationError, DocumentStream, MongoError
from llm_devops_mongodb.codecs import BsonSettings, codec_for
from llm_devops_mongodb.cursor import OnError
from tests.stub_transport import StubFrames, frame


class Item(msgspec.Struct, weakref=True):
    n: int


class Source:
    """Opens one stream of frames, and counts how often it was asked to."""

    def __init__(self, *frames: bytes | Exception, refused: MongoError | None = None) -> None:
        self.frames = StubFrames(frames)
        self.opened = 0
        self.refused = refused

    async def open(self) -> StubFrames:
        self.opened += 1
        if self.refused is not None:
            raise self.refused
        return self.frames

    def stream(self, kind: type[Any] = Item, on_error: OnError = "raise") -> DocumentStream[Any]:
        return DocumentStream(self.open, codec_for(kind, BsonSettings()), namespace="shop.items", on_error=on_error)


async def read_into(seen: list[Item], stream: DocumentStream[Item]) -> None:
    async for item in stream:
        seen.append(item)  # noqa: PERF401 - a comprehension would lose what came before an error


def items(*numbers: Any) -> bytes:
    return frame(*({"_id": index, "n": number} for index, number in enumerate(numbers)))


async def test_nothing_is_asked_before_the_first_document_is() -> None:
    source = Source(items(1))
    stream = source.stream()
    assert source.opened == 0
    async with stream:
        assert source.opened == 0
        await stream.next()
    assert source.opened == 1


async def test_next_gives_each_document_and_then_none_for_good() -> None:
    source = Source(items(1, 2), items(3))
    stream = source.stream()
    assert [await stream.next() for _ in range(5)] == [Item(1), Item(2), Item(3), None, None]
    assert source.opened == 1


async def test_the_end_frees_the_cursor() -> None:
    source = Source(items(1))
    stream = source.stream()
    while await stream.next() is not None:
        assert source.frames.closed == 0
    assert source.frames.closed == 1


async def test_an_empty_stream_ends_at_once() -> None:
    source = Source()
    assert [document async for document in source.stream()] == []
    assert source.frames.closed


async def test_a_frame_of_nothing_is_passed_over() -> None:
    assert [item.n async for item in Source(b"", items(1), b"", items(2)).stream()] == [1, 2]


async def test_async_for_goes_on_where_next_was() -> None:
    async with Source(items(1, 2, 3)).stream() as stream:
        assert await stream.next() == Item(1)
        assert [item.n async for item in stream] == [2, 3]
        assert [item.n async for item in stream] == []


async def test_closing_early_drops_the_rest_and_may_be_repeated() -> None:
    source = Source(items(1, 2), items(3))
    stream = source.stream()
    await stream.next()
    await stream.aclose()
    await stream.aclose()
    assert source.frames.closed
    assert await stream.next() is None
    assert [document async for document in stream] == []


async def test_closing_what_was_never_read_asks_nothing() -> None:
    source = Source(items(1))
    async with source.stream() as stream:
        pass
    assert await stream.next() is None
    assert (source.opened, source.frames.closed) == (0, 0)


async def test_leaving_the_block_closes_whatever_happened() -> None:
    source = Source(items(1, 2))

    async def read() -> None:
        async with source.stream() as stream:
            await stream.next()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read()
    assert source.frames.closed == 1


async def test_a_break_closes_without_a_block() -> None:
    source = Source(items(1, 2), items(3))
    async for _ in source.stream():
        break
    gc.collect()  # frees the generator on an interpreter that does not count references
    for _ in range(3):
        await asyncio.sleep(0)
    assert source.frames.closed == 1


async def test_an_error_in_the_loop_closes_without_a_block() -> None:
    source = Source(items(1, 2), items(3))

    async def read() -> None:
        async for _ in source.stream():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read()
    gc.collect()
    for _ in range(3):
        await asyncio.sleep(0)
    assert source.frames.closed == 1


class WaitingFrames(StubFrames):
    """Frames that never come."""

    def __init__(self) -> None:
        super().__init__([])
        self.waiting = asyncio.Event()

    async def next(self) -> bytes | None:
        self.waiting.set()
        await asyncio.Event().wait()
        return None


async def test_cancelling_the_reader_closes() -> None:
    source = Source()
    source.frames = frames = WaitingFrames()

    reader = asyncio.create_task(read_into([], source.stream()))
    await frames.waiting.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert frames.closed == 1


async def test_a_stream_closed_while_it_opens_closes_what_is_opened() -> None:
    source, opening, allowed = Source(items(1)), asyncio.Event(), asyncio.Event()

    async def open_slowly() -> StubFrames:
        opening.set()
        await allowed.wait()
        return source.frames

    stream = DocumentStream(open_slowly, codec_for(Item, BsonSettings()), namespace="shop.items")
    reader = asyncio.create_task(stream.next())
    await opening.wait()
    await stream.aclose()
    allowed.set()

    assert await reader is None
    assert source.frames.closed == 1


async def test_a_query_that_cannot_be_sent_is_an_error_and_may_be_tried_again() -> None:
    refused = MongoError("no server")
    source = Source(items(1), refused=refused)
    stream = source.stream()
    with pytest.raises(MongoError) as caught:
        await stream.next()
    assert caught.value is refused

    source.refused = None
    assert await stream.next() == Item(1)
    assert source.opened == 2


@pytest.mark.parametrize("on_error", ["raise", "skip"])
async def test_a_lost_cursor_is_an_error_and_no_silent_end(on_error: OnError) -> None:
    lost = CursorError("lost")
    source = Source(items(1), lost)
    seen: list[Item] = []
    with pytest.raises(CursorError) as caught:
        await read_into(seen, source.stream(on_error=on_error))
    assert caught.value is lost
    assert seen == [Item(1)]
    assert source.frames.closed == 1


# Documents that do not fit


async def test_next_raises_at_a_misfit_and_goes_on_after_it() -> None:
    stream = Source(items(1, "two", 3, "four"), items(5)).stream()
    assert await stream.next() == Item(1)
    with pytest.raises(DeserializationError) as caught:
        await stream.next()
    assert (caught.value.namespace, caught.value.document_id, caught.value.path) == ("shop.items", 1, "n")
    assert await stream.next() == Item(3)
    with pytest.raises(DeserializationError):
        await stream.next()
    assert await stream.next() == Item(5)
    assert await stream.next() is None


async def test_async_for_raises_at_a_misfit_after_what_came_before_and_closes() -> None:
    source = Source(items(1, 2, "three", 4))
    seen: list[Item] = []
    with pytest.raises(DeserializationError):
        await read_into(seen, source.stream())
    assert seen == [Item(1), Item(2)]
    assert source.frames.closed == 1


async def test_misfits_are_skipped_if_asked_and_logged_without_their_values(caplog: pytest.LogCaptureFixture) -> None:
    source = Source(items("secret", 2, "secret"), items("secret"), items(5))
    assert [item.n async for item in source.stream(on_error="skip")] == [2, 5]
    assert len(caplog.records) == 3
    assert all(record.getMessage().startswith("skipped: shop.items: ") for record in caplog.records)
    assert "secret" not in caplog.text


@pytest.mark.parametrize("on_error", ["raise", "skip"])
async def test_a_damaged_frame_is_an_error(on_error: OnError) -> None:
    source = Source(items(1) + b"\x07\x00\x00\x00", items(2))
    with pytest.raises(DeserializationError, match="damaged"):
        await read_into([], source.stream(on_error=on_error))
    assert source.frames.closed == 1


# Memory


@pytest.mark.parametrize("misfit", [False, True])
@pytest.mark.parametrize("on_error", ["raise", "skip"])
async def test_one_chunk_of_models_is_alive_at_most(on_error: OnError, misfit: bool) -> None:
    numbers: list[Any] = [*range(20_000)]
    if misfit and on_error == "skip":
        numbers[::1000] = ["misfit"] * 20
    alive: weakref.WeakSet[Item] = weakref.WeakSet()
    most = 0

    class Counted(Item, weakref=True):
        def __post_init__(self) -> None:
            nonlocal most
            alive.add(self)
            most = max(most, len(alive))

        def __hash__(self) -> int:
            return id(self)

    read = 0
    async for _ in Source(items(*numbers)).stream(Counted, on_error):
        read += 1

    assert read == sum(isinstance(number, int) for number in numbers)
    # 32 KiB of documents of 28 bytes are some 1,200.
    assert 0 < most < 3_000


Reading = Callable[[DocumentStream[Any]], Awaitable[object]]


@pytest.mark.parametrize(
    "read",
    [lambda stream: stream.next(), lambda stream: anext(aiter(stream))],
    ids=["next", "async for"],
)
async def test_a_frame_is_asked_for_when_the_one_before_is_used_up(read: Reading) -> None:
    source = Source(items(1), items(2), items(3))
    stream = source.stream()
    await read(stream)
    assert source.frames._frames == [items(2), items(3)]
