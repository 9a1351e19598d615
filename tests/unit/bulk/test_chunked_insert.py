"""Documents without end: what is sent, when, and what is told of it."""

from __future__ import annotations

import asyncio
import gc
import pickle
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any

import bson
import pytest

from llm_devops_mongodb import (
    BulkWriteError,
    DuplicateKeyError,
    FindOptions,
    InsertManyResult,
    InsertOptions,
    InvalidDocumentError,
    MongoConnectionError,
    SerializationError,
    TransactionError,
)
from llm_devops_mongodb import operations as op
from llm_devops_mongodb.bulk import InsertProgress, chunked_insert
from llm_devops_mongodb.operations import Operation
from llm_devops_mongodb.replies import DoneReply, InsertReply, Reply
from tests.stub_transport import StubTransport
from tests.unit.bulk.collections_on import ID, INSERTED, User, client_on, plain_on, refused, users_on


def numbered(number: int, *, start: int = 0) -> Iterator[dict[str, Any]]:
    return ({"_id": index} for index in range(start, start + number))


async def slowly(number: int) -> AsyncIterator[dict[str, Any]]:
    for index in range(number):
        yield {"_id": index}


def sent(transport: StubTransport) -> list[list[Any]]:
    """The `_id`s of every chunk that was sent."""
    return [[bson.decode(raw)["_id"] for raw in each.documents] for each in transport.operations]


async def test_documents_are_sent_in_chunks_in_their_order() -> None:
    transport, users = plain_on()

    result = await chunked_insert(users, numbered(5), 2)

    assert sent(transport) == [[0, 1], [2, 3], [4]]
    assert result == InsertManyResult({0: 0, 1: 1, 2: 2, 3: 3, 4: 4})
    assert result.count == 5


@pytest.mark.parametrize("documents", [[{"_id": 0}, {"_id": 1}], ({"_id": 0}, {"_id": 1})])
async def test_a_sequence_serves_as_well(documents: Any) -> None:
    transport, users = plain_on()

    await chunked_insert(users, documents)

    assert sent(transport) == [[0, 1]]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 600])
async def test_an_async_iterable_serves_as_well(number: int) -> None:
    transport, users = plain_on()

    result = await chunked_insert(users, slowly(number), 300)

    assert [index for chunk in sent(transport) for index in chunk] == list(range(number))
    assert result.inserted_ids == {index: index for index in range(number)}


async def test_options_and_order_reach_every_chunk() -> None:
    transport, users = plain_on()
    options = InsertOptions(comment="load")

    await chunked_insert(users, numbered(2), 1, ordered=False, options=options)

    assert [(each.ordered, each.options) for each in transport.operations] == [(False, options)] * 2
    assert all(type(each) is op.InsertMany for each in transport.operations)


async def test_models_become_documents_with_an_id_and_stay_as_they_are() -> None:
    transport, users = users_on()
    ada = User("Ada")

    result = await chunked_insert(users, [ada])

    assert result.inserted_ids == {0: ID}
    assert bson.decode(transport.operations[0].documents[0]) == {"_id": ID, "name": "Ada", "age": 0}
    assert ada.id is None


async def test_no_documents_give_an_empty_result_and_send_nothing() -> None:
    transport, users = plain_on()

    assert await chunked_insert(users, []) == InsertManyResult.empty()
    assert transport.operations == []


async def test_an_unacknowledged_chunk_makes_the_whole_unacknowledged() -> None:
    _, users = plain_on(InsertReply(acknowledged=False))

    result = await chunked_insert(users, numbered(3), 2)

    assert not result.acknowledged
    assert result.count == 3


@pytest.mark.parametrize("size", [0, -1, True, 1.5, None])
async def test_a_chunk_holds_at_least_one_document(size: Any) -> None:
    _, users = plain_on()

    with pytest.raises(InvalidDocumentError, match="chunk_size"):
        await chunked_insert(users, [], size)


@pytest.mark.parametrize(
    ("path", "given"),
    [("ordered", {"ordered": "no"}), ("ordered", {"ordered": 0}), ("options", {"options": FindOptions()})],
)
async def test_order_and_options_of_the_wrong_kind_are_refused(path: str, given: dict[str, Any]) -> None:
    transport, users = plain_on()

    with pytest.raises(InvalidDocumentError) as caught:
        await chunked_insert(users, numbered(1), **given)
    assert caught.value.path == path
    assert transport.operations == []


@pytest.mark.parametrize("documents", ["text", b"bytes", bytearray(b"bytes"), {"_id": 1}, None, 7])
async def test_what_holds_no_documents_is_refused(documents: Any) -> None:
    transport, users = plain_on()

    with pytest.raises(InvalidDocumentError):
        await chunked_insert(users, documents)
    assert transport.operations == []


async def test_a_chunk_ends_before_it_is_more_than_one_message() -> None:
    transport, users = plain_on()
    mebibytes = b"\0" * (12 * 1024 * 1024)

    await chunked_insert(users, ({"_id": index, "blob": mebibytes} for index in range(4)), 100)

    assert sent(transport) == [[0, 1, 2], [3]]


class Gate:
    """A transport whose answers wait until they are let go."""

    def __init__(self) -> None:
        self.started = 0
        self.most = 0
        self.under_way = 0
        self.open = asyncio.Event()
        self.cancelled = 0

    async def handle(self, operation: Operation) -> Reply:
        self.started += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        return INSERTED

    async def aclose(self) -> None: ...


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


class Watched(dict[str, Any]):
    """A dict that can be watched: it is itself, whatever it holds."""

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none
        return id(self)


async def test_the_next_chunk_is_made_while_one_is_sent_and_no_further() -> None:
    gate = Gate()
    users = client_on(gate).collection("shop", "users")  # type: ignore[arg-type]  # a transport
    given: list[int] = []

    def documents() -> Iterator[dict[str, Any]]:
        for index in range(6):
            given.append(index)
            yield {"_id": index}

    insertion = asyncio.create_task(chunked_insert(users, documents(), 2))
    await until(lambda: len(given) == 4)
    for _ in range(20):
        await asyncio.sleep(0)

    assert (gate.started, given) == (1, [0, 1, 2, 3])
    gate.open.set()
    assert (await insertion).count == 6
    assert gate.most == 1


async def test_documents_are_let_go_once_they_are_encoded() -> None:
    _, users = plain_on()
    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    most = 0

    def documents() -> Iterator[dict[str, Any]]:
        nonlocal most
        for index in range(1000):
            document = Watched(_id=index)
            alive.add(document)
            most = max(most, len(alive))
            yield document

    await chunked_insert(users, documents(), 100)

    assert most <= 3


async def test_in_a_session_nothing_is_read_while_a_chunk_is_sent() -> None:
    transport = StubTransport(INSERTED)
    client = client_on(transport)
    users = client.collection("shop", "users")
    seen: list[int] = []

    def documents() -> Iterator[dict[str, Any]]:
        for index in range(3):
            seen.append(len(transport.operations))
            yield {"_id": index}

    session = client.start_session()
    await chunked_insert(users, documents(), 1, session=session)
    await chunked_insert(users.within(session), numbered(1))

    assert seen == [0, 1, 2]
    assert all(each.session is not None for each in transport.operations)


async def test_an_ended_session_is_told_as_it_is() -> None:
    transport = StubTransport(DoneReply())
    client = client_on(transport)
    session = client.start_session()
    await session.end()

    with pytest.raises(TransactionError, match="ended"):
        await chunked_insert(client.collection("shop", "users"), numbered(1), session=session)


async def test_a_failed_chunk_ends_an_ordered_insertion() -> None:
    transport, users = plain_on(INSERTED, refused(1), INSERTED)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(9), 3)

    error = caught.value
    assert sent(transport) == [[0, 1, 2], [3, 4, 5]]
    assert error.result == InsertManyResult({0: 0, 1: 1, 2: 2, 3: 3})
    assert list(error.write_errors) == [4]
    assert error.write_errors[4].message == "write 4: no"
    assert error.write_errors[4].args == ("write 4: no",)
    assert error.write_errors[4].code == 121
    assert error.outcome == "unknown"
    assert "1 documents failed, 4 were inserted" in error.message
    assert pickle.loads(pickle.dumps(error)).result == error.result


async def test_an_unordered_insertion_tries_every_chunk() -> None:
    transport, users = plain_on(refused(0, 2), INSERTED, refused(1))

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(8), 3, ordered=False)

    assert len(transport.operations) == 3
    assert caught.value.result == InsertManyResult({1: 1, 3: 3, 4: 4, 5: 5, 6: 6})
    assert list(caught.value.write_errors) == [0, 2, 7]


async def test_a_whole_that_failed_was_not_applied() -> None:
    _, users = plain_on(refused(0, outcome="not_applied"))

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(2))

    assert caught.value.outcome == "not_applied"
    assert caught.value.result.inserted_ids == {}  # type: ignore[union-attr]  # of an insertion


async def test_a_chunk_that_is_not_acknowledged_as_asked_ends_nothing_but_is_told() -> None:
    _, users = plain_on(refused(concerns=1), INSERTED)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(4), 2)

    assert caught.value.result == InsertManyResult({0: 0, 1: 1, 2: 2, 3: 3})
    assert [each.code for each in caught.value.write_concern_errors] == [64]
    assert caught.value.outcome == "applied"
    assert "not acknowledged" in caught.value.message


async def test_the_cause_and_the_class_of_a_single_failure_are_kept() -> None:
    failure = refused()
    failure.write_errors = {0: DuplicateKeyError("write 0: there", index_name="name_1", code=11000)}
    failure.__cause__ = cause = RuntimeError("the driver's")
    _, users = plain_on(failure)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(1))

    assert caught.value.__cause__ is cause
    single = caught.value.write_errors[0]
    assert isinstance(single, DuplicateKeyError)
    assert single.index_name == "name_1"


async def test_an_error_of_another_text_is_left_as_it_is() -> None:
    failure = refused()
    failure.write_errors = {0: DuplicateKeyError("another text")}
    _, users = plain_on(INSERTED, failure)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(2), 1)

    assert caught.value.write_errors[1].message == "another text"


async def test_what_ends_it_before_any_chunk_is_done_is_raised_as_it_is() -> None:
    lost = MongoConnectionError("lost", outcome="unknown")
    transport, users = plain_on(lost)

    with pytest.raises(MongoConnectionError) as caught:
        await chunked_insert(users, numbered(4), 2)

    assert caught.value is lost
    assert len(transport.operations) == 1


async def test_what_ends_it_later_keeps_what_was_inserted() -> None:
    labels = ["RetryableWriteError", "TransientTransactionError"]
    lost = MongoConnectionError("lost", code=91, code_name="ShutdownInProgress", labels=labels, outcome="unknown")
    _, users = plain_on(INSERTED, lost)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(6), 2)

    error = caught.value
    assert error.__cause__ is lost
    assert error.result == InsertManyResult({0: 0, 1: 1})
    assert (error.code, error.code_name, error.outcome) == (91, "ShutdownInProgress", "unknown")
    assert error.labels == {"TransientTransactionError"}
    assert "lost" in error.message


@pytest.mark.parametrize(("failed", "inserted"), [([], [0, 1, 2, 3, 4, 5]), ([5], [0, 1, 2, 3, 4, 6])])
async def test_what_ends_it_within_a_chunk_keeps_what_was_inserted_of_that(
    failed: list[int], inserted: list[int]
) -> None:
    lost = MongoConnectionError("lost", code=91)
    within = refused(*[index - 4 for index in failed], inserted=len(inserted) - 4, ended_by=lost, code=91)
    transport, users = plain_on(INSERTED, within, INSERTED)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, numbered(12), 4, ordered=False)

    assert len(transport.operations) == 2
    assert caught.value.result == InsertManyResult({index: index for index in inserted})
    assert list(caught.value.write_errors) == failed
    assert caught.value.ended_by is caught.value.__cause__ is lost


async def test_a_document_that_is_refused_at_first_sends_nothing() -> None:
    transport, users = plain_on()

    with pytest.raises(InvalidDocumentError) as caught:
        await chunked_insert(users, [{"_id": 0}, {"_id": 1, "$a": 1}])

    assert transport.operations == []
    assert caught.value.path == "1.$a"
    assert caught.value.message.startswith("document 1: ")


async def test_a_document_that_is_refused_later_keeps_what_was_inserted() -> None:
    transport, users = plain_on()
    documents = [*numbered(5), {"_id": 5, "a": {1, 2}}]

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, documents, 2, ordered=False)

    assert sent(transport) == [[0, 1], [2, 3]]
    assert caught.value.result == InsertManyResult({0: 0, 1: 1, 2: 2, 3: 3})
    assert caught.value.write_errors == {}
    cause = caught.value.__cause__
    assert isinstance(cause, SerializationError)
    assert cause.path == "5.a"


async def test_a_refused_document_of_no_path_is_known_by_its_number() -> None:
    _, users = users_on()
    mistaken: list[Any] = [User("Ada"), "Grace"]

    with pytest.raises(SerializationError) as caught:
        await chunked_insert(users, mistaken)

    assert caught.value.path == "1"


async def test_endless_documents_stop_with_the_first_failure() -> None:
    transport, users = plain_on(refused(0))

    with pytest.raises(BulkWriteError):
        await chunked_insert(users, ({"_id": index} for index in count()), 10_000)

    assert len(transport.operations) == 1


async def test_what_the_documents_raise_passes_untouched_after_the_chunk_under_way() -> None:
    transport, users = plain_on()
    seen: list[InsertProgress] = []
    mistake = KeyError("mine")

    def documents() -> Iterator[dict[str, Any]]:
        yield from numbered(3)
        raise mistake

    with pytest.raises(KeyError) as caught:
        await chunked_insert(users, documents(), 2, on_progress=seen.append)

    assert caught.value is mistake
    assert not hasattr(mistake, "__notes__")
    assert sent(transport) == [[0, 1]]
    assert seen == [InsertProgress(2, 0, 1)]


async def test_what_async_documents_raise_passes_untouched() -> None:
    _, users = plain_on()
    mistake = InvalidDocumentError("mine", path="a")

    async def documents() -> AsyncIterator[dict[str, Any]]:
        yield {"_id": 0}
        raise mistake

    with pytest.raises(InvalidDocumentError) as caught:
        await chunked_insert(users, documents(), 1)

    assert caught.value is mistake
    assert (mistake.message, mistake.path) == ("mine", "a")


async def test_failures_before_the_documents_raise_are_noted() -> None:
    _, users = plain_on(refused(0), INSERTED)

    def documents() -> Iterator[dict[str, Any]]:
        yield from numbered(5)
        raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        await chunked_insert(users, documents(), 2, ordered=False)

    assert caught.value.__notes__ == ["1 documents failed, 3 were inserted; see write_errors and result"]


async def until_the_source(fails: Exception, *, after: int) -> AsyncIterator[dict[str, Any]]:
    for index in range(after):
        yield {"_id": index}
    raise fails


def at_once_until_the_source(fails: Exception, *, after: int) -> Iterator[dict[str, Any]]:
    yield from numbered(after)
    raise fails


@pytest.mark.parametrize("source", [until_the_source, at_once_until_the_source])
@pytest.mark.parametrize("is_ordered", [True, False])
async def test_what_the_documents_raise_after_the_last_chunk_is_not_told(source: Any, *, is_ordered: bool) -> None:
    ending = refused(1) if is_ordered else MongoConnectionError("lost", code=91, outcome="unknown")
    transport, users = plain_on(INSERTED, ending)

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, source(KeyError("mine"), after=5), 2, ordered=is_ordered)

    assert sent(transport) == [[0, 1], [2, 3]]
    inserted = [0, 1, 2] if is_ordered else [0, 1]
    assert caught.value.result == InsertManyResult({index: index for index in inserted})
    assert list(caught.value.write_errors) == ([3] if is_ordered else [])


async def test_a_document_that_is_refused_after_the_last_chunk_is_not_told() -> None:
    transport, users = plain_on(INSERTED, refused(1, code=11000))

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, [*numbered(5), {"$a": 1}], 2)

    assert len(transport.operations) == 2
    assert caught.value.code == 11000
    assert list(caught.value.write_errors) == [3]
    assert not isinstance(caught.value.__cause__, InvalidDocumentError)


async def test_progress_is_told_after_each_chunk() -> None:
    _, users = plain_on(INSERTED, refused(0), INSERTED)
    seen: list[InsertProgress] = []

    with pytest.raises(BulkWriteError):
        await chunked_insert(users, numbered(5), 2, ordered=False, on_progress=seen.append)

    assert seen == [InsertProgress(2, 0, 1), InsertProgress(3, 1, 2), InsertProgress(4, 1, 3)]


async def test_progress_may_be_awaited() -> None:
    _, users = plain_on()
    seen: list[int] = []

    async def tell(progress: InsertProgress) -> None:
        await asyncio.sleep(0)
        seen.append(progress.inserted)

    await chunked_insert(users, numbered(3), 2, on_progress=tell)

    assert seen == [2, 3]


async def test_what_progress_raises_ends_it_and_passes_untouched() -> None:
    transport, users = plain_on()

    def tell(progress: InsertProgress) -> None:
        raise LookupError(progress.inserted)

    with pytest.raises(LookupError):
        await chunked_insert(users, ({"_id": index} for index in count()), 1000, on_progress=tell)

    assert len(transport.operations) == 1


async def test_of_two_errors_the_documents_one_is_told_with_a_note_of_the_other() -> None:
    _, users = plain_on()
    asked = asyncio.Event()

    async def tell(_: InsertProgress) -> None:
        asked.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        raise LookupError

    async def documents() -> AsyncIterator[dict[str, Any]]:
        yield {"_id": 0}
        await asked.wait()
        raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        await chunked_insert(users, documents(), 1, on_progress=tell)

    assert caught.value.__notes__ == ["the chunk under way failed too: LookupError"]


@pytest.mark.parametrize("waiting", ["for the server", "for documents"])
async def test_a_cancelled_insertion_leaves_nothing_behind(waiting: str) -> None:
    gate = Gate()
    users = client_on(gate).collection("shop", "users")  # type: ignore[arg-type]  # a transport

    async def documents() -> AsyncIterator[dict[str, Any]]:
        yield {"_id": 0}
        if waiting == "for documents":
            await asyncio.Event().wait()
        yield {"_id": 1}

    before = asyncio.all_tasks()
    insertion = asyncio.create_task(chunked_insert(users, documents(), 1))
    await until(lambda: gate.started == 1)
    for _ in range(10):
        await asyncio.sleep(0)
    insertion.cancel()

    with pytest.raises(asyncio.CancelledError):
        await insertion
    assert gate.cancelled == 1
    assert asyncio.all_tasks() == before


async def test_cancelled_before_the_first_chunk_it_just_ends() -> None:
    _, users = plain_on()

    async def documents() -> AsyncIterator[dict[str, Any]]:
        await asyncio.Event().wait()
        yield {}

    insertion = asyncio.create_task(chunked_insert(users, documents()))
    await asyncio.sleep(0)
    insertion.cancel()

    with pytest.raises(asyncio.CancelledError):
        await insertion
    gc.collect()


class Interruption(BaseException):
    """As KeyboardInterrupt, SystemExit and pytest's own are: no error of the program."""


def interrupted_after(number: int) -> Iterator[dict[str, Any]]:
    yield from numbered(number)
    raise Interruption


async def test_an_interruption_of_the_documents_cancels_the_chunk_under_way() -> None:
    gate = Gate()
    users = client_on(gate).collection("shop", "users")  # type: ignore[arg-type]  # a transport
    before = asyncio.all_tasks()

    with pytest.raises(Interruption):
        await chunked_insert(users, interrupted_after(1), 1)

    assert (gate.started, gate.cancelled) == (1, 1)
    assert asyncio.all_tasks() == before


async def test_an_insertion_that_is_dropped_with_its_event_loop_just_ends() -> None:
    gate = Gate()
    users = client_on(gate).collection("shop", "users")  # type: ignore[arg-type]  # a transport
    before = asyncio.all_tasks()
    insertion = chunked_insert(users, numbered(1), 1)
    insertion.send(None)

    insertion.close()

    for left in asyncio.all_tasks() - before:
        left.cancel()


class Source:
    """Documents from an async generator, which tells whether it was closed."""

    def __init__(self, *documents: Any, closing: Exception | None = None) -> None:
        self._documents = documents
        self._closing = closing
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            for document in self._documents:
                yield document
        finally:
            await asyncio.sleep(0)
            self.is_closed = True
            if self._closing is not None:
                raise self._closing


def told_and_raised(_: InsertProgress) -> None:
    raise LookupError


@pytest.mark.parametrize(
    ("answer", "last", "on_progress"),
    [
        (refused(0), {"_id": 2}, None),
        (MongoConnectionError("lost"), {"_id": 2}, None),
        (INSERTED, {"$a": 1}, None),
        (INSERTED, {"_id": 2}, told_and_raised),
    ],
    ids=["a failed document", "a lost connection", "a refused document", "an error of on_progress"],
)
async def test_an_async_generator_that_is_left_is_closed(answer: Any, last: Any, on_progress: Any) -> None:
    _, users = plain_on(answer)
    # A reference to its iterator keeps the interpreter from closing it.
    source = Source({"_id": 0}, {"_id": 1}, last, {"_id": 3}, {"_id": 4})
    documents = aiter(source)

    with pytest.raises((BulkWriteError, MongoConnectionError, LookupError)):
        await chunked_insert(users, documents, 2, on_progress=on_progress)

    assert source.is_closed


async def test_a_cancelled_insertion_closes_the_async_generator() -> None:
    gate = Gate()
    users = client_on(gate).collection("shop", "users")  # type: ignore[arg-type]  # a transport
    source = Source({"_id": 0}, {"_id": 1}, {"_id": 2})
    documents = aiter(source)
    insertion = asyncio.create_task(chunked_insert(users, documents, 1))
    await until(lambda: gate.started == 1)
    insertion.cancel()

    with pytest.raises(asyncio.CancelledError):
        await insertion

    assert source.is_closed


async def test_what_closing_the_documents_raises_is_noted_on_what_ended_the_insertion() -> None:
    _, users = plain_on(refused(0))

    with pytest.raises(BulkWriteError) as caught:
        await chunked_insert(users, Source({"_id": 0}, {"_id": 1}, closing=KeyError("mine")), 1)

    assert caught.value.__notes__ == ["closing the documents failed too: KeyError"]
